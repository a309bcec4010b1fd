#!/bin/sh
# compile.sh: compiles llama.cpp's own programs from /llama, linked with the libraries in /out, into /out.
set -eu

export CCACHE_DIR=/ccache
cmake -S /peers -B /compile -G Ninja -DCMAKE_BUILD_TYPE=Release -DLLAMA=/llama -DLIBRARIES=/out \
    -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
nice -n 10 cmake --build /compile
cd /compile
cp llama-bench llama-batched-bench llama-quantize llama-server /out/
