#!/bin/sh
# cuda-libraries.sh LIST: keeps in /out, of NVIDIA's wheels that LIST names, the libraries that ggml's CUDA
# backend loads.
set -eu

sh "$(dirname -- "$0")/wheels.sh" "$1"
mkdir /out
for library in libcudart libcublas libcublasLt; do
    find /wheels/nvidia -name "$library.so.*" -exec mv {} /out/ \;
    ls /out/"$library".so.*
done
rm -rf /wheels
