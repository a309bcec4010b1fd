#!/bin/sh
# Fetches NVIDIA's wheels, by a list with checksums, and keeps some of their libraries in /out.
#
#   wheels.sh LIST LIBRARY...     LIBRARY: its path below the wheels' folder nvidia/
#
# Nothing is cached: the wheels are large and come once, the layer itself is cached.
set -eu

list=$1
shift
PIP_CERT=/run/ca.crt pip install --no-cache-dir --no-deps --require-hashes --target /wheels \
    --requirement "${list}"
mkdir /out
for library in "$@"; do
    mv "/wheels/nvidia/${library}" /out/
done
rm -rf /wheels
