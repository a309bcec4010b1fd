#!/bin/sh
# vulkan-libraries.sh FOLDER RADV: what ggml's Vulkan backend loads: the loader, and Mesa's drivers for AMD's cards (out
# of RADV) and Intel's (Debian's) with all that they load. Their manifests lie in FOLDER/icd.d, which the table of
# backends names to the loader.
set -eu

out=$1 radv=$2
libraries=/usr/lib/x86_64-linux-gnu manifests=/usr/share/vulkan/icd.d

sh "$(dirname -- "$0")/closure.sh" "$out" "$libraries/libvulkan.so.1" "$libraries/libvulkan_intel.so" \
    "$radv/libvulkan_radeon.so" "$libraries/libX11.so.6" "$libraries/libXext.so.6"
# NVIDIA's driver, which the container toolkit brings, wants these and has no way to this folder.
patchelf --add-needed libX11.so.6 --add-needed libXext.so.6 "$out/libvulkan.so.1"
if [ -n "$(find "$out" -name 'libLLVM*' -o -name 'libz3*')" ]; then
    echo "A driver is linked with LLVM, which is 160 MB and never called." >&2
    exit 1
fi

mkdir "$out/icd.d"
for manifest in "$manifests/intel_icd.json" "$radv"/radeon_icd*.json; do
    # The way from the manifest, for any one that was there.
    sed 's|"library_path": "\(.*/\)\{0,1\}|"library_path": "../|' "$manifest" >"$out/icd.d/$(basename "$manifest")"
done
for driver in intel radeon; do
    grep --recursive --quiet "\"../libvulkan_$driver.so\"" "$out/icd.d"
done
