# Compiles tests/image/stand_in_backend.c, so that the test machine needs no compiler.
FROM debian AS compiler
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
    && apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev
ARG CARDS=1
COPY stand_in_backend.c /
RUN gcc -shared -fPIC -O1 -Wall "-DCARDS=${CARDS}" -o /stand_in.so /stand_in_backend.c -ldl

FROM scratch AS output
COPY --from=compiler /stand_in.so /
