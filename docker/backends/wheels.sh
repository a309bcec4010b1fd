#!/bin/sh
# wheels.sh LIST: fetches the Python packages that LIST names with their checksums, unpacked into /wheels.
#
# Nothing is cached: NVIDIA's are large and come once, the layer itself is cached.
set -eu

PIP_CERT=/run/ca.crt PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
    pip install --no-cache-dir --no-deps --require-hashes --target /wheels --requirement "$1"
