#!/bin/sh
# check.sh FOLDER MODULES: lints and tests the library in FOLDER (docker/barrier; this folder is FOLDER/tests), against
# the node-llama-cpp in a node_modules folder. Run by the Dockerfile's stage `barrier-check`.
set -eu

folder=$1 modules=$2
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0

fail() {
    echo "FAILED: $1"
    faults=$((faults + 1))
}

git -c advice.detachedHead=false clone --quiet --no-checkout "$modules/node-llama-cpp/llama/gitRelease.bundle" "$work/git"
git -C "$work/git" archive HEAD ggml | tar -x -C "$work"
options="-std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I$folder -isystem $work/ggml/include"

# ---- linter
if [ -x /wheels/bin/clang-tidy ]; then
    # shellcheck disable=SC2086 # a word an option
    PYTHONPATH=/wheels /wheels/bin/clang-tidy --quiet --config-file="$folder/.clang-tidy" \
        "$folder/barrier.c" "$folder/plan.c" "$folder/share.c" "$folder/measure.c" -- $options || fail "clang-tidy"
fi

# ---- tests of the parts
# shellcheck disable=SC2086 # as above
cc $options -O1 -g "$here/share_test.c" "$folder/share.c" -o "$work/share_test"
"$work/share_test" || fail "the number of threads"
# shellcheck disable=SC2086 # as above
cc $options -O1 -g "$here/measure_test.c" "$folder/measure.c" -o "$work/measure_test"
"$work/measure_test" || fail "what /proc says"
# As in the image: the functions in the global scope, the backend loaded beside them.
# shellcheck disable=SC2086 # as above
cc $options -O1 -g -fPIC -shared "$here/backend.c" -o "$work/backend.so"
# shellcheck disable=SC2086 # as above
cc $options -O1 -g -rdynamic "$here/plan_test.c" "$folder/plan.c" "$folder/share.c" -o "$work/plan_test" -ldl
"$work/plan_test" "$work/backend.so" || fail "the plan of a graph"
# shellcheck disable=SC2086 # as above
cc $options -O1 -g -fsanitize=thread "$here/stress.c" "$folder/barrier.c" -o "$work/stress" -pthread
"$work/stress" || fail "the barrier under ThreadSanitizer"

# ---- what keeps the library out of an image
# refused WORDS: fits.sh has to end with 1 and say these words.
refused() {
    if said=$(sh "$folder/fits.sh" "$work/ggml" "$work/modules"); then
        fail "accepted, where it had to say: $1"
    elif ! echo "$said" | grep -q "$1"; then
        fail "'$said' does not say: $1"
    fi
}
mkdir -p "$work/modules/@node-llama-cpp"
refused "there is no CPU backend"
cp -RL "$modules"/@node-llama-cpp/linux-x64* "$work/modules/@node-llama-cpp/"
sh "$folder/fits.sh" "$work/ggml" "$work/modules" || fail "the shipped one has to fit"

source=$work/ggml/src/ggml-cpu/ggml-cpu.c
cp "$source" "$work/whole.c"
# A new member, fewer bits for the number of threads, no such function any more.
sed 's/^    struct ggml_cplan  \* cplan;$/&\n    void * added;/' "$work/whole.c" >"$source"
refused "another layout: .*n_graph lies elsewhere"
sed 's/^#define GGML_THREADPOOL_N_THREADS_BITS .*/#define GGML_THREADPOOL_N_THREADS_BITS (12)/; s/(0xffffU)/(0xfffU)/' "$work/whole.c" >"$source"
refused "another layout: .*in other bits"
cp "$work/whole.c" "$source"

library=$(find "$work/modules" -name 'libggml-cpu-*.so' | sort | tail -n 1)
# One instruction of the function is another one: the offset of n_barrier_passed.
at=$(readelf --wide --symbols "$library" | sed -n 's/^ *[0-9]*: \([0-9a-f]*\) .* ggml_barrier$/\1/p' | head -n 1)
cp "$library" "$work/library"
printf '\310' | dd of="$library" bs=1 seek=$((0x$at + 18)) conv=notrunc status=none
refused "the barrier in ${library##*/} is another one"
cp "$work/library" "$library"
# A header of ggml with other functions: the compiler ends with an error.
mkdir "$work/bin"
printf '%s\n' '#!/bin/sh' "case \"\$*\" in *-fsyntax-only*) exec $(command -v cc) \"\$@\" ;; esac" \
    'echo "plan.c: error: conflicting types" >&2' 'exit 1' >"$work/bin/cc"
chmod +x "$work/bin/cc"
PATH="$work/bin:$PATH" OUT="$work/other" sh "$folder/compile.sh" "$modules" >"$work/said" ||
    fail "compile.sh ended the build where the headers are others"
grep -q "does not compile with ggml's headers: plan.c: error" "$work/other/missing.txt" ||
    fail "compile.sh does not say what the compiler said: $(cat "$work/said")"
[ ! -e "$work/other/libmentator-barrier.so" ] || fail "compile.sh left a library that does not compile"
# compile.sh goes on without a library, and says why.
rm -rf "$work/modules/node-llama-cpp"
OUT="$work/out" sh "$folder/compile.sh" "$work/modules" | grep -q "not in this image: node-llama-cpp brings no source" ||
    fail "compile.sh without a source"
[ -s "$work/out/missing.txt" ] && [ ! -e "$work/out/libmentator-barrier.so" ] || fail "compile.sh left a library, or no reason"

[ "$faults" -eq 0 ]
