#!/bin/sh
# slim-modules.sh NODE_MODULES: removes from a node_modules folder what no running program reads: llama.cpp's sources and build
# tools in node-llama-cpp, C and C++ sources, other platforms' prebuilt add-ons, type declarations,
# maps. The image's GPU backends lie in folders of their own, so most files that are left of node-llama-cpp's
# CUDA package are the same as in its CPU package: they become links.
set -eu

modules=$1

case $(uname -m) in
    x86_64) platform=linux-x64 ;;
    aarch64) platform=linux-arm64 ;;
    *) platform=linux-$(uname -m) ;;
esac

llama=$modules/node-llama-cpp
if [ -d "$llama/llama" ]; then
    # Its JSON files name the release and are read at every start, its grammars on demand.
    find "$llama/llama" -mindepth 1 -maxdepth 1 ! -name '*.json' ! -name grammars -exec rm -rf {} +
    rm -rf "$llama/templates" "$llama/bins"
fi

# prebuildify's layout, which node-gyp-build looks through: prebuilds/PLATFORM/*.node
find "$modules" -type d -path '*/prebuilds/*' ! -name "$platform" -prune -exec rm -rf {} +
find "$modules" -type f -path '*/prebuilds/*' -name '*musl*' -delete

find "$modules" -type f \( \
    -name '*.c' -o -name '*.cc' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp' -o -name '*.gyp' \
    -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.tsbuildinfo' \
    -o -iname 'changelog*.md' -o -iname 'history*.md' -o -iname 'readme*.md' \) -delete
find "$modules" -depth -type d -empty -delete
rm -f "$modules/.package-lock.json"

# A backend in bins/ would be loaded beside the chosen one.
prebuilts=$modules/@node-llama-cpp
for file in "$prebuilts"/linux-x64-cuda/bins/linux-x64-cuda/*; do
    same=linux-x64/bins/linux-x64/${file##*/}
    case $file in
        */libggml-cuda.so) rm "$file" ;;
        *) if cmp -s "$file" "$prebuilts/$same"; then ln -sf "../../../$same" "$file"; fi ;;
    esac
done
# The Vulkan package's addon is linked with the loader of Vulkan, to ask it what the backend asks it anyway. The CPU
# package's loads any backend, so of this package only what names it is needed, and links to the files of that one.
vulkan=$prebuilts/linux-x64-vulkan/bins/linux-x64-vulkan
if [ -d "$vulkan" ]; then # an application may lack the package
    find "$vulkan" -type f ! -name '*.json' -delete
    for file in "$prebuilts"/linux-x64/bins/linux-x64/*; do
        name=${file##*/}
        if ! [ -e "$vulkan/$name" ]; then
            ln -s "../../../linux-x64/bins/linux-x64/$name" "$vulkan/$name"
        fi
    done
fi
