#!/bin/sh
# llama-source.sh: installs the node-llama-cpp that package-lock.json in /build names, and has it unpack and patch the source of
# llama.cpp that it carries: /llama.
set -eu

export NODE_EXTRA_CA_CERTS=/run/ca.crt NODE_LLAMA_CPP_SKIP_DOWNLOAD=true
cd /build
npm ci --no-audit --no-fund --ignore-scripts
npx --no node-llama-cpp source download --skipBuild --noUsageExample
mv node_modules/node-llama-cpp/llama /llama
rm -rf /llama/llama.cpp/.git /llama/gitRelease.bundle
