#!/bin/sh
# install-modules.sh [--production] [PREBUILT...]: installs the node_modules of the application in /build, with
# those of llama.cpp's prebuilt packages. With --production without what only development needs, and patched:
# an application may correct a library by its script `patch`.
set -eu

export NODE_EXTRA_CA_CERTS=/run/ca.crt NODE_LLAMA_CPP_SKIP_DOWNLOAD=true
here=$(dirname -- "$0")
cd /build
node "$here/lock-subset.mjs" install . "$@"
if [ "${1:-}" = --production ]; then
    npm ci --omit=dev --no-audit --no-fund
    npm run --if-present patch
else
    npm ci --no-audit --no-fund
fi
