#!/bin/sh
# prebuilt.sh PLUGIN: fetches node-llama-cpp's package that package-lock.json in /build names, and keeps the backend
# of it, the file PLUGIN, in /out.
set -eu

cd /build
NODE_EXTRA_CA_CERTS=/run/ca.crt npm ci --no-audit --no-fund --ignore-scripts
mkdir /out
find node_modules -name "$1" -exec mv {} /out/ \;
test -s "/out/$1"
