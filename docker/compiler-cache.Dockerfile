# Carries the compilers' caches (ccache) of docker/Dockerfile between builders: BuildKit keeps a
# cache mount to itself. Run by `invoke cache.export` and `invoke cache.import`. Contexts: `debian`,
# and `saved`, a folder with what `export` wrote.

# Another value at each call: a step that ran before would not be run again.
ARG CALL=0

FROM debian AS pack
ARG CALL
RUN --mount=type=cache,id=mentator-ccache-cuda,target=/ccache/cuda,sharing=locked \
    --mount=type=cache,id=mentator-ccache-rocm,target=/ccache/rocm,sharing=locked \
    --mount=type=cache,id=mentator-ccache-vulkan,target=/ccache/vulkan,sharing=locked \
    echo "call ${CALL}" \
    && tar --create --file /compiler-cache.tar --directory /ccache .

FROM scratch AS export
COPY --from=pack /compiler-cache.tar /

# What is there already stays: it is the same or newer.
FROM debian AS import
ARG CALL
RUN --mount=type=cache,id=mentator-ccache-cuda,target=/ccache/cuda,sharing=locked \
    --mount=type=cache,id=mentator-ccache-rocm,target=/ccache/rocm,sharing=locked \
    --mount=type=cache,id=mentator-ccache-vulkan,target=/ccache/vulkan,sharing=locked \
    --mount=type=bind,from=saved,target=/saved \
    echo "call ${CALL}" \
    && tar --extract --skip-old-files --file /saved/compiler-cache.tar --directory /ccache
