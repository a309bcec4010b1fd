#!/bin/sh
# Removes from node_modules what no running program reads: llama.cpp's sources and build tools of
# node-llama-cpp, type declarations, maps. The image's GPU backends lie in folders of their own, so
# what is left of the CUDA package is the same code as the CPU package's, linked by other names.
set -eu

modules=$1

rm -rf \
    "$modules/node-llama-cpp/llama/gitRelease.bundle" \
    "$modules/node-llama-cpp/llama/addon" \
    "$modules/node-llama-cpp/llama/cmake" \
    "$modules/node-llama-cpp/llama/gpuInfo" \
    "$modules/node-llama-cpp/llama/profiles" \
    "$modules/node-llama-cpp/llama/toolchains" \
    "$modules/node-llama-cpp/templates" \
    "$modules/.package-lock.json"

find "$modules" -type f \( \
    -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.tsbuildinfo' \
    -o -iname 'changelog*.md' -o -iname 'readme*.md' \) -delete
find "$modules" -depth -type d -empty -delete

# A backend in bins/ would be loaded beside the chosen one.
find "$modules/@node-llama-cpp" -name libggml-cuda.so -delete
for file in "$modules"/@node-llama-cpp/linux-x64-cuda/bins/linux-x64-cuda/*; do
    same=linux-x64/bins/linux-x64/${file##*/}
    if cmp -s "$file" "$modules/@node-llama-cpp/$same"; then
        ln -sf "../../../$same" "$file"
    fi
done
