#!/bin/sh
# closure.sh FOLDER LIBRARY...: copies libraries and all that they load into FOLDER, and lets each
# find the others there. Left out is what the image has itself, /runtime; what is in /support, which
# is built for that image, is taken from there: the SDK's may need a newer C library.
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
    name=${library##*/}
    if [ -e "/runtime/$name" ]; then
        continue
    elif [ -e "/support/$name" ]; then
        library=/support/$name
    fi
    cp -L "$library" "$out/"
done
for library in "$out"/*.so*; do
    chmod 0644 "$library"
    patchelf --set-rpath "\$ORIGIN" "$library"
done
