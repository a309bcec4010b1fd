#!/bin/sh
# compile.sh TARGET [CMAKE-OPTION...]: compiles one GPU backend of llama.cpp's ggml from /llama.
#
# The backend is a plugin of its own: what it shares with the stock addon is ggml's plugin API, so
# source and addon have to be of the same node-llama-cpp. The result is /out/lib<TARGET>.so, which
# finds its libraries beside itself. The compiler's cache is wherever CCACHE_DIR says.
set -eu

target=$1
shift

# The cache is carried between machines: a compiler is known by its version, not by its file's time.
export CCACHE_COMPILERCHECK="%compiler% --version"
export CCACHE_BASEDIR=/llama CCACHE_SLOPPINESS=include_file_ctime,include_file_mtime
export CCACHE_MAXSIZE=4G

ccache --zero-stats >/dev/null
# node-llama-cpp's own CMake project, with its words for the platform; of it only one target is built.
cmake -S /llama -B /compile -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
    -DNLC_CURRENT_PLATFORM=linux-x64 -DNLC_TARGET_PLATFORM=linux-x64 -DNLC_VARIANT=backend \
    -DGGML_BACKEND_DL=ON -DGGML_NATIVE=OFF -DGGML_CPU=OFF -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF \
    -DLLAMA_OPENSSL=OFF \
    -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
    -DCMAKE_HIP_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache \
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON "-DCMAKE_INSTALL_RPATH=\$ORIGIN" \
    -DCMAKE_SHARED_LINKER_FLAGS=-s \
    "$@"
nice -n 15 cmake --build /compile --target "$target"
ccache --show-stats

mkdir -p /out
find /compile -name "lib$target.so" -exec cp {} /out/ \;
test -s "/out/lib$target.so"
