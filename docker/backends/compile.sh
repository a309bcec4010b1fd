#!/bin/sh
# compile.sh TARGET [CMAKE-OPTION...]: compiles one GPU backend of llama.cpp's ggml from /llama.
#
# The backend is a plugin of its own: what it shares with the stock addon is ggml's plugin API, so
# source and addon have to be of the same node-llama-cpp. The result is /out/lib<TARGET>.so, which
# finds its libraries beside itself. The compiler's cache is wherever CCACHE_DIR says.
#
# Where /runtime is given, the libraries of the image that the backend will run in, it is linked with
# their C and C++ runtimes: the SDK's may be newer, and what is linked with glibc 2.43 asks for it. What its
# headers promise and the runtime has not ends the link.
set -eu

target=$1
shift

# The cache is carried between machines: a compiler is known by its version, not by its file's time.
export CCACHE_COMPILERCHECK="%compiler% --version"
export CCACHE_BASEDIR=/llama CCACHE_SLOPPINESS=include_file_ctime,include_file_mtime
export CCACHE_MAXSIZE=4G

# A library that is missing in the link is found here, not at a user's.
link_flags="-s -Wl,-z,defs"
if [ -d /runtime ]; then
    mkdir /link
    # As in the distribution's own libc.so: a few functions are in no shared library.
    nonshared=$(find /usr/lib -name libc_nonshared.a)
    echo "GROUP ( /runtime/libc.so.6 $nonshared AS_NEEDED ( /runtime/ld-linux-x86-64.so.2 ) )" \
        >/link/libc.so
    echo "GROUP ( /runtime/libm.so.6 AS_NEEDED ( /runtime/libmvec.so.1 ) )" >/link/libm.so
    ln -s /runtime/libstdc++.so.6 /link/libstdc++.so
    link_flags="$link_flags -L/link"
fi

ccache --zero-stats >/dev/null
# node-llama-cpp's own CMake project, with its words for the platform; of it only one target is built.
cmake -S /llama -B /compile -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
    -DNLC_CURRENT_PLATFORM=linux-x64 -DNLC_TARGET_PLATFORM=linux-x64 -DNLC_VARIANT=backend \
    -DGGML_BACKEND_DL=ON -DGGML_NATIVE=OFF -DGGML_CPU=OFF -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF \
    -DLLAMA_OPENSSL=OFF \
    -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
    -DCMAKE_HIP_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache \
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON "-DCMAKE_INSTALL_RPATH=\$ORIGIN" \
    "-DCMAKE_MODULE_LINKER_FLAGS=$link_flags" "-DCMAKE_SHARED_LINKER_FLAGS=$link_flags" \
    "$@"
nice -n 15 cmake --build /compile --target "$target"
ccache --show-stats

mkdir -p /out
find /compile -name "lib$target.so" -exec cp {} /out/ \;
test -s "/out/lib$target.so"
