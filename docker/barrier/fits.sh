#!/bin/sh
# fits.sh SOURCE MODULES: whether the library may take the place of ggml's barrier in the CPU backends of a
# node_modules folder; SOURCE is the folder of ggml's source that they were made of. Where it may not, it prints why,
# in one line, and ends with 1.
#
# ggml's structure is private, so both are looked at: the source must have the members at the same offsets (fits.c),
# and each shipped library the very function that is replaced (x86_64.listing), called by way of its table of symbols.
set -eu

here=$(dirname "$0")
source=$1 modules=$2

refuse() {
    echo "$1"
    exit 1
}

[ "$(uname -m)" = x86_64 ] || refuse "it is not made for $(uname -m)"
if ! faults=$(cc -std=c11 -D_GNU_SOURCE -fsyntax-only -w -I"$source/include" -I"$source/src" -I"$source/src/ggml-cpu" \
    -I"$here" "$here/fits.c" 2>&1); then
    refuse "ggml's source has another layout: $(echo "$faults" | grep -m 1 error)"
fi
libraries=$(find "$modules"/@node-llama-cpp/linux-x64* -name 'libggml-cpu*.so' 2>/dev/null | sort)
[ -n "$libraries" ] || refuse "there is no CPU backend of node-llama-cpp"
for library in $libraries; do
    sh "$here/listing.sh" "$library" | cmp -s - "$here/x86_64.listing" ||
        refuse "the barrier in ${library##*/} is another one"
    for function in ggml_barrier ggml_graph_plan; do
        readelf --wide --relocs "$library" | grep -q "JU*MP_SLO.* $function\( \|$\)" ||
            refuse "${library##*/} calls $function directly"
    done
done
