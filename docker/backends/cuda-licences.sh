#!/bin/sh
# cuda-licences.sh LIST OUT: the licence that NVIDIA's wheels carry, out of the smallest of those in LIST. It is one
# text for the whole toolkit, and names the libraries that may be passed on.
set -eu

# A requirement and its checksums, which pip-tools continues by backslashes.
sed -n '/^nvidia-cuda-runtime/,/[^\\]$/p' "$1" >/tmp/wheel.txt
sh "$(dirname -- "$0")/wheels.sh" /tmp/wheel.txt
mkdir -p "$2"
find /wheels -path '*.dist-info/*' -iname 'license*' -type f -exec cp {} "$2/LICENSE" \;
rm -rf /wheels
for library in libcudart.so libcublas.so libcublasLt.so; do
    grep --quiet "$library" "$2/LICENSE"
done
