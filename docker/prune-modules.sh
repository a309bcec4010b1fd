#!/bin/sh
# Removes from node_modules what no running program reads: llama.cpp's sources and build tools of
# node-llama-cpp (the image's backends are built in stages of their own), type declarations, maps.
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
