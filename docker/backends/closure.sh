#!/bin/sh
# closure.sh FOLDER LIBRARY...: copies libraries and all that they load, but for what the runtime
# image has itself, into FOLDER, and lets each find the others there.
set -eu

out=$1
shift
mkdir -p "$out"

# ldd's lines: "libz.so.1 => /usr/lib/x86_64-linux-gnu/libz.so.1 (0x...)", "=> not found".
loaded=$(ldd "$@")
if printf '%s\n' "$loaded" | grep 'not found'; then
    exit 1
fi
for library in "$@"; do
    # Others ask for it by its soname, whatever the name it was given here.
    cp -L "$library" "$out/$(patchelf --print-soname "$library")"
done
printf '%s\n' "$loaded" | sed -n 's/.* => \(\/.*\) (0x.*/\1/p' | sort -u | while read -r library; do
    case ${library##*/} in
        # The C and C++ runtimes: one of each in a process, and that is the image's.
        libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | ld-linux*) ;;
        libstdc++.so.* | libgcc_s.so.* | libgomp.so.*) ;;
        *) cp -L "$library" "$out/" ;;
    esac
done
for library in "$out"/*.so*; do
    chmod 0644 "$library"
    patchelf --set-rpath "\$ORIGIN" "$library"
done
