#!/bin/sh
# rocm-libraries.sh FOLDER TARGETS: what ggml's HIP backend loads at run time: HIP and the BLAS
# libraries with their closure, and of BLAS kernels and device code those of the targets.
set -eu

out=$1
here=$(dirname -- "$0")
targets=$(sh "$here/rocm-targets.sh" "$2" ' ')
# shellcheck disable=SC2086 # a target is a word
set -- $targets

libraries=/opt/rocm/lib
if ! [ -e "$libraries/librocblas.so" ]; then
    libraries=/usr/lib/x86_64-linux-gnu
fi
# comgr is opened by HIP by its name, which no ldd shows.
sh "$here/closure.sh" "$out" "$libraries/librocblas.so" "$libraries/libhipblas.so" \
    "$libraries/libamdhip64.so" "$libraries/libamd_comgr.so"
for library in "$out"/librocblas.so* "$out"/libhipblaslt.so*; do
    if [ -e "$library" ]; then
        python3 "$here/slim_fatbin.py" "$library" "$@"
    fi
done

# Where the libraries look from their own folder: rocblas/library, Debian's rocblas/4.4.1/library.
cd "$libraries"
for folder in rocblas hipblaslt; do
    if ! [ -d "$folder" ]; then
        continue
    fi
    find "$folder" -type f | while read -r kernel; do
        target=$(printf '%s' "$kernel" | sed -n 's/.*\(gfx[0-9a-f]*\).*/\1/p')
        case " $* " in
            *" ${target:-$1} "*) # Files without a target are every target's.
                mkdir -p "$out/${kernel%/*}"
                cp "$kernel" "$out/$kernel"
                ;;
            *) ;;
        esac
    done
done
# What the start compares a card with: targets without BLAS kernels would fail at the first prompt.
for target; do
    if [ -n "$(find "$out" -path '*/rocblas/*' -name "*$target*" -print -quit)" ]; then
        printf '%s\n' "$target" >>"$out/targets.txt"
    else
        echo "$target: this SDK's rocBLAS has no kernels for it, so no card will be told to use it" >&2
    fi
done
if ! [ -s "$out/targets.txt" ]; then
    echo "rocBLAS has kernels for none of $*, but for:" \
        "$(sh "$here/rocm-targets.sh" all ' '). Name one of those with --rocm-targets." >&2
    exit 1
fi
