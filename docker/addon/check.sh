#!/bin/sh
# check.sh CORRECTIONS: lints the C++ files of an application's `patches/addon` with clang-tidy, by the rules in its
# own .clang-tidy; without that file there is nothing to check. compile.sh has run before.
set -eu

if ! [ -e "$1/.clang-tidy" ]; then
    echo "patches/addon has no .clang-tidy, so it is not checked."
    exit 0
fi
sh /opt/build/wheels.sh /opt/build/clang-tidy.txt
cp "$1/.clang-tidy" /llama/addon/
# node-llama-cpp's and llama.cpp's headers are not ours to check; -w would suppress every finding.
sed -i 's/ -I/ -isystem/g; s/ -w / /' /compile/compile_commands.json
for file in "$1"/*.cpp; do
    set -- "$@" "/llama/addon/${file##*/}"
done
shift
PYTHONPATH=/wheels /wheels/bin/clang-tidy --quiet -p /compile "$@"
