#!/bin/sh
# cuda-toolkit.sh WHEELS: makes a CUDA toolkit at /usr/local/cuda out of NVIDIA's unpacked wheels.
set -eu

mv "$1"/nvidia/cu13 /usr/local/cuda
cd /usr/local/cuda
ln -s lib lib64
# The linker looks for libcudart.so; the wheels hold what programs load, libcudart.so.13.
for library in lib/*.so.*; do
    name=${library##*/}
    ln -sf "$name" "lib/${name%%.so.*}.so"
done
# The driver's library comes with the host: this one has its name and nothing else.
mkdir -p lib/stubs
gcc -shared -Wl,-soname,libcuda.so.1 -o lib/stubs/libcuda.so -x c /dev/null
