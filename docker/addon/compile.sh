#!/bin/sh
# compile.sh FOLDER LIBRARIES MODULES: compiles node-llama-cpp's native part from /llama with the
# corrections in FOLDER, an application's `patches/addon`: its *.diff are applied to the sources in
# `llama/addon`, its *.cpp and *.h lie beside them. The result is /out/llama-addon.node.
#
# A correction that does not fit the sources ends the build: it was made for another version.
set -eu

folder=$1 libraries=$2 modules=$3

for diff in "$folder"/*.diff; do
    patch --strip=1 --fuzz=0 --no-backup-if-mismatch --directory=/llama/addon <"$diff"
done
cp "$folder"/*.cpp "$folder"/*.h /llama/addon/

cmake -S /opt/build -B /compile -G Ninja -DCMAKE_BUILD_TYPE=Release -DLLAMA=/llama \
    "-DLIBRARIES=$libraries" "-DMODULES=$modules" -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
nice -n 10 cmake --build /compile
mkdir -p /out
cp /compile/llama-addon.node /out/
