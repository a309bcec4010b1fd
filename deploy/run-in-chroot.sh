#!/bin/sh
# Runs an exported image (`invoke export`) on a machine that has a GPU but no container engine.
#
#   run-in-chroot.sh [COMMAND ...]    as root; without a command the image's entrypoint
#
# Joins the parts beside it, once, into ROOTFS (default: rootfs/ beside it), gives it this machine's
# GPU device nodes and NVIDIA driver, and becomes the command in it. All mounts are in a mount
# namespace of its own: they are gone when the command ends, however it ends. The network is the
# machine's own: the service listens on port 19777.
#
# Reads: ROOTFS, DATA (the data folder, default: data/ beside it), and what the container reads:
# MENTATOR_*, NVIDIA_*, CUDA_*, HIP_*, HSA_*, ROCR_*. IN_NAMESPACE is for this script itself.
set -eu

here=$(cd -- "$(dirname -- "$0")" && pwd)
rootfs=${ROOTFS:-${here}/rootfs}
data=${DATA:-${here}/data}
inside=/opt/mentator-llm-service/data

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

main() {
    if [ "$(id -u)" -ne 0 ]; then
        fail "this takes root: chroot and mounts"
    fi
    if [ -z "${IN_NAMESPACE:-}" ]; then
        if ! unshare --mount true 2>/dev/null; then
            fail "this root may not mount: is it an unprivileged container's?"
        fi
        unpack
        mkdir -p "${data}"
        IN_NAMESPACE=1 exec unshare --mount --propagation private sh "$0" "$@"
    fi
    mount_system
    mount_gpus
    mount_driver
    mkdir -p "${rootfs}${inside}"
    mount --bind "${data}" "${rootfs}${inside}"
    run "$@"
}

# ---- the root file system -------------------------------------------------------------------------

# Joins and unpacks the parts, whole or not at all: a folder that is complete has its name. One of
# several calls does it; the lock goes with its process.
unpack() {
    exec 9>"${here}/.lock"
    flock 9
    if [ -d "${rootfs}" ]; then
        exec 9>&-
        return 0
    fi
    echo "unpacking into ${rootfs}"
    (cd "${here}" && sha256sum --quiet --check SHA256SUMS) || fail "parts are missing or damaged"
    rm -rf "${rootfs}.part"
    mkdir -p "${rootfs}.part"
    cat "${here}"/rootfs.tar.gz.* | tar --numeric-owner -xzpf - -C "${rootfs}.part"
    mv "${rootfs}.part" "${rootfs}"
    exec 9>&-
}

# ---- what an engine would mount -------------------------------------------------------------------

mount_system() {
    mount -t proc proc "${rootfs}/proc" 2>/dev/null || mount --rbind /proc "${rootfs}/proc"
    mount --rbind /sys "${rootfs}/sys"
    mount -t tmpfs -o mode=0755,nosuid tmpfs "${rootfs}/dev"
    mkdir "${rootfs}/dev/shm"
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "${rootfs}/dev/shm"
    ln -s /proc/self/fd "${rootfs}/dev/fd"
    for node in null zero full random urandom tty; do
        place "/dev/${node}" "/dev/${node}"
    done
}

mount_gpus() {
    # Made at the first use, by a program that is not inside.
    if [ -e /dev/nvidiactl ] && [ ! -e /dev/nvidia-uvm ] && command -v nvidia-modprobe >/dev/null; then
        nvidia-modprobe -u -c 0 || true
    fi
    for node in /dev/nvidia* /dev/nvidia-caps/* /dev/kfd /dev/dri/* /dev/dxg; do
        if [ -c "${node}" ]; then
            place "${node}" "${node}"
        fi
    done
}

# The driver's libraries are of the machine's kernel module: the image has none. The same set as
# NVIDIA's container toolkit brings for the capabilities compute and utility.
mount_driver() {
    for name in libcuda.so.1 libnvidia-ml.so.1 libnvidia-ptxjitcompiler.so.1 libnvidia-nvvm.so.4 \
        libnvidia-nvvm70.so.4 libnvidia-gpucomp.so; do
        library=$(find_library "${name}")
        if [ -n "${library}" ]; then
            place "${library}" "/usr/lib/x86_64-linux-gnu/${name}"
            place "${library}" "/usr/lib/x86_64-linux-gnu/${library##*/}"
        fi
    done
    tool=$(command -v nvidia-smi || true)
    if [ -n "${tool}" ]; then
        place "${tool}" /usr/bin/nvidia-smi
    fi
}

# find_library NAME: prints the file that the machine's loader takes for it; nothing where it has none.
# libnvidia-gpucomp.so has only its full version's name.
find_library() {
    for folder in $(ldconfig -p 2>/dev/null | sed -n 's|.*x86-64.*=> \(.*\)/libcuda\.so\.1$|\1|p') \
        /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/local/nvidia/lib64 /usr/lib/wsl/lib; do
        for file in "${folder}/$1" "${folder}/$1".*; do
            if [ -s "${file}" ]; then
                readlink -f "${file}"
                return 0
            fi
        done
    done
}

# place FILE TARGET: makes a file or device node of this machine appear in the root file system.
place() {
    if [ ! -e "${rootfs}$2" ]; then
        mkdir -p "${rootfs}${2%/*}"
        : >"${rootfs}$2"
    fi
    mount --bind "$1" "${rootfs}$2"
}

# ---- the command ----------------------------------------------------------------------------------

# Becomes the command, with the image's variables and those of ours that the container reads.
run() {
    if [ "$#" -eq 0 ]; then
        set -- /opt/mentator/start-docker.sh
    fi
    ours=$(env | grep -E '^(MENTATOR|NVIDIA|CUDA|HIP|HSA|ROCR)_[A-Za-z0-9_]*=' || true)
    newline='
'
    IFS=${newline}
    set -f
    # shellcheck disable=SC2046,SC2086 # a line is a word
    exec env -i $(cat "${here}/image.env") ${ours} chroot "${rootfs}" "$@"
}

main "$@"
