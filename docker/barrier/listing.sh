#!/bin/sh
# listing.sh LIBRARY: the machine code of its ggml_barrier, an instruction a line, whatever its address.
set -eu

LC_ALL=C objdump --disassemble=ggml_barrier --no-show-raw-insn --no-addresses "$1" |
    sed -n '/^<ggml_barrier>:$/,/^$/ { s/^[[:space:]]*//; s/[[:space:]]\{1,\}/ /g; s/ *$//; /^</d; /^$/d; p; }'
