#!/bin/sh
# licences.sh LIBRARIES OUT: the licence texts of the libraries in the folder LIBRARIES, which were copied out of the
# Debian packages installed here. OUT gets PACKAGE/copyright, and packages.txt with a line a library: its name, the
# package, the package's version.
set -eu

out=$2
mkdir -p "$out"
for path in "$1"/*.so*; do
    library=${path##*/}
    case $library in
        libggml-*) continue ;; # llama.cpp's own: no package's
        *) ;;
    esac
    # "libz3-4:amd64: /usr/lib/x86_64-linux-gnu/libz3.so.4"; the first, where several have one of that name.
    package=$(dpkg-query --search "*/$library" | sed -n '1s/[:,].*//p')
    if [ -z "$package" ]; then
        echo "$library is in no package, so its licence is not known." >&2
        exit 1
    fi
    mkdir -p "$out/$package"
    if [ -e "/usr/share/doc/$package/copyright" ]; then
        cp -L "/usr/share/doc/$package/copyright" "$out/$package/copyright"
    else
        # AMD's own packages have a file LICENSE, in a folder of ROCm's.
        text=$(dpkg-query --listfiles "$package" | grep --ignore-case --max-count=1 '/doc/.*/licen[cs]e')
        cp -L "$text" "$out/$package/copyright"
    fi
    # shellcheck disable=SC2016 # dpkg's word, not the shell's
    version=$(dpkg-query --show --showformat '${Version}\n' "$package" | head -n 1)
    printf '%s %s %s\n' "$library" "$package" "$version" >>"$out/packages.txt"
done
