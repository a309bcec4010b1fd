#!/bin/sh
# cuda-toolkit.sh LIST: makes a CUDA toolkit at /usr/local/cuda out of NVIDIA's wheels, which LIST names with
# their checksums.
set -eu

sh "$(dirname -- "$0")/wheels.sh" "$1"
mv /wheels/nvidia/cu13 /usr/local/cuda
rm -rf /wheels
cd /usr/local/cuda
ln -s lib lib64
# The linker looks for libcudart.so; the wheels hold what programs load, libcudart.so.13.
for library in lib/*.so.*; do
    name=${library##*/}
    ln -sf "$name" "lib/${name%%.so.*}.so"
done
# The driver's library comes with the host: this one has only its name.
mkdir -p lib/stubs
gcc -shared -Wl,-soname,libcuda.so.1 -o lib/stubs/libcuda.so -x c /dev/null
