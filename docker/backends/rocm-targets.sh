#!/bin/sh
# rocm-targets.sh TARGETS SEPARATOR: the GPU targets to build for, e.g. "gfx1100,gfx90a" with another
# separator; `all` are those that this SDK's rocBLAS has kernels for.
set -eu

if [ "$1" = all ]; then
    # Kernels.so-000-gfx90a-xnack+.hsaco; gfx803 is left out: HIP's runtime has given it up.
    find / -xdev -path '*/rocblas/*' -name 'Kernels.so-*gfx*.hsaco' \
        | sed 's/.*-\(gfx[0-9a-f]*\).*/\1/' | grep -v '^gfx803$'
else
    printf '%s' "$1" | tr ',' '\n'
fi | sort -u | paste -s -d "$2" -
