# Mesa's lavapipe with what it loads: a Vulkan device that computes on the CPU, for tests alone. `docker` is the
# folder of the image's Dockerfile.
FROM debian AS lavapipe
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
    && apt-get update \
    && apt-get install --yes --no-install-recommends mesa-vulkan-drivers patchelf
COPY --from=docker backends/closure.sh /
RUN --mount=type=bind,from=debian,source=/usr/lib/x86_64-linux-gnu,target=/runtime \
    sh /closure.sh /out /usr/lib/x86_64-linux-gnu/libvulkan_lvp.so \
    && sed 's|"library_path": "|&./|' /usr/share/vulkan/icd.d/lvp_icd.json >/out/lavapipe.json

FROM scratch AS output
COPY --from=lavapipe /out /
