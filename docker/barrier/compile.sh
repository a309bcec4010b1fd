#!/bin/sh
# compile.sh MODULES: compiles the library for the node-llama-cpp in a node_modules folder, against the source of
# ggml that this package carries: /out/libmentator-barrier.so. Where it does not fit, /out holds missing.txt instead,
# with the reason: the image works without it, as ggml does by itself. OUT names another folder than /out.
set -eu

here=$(dirname "$0")
modules=$1
out=${OUT:-/out}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

leave_out() {
    echo "The barrier is not in this image: $1."
    echo "$1" >"$out/missing.txt"
    exit 0
}

bundle=$modules/node-llama-cpp/llama/gitRelease.bundle
git -c advice.detachedHead=false clone --quiet --no-checkout "$bundle" "$work/git" 2>/dev/null ||
    leave_out "node-llama-cpp brings no source of llama.cpp"
git -C "$work/git" archive HEAD ggml | tar -x -C "$work" || leave_out "llama.cpp's source has no folder ggml"
why=$(sh "$here/fits.sh" "$work/ggml" "$modules") || leave_out "$why"
if ! cc -std=c11 -D_GNU_SOURCE -O2 -g0 -fPIC -shared -s -fvisibility=hidden -Wall -Wextra -Werror \
    -Wl,--build-id=none -isystem "$work/ggml/include" -o "$work/library" \
    "$here/barrier.c" "$here/plan.c" "$here/share.c" "$here/measure.c" 2>"$work/faults"; then
    cat "$work/faults"
    leave_out "it does not compile with ggml's headers: $(grep -m 1 error "$work/faults")"
fi
mv "$work/library" "$out/libmentator-barrier.so"
