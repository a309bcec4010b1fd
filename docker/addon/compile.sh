#!/bin/sh
# compile.sh FOLDER PACKAGES MODULES: compiles node-llama-cpp's native part from /llama with the
# corrections in FOLDER, an application's `patches/addon`: its *.diff are applied to the sources in
# `llama/addon`, its *.cpp and *.h lie beside them. The result is one llama-addon.node for each of the
# PACKAGES, at its place there: /out/linux-x64/bins/linux-x64/llama-addon.node.
#
# A correction that does not fit the sources ends the build: it was made for another version.
set -eu

folder=$1 packages=$2 modules=$3

# C++ objects cross the border to the packages' libraries: their layout is that of the release whose headers are used.
release=$(sed -n 's/.*"tag": *"\([^"]*\)".*/\1/p' /llama/llama.cpp.info.json)
for built in "$packages"/*/bins/*/_nlcBuildMetadata.json; do
    if [ -z "$release" ] || ! grep -q "\"release\":\"$release\"" "$built"; then
        echo "$built is not of llama.cpp ${release:-(unknown)}, whose headers are compiled against." >&2
        exit 1
    fi
done

# Each kind may be missing.
for file in "$folder"/*.diff; do
    [ ! -e "$file" ] || patch --strip=1 --fuzz=0 --no-backup-if-mismatch --directory=/llama/addon <"$file"
done
find "$folder" -maxdepth 1 -name '*.cpp' -exec cp {} /llama/addon/ \;
find "$folder" -maxdepth 1 -name '*.h' -exec cp {} /llama/addon/ \;

cmake -S /opt/build -B /compile -G Ninja -DCMAKE_BUILD_TYPE=Release -DLLAMA=/llama \
    -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
    "-DPACKAGES=$packages" "-DMODULES=$modules"
nice -n 10 cmake --build /compile
mv /compile/out /out
