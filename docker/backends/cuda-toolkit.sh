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
# The driver's library comes with the host. This one has its name and, out of the header, the names of its
# functions: without them a plugin would be linked as if it did not need the driver, and not load at a user's.
mkdir -p lib/stubs
echo '#include <cuda.h>' | gcc -E -P -Iinclude -x c - | grep -oE '\bcu[A-Z][A-Za-z0-9_]* *\(' | tr -d ' (' | sort -u \
    | sed 's/.*/void &(void) {}/' >/tmp/driver.c
grep -q ' cuMemCreate(' /tmp/driver.c
gcc -shared -Wl,-soname,libcuda.so.1 -o lib/stubs/libcuda.so /tmp/driver.c
rm /tmp/driver.c
