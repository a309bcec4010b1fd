#!/bin/sh
# radv.sh: compiles Mesa's Vulkan driver for AMD's cards into /out, with its manifest, from the sources of Debian's
# package. Debian's own is linked with LLVM, which with z3 is 160 MB, and which it never calls: its compiler
# is Mesa's own (ACO). Nor does a container need its parts for X11 and Wayland.
set -eu

# deb822 (the official image), or the older form.
find /etc/apt/sources.list /etc/apt/sources.list.d -type f 2>/dev/null | while read -r list; do
    sed -i 's/^Types: deb$/Types: deb deb-src/; s/^deb \(.*\)$/&\ndeb-src \1/' "$list"
done
sh /run/apt-install.sh bison dpkg-dev flex glslang-tools libdrm-dev libelf-dev libexpat1-dev libzstd-dev meson \
    pkg-config python3-mako python3-packaging python3-yaml zlib1g-dev
mkdir /sources /out
cd /sources
apt-get --option Dir::State=/var/cache/apt/state source --only-source mesa
cd mesa-*/
CC='ccache gcc' CXX='ccache g++' meson setup /compile --buildtype=release -Db_ndebug=true \
    -Dvulkan-drivers=amd -Dllvm=disabled -Dplatforms= -Dgallium-drivers= -Dvulkan-layers= -Dvideo-codecs= \
    -Dopengl=false -Dgles1=disabled -Dgles2=disabled -Degl=disabled -Dgbm=disabled -Dglx=disabled \
    -Dlibunwind=disabled -Dlmsensors=disabled -Dvalgrind=disabled -Dxmlconfig=disabled
nice -n 10 ninja -C /compile
DESTDIR=/installed meson install -C /compile --no-rebuild --strip
find /installed \( -name libvulkan_radeon.so -o -name 'radeon_icd*.json' \) -exec mv {} /out/ \;
test -s /out/libvulkan_radeon.so
