#!/bin/sh
# Runs an exported image (`invoke export`) on a machine with a GPU but without a container engine.
#
#   run-in-chroot.sh [COMMAND ...]    as root; the default command is the image's entrypoint
#
# Unpacks the parts in its folder into ROOTFS (default: rootfs/ in its folder) at the first run. Then
# it mounts this machine's GPU device nodes and NVIDIA driver there and runs the command in it. All
# mounts are in a private mount namespace: they are gone when the command ends. The network is that of
# the machine: the service listens on port 19777.
#
# Environment: ROOTFS, DATA (the data folder, default: data/ in its folder), and the variables of the
# container: MENTATOR_*, NVIDIA_*, CUDA_*, HIP_*, HSA_*, ROCR_*, GGML_VK_*, VK_*, HF_TOKEN, HF_ENDPOINT, TZ. The
# script sets IN_NAMESPACE itself.
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
        fail "root is needed for mount and chroot; run the script as root"
    fi
    if [ -z "${IN_NAMESPACE:-}" ]; then
        if ! unshare --mount true 2>/dev/null; then
            fail "root is not allowed to mount here: is this an unprivileged container?"
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

# Joins and unpacks the parts. The folder gets its name only when it is complete. When several calls
# run at once, the lock lets one of them unpack; it is released when that process ends.
unpack() {
    exec 9>"${here}/.lock"
    flock 9
    if [ -d "${rootfs}" ]; then
        exec 9>&-
        return 0
    fi
    echo "unpacking into ${rootfs}"
    (cd "${here}" && sha256sum --quiet --check SHA256SUMS) || fail "parts are missing or damaged: copy the exported folder again"
    rm -rf "${rootfs}.part"
    mkdir -p "${rootfs}.part"
    cat "${here}"/rootfs.tar.gz.* | tar --numeric-owner -xzpf - -C "${rootfs}.part"
    mv "${rootfs}.part" "${rootfs}"
    exec 9>&-
}

# ---- mounts, as an engine makes them --------------------------------------------------------------

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
    # The driver creates this node at first use with a program that the image does not have.
    if [ -e /dev/nvidiactl ] && [ ! -e /dev/nvidia-uvm ] && command -v nvidia-modprobe >/dev/null; then
        nvidia-modprobe -u -c 0 || true
    fi
    for node in /dev/nvidia* /dev/nvidia-caps/* /dev/kfd /dev/dri/* /dev/dxg; do
        if [ -c "${node}" ]; then
            place "${node}" "${node}"
        fi
    done
}

# The driver's libraries must match the machine's kernel module, so the image has none. This is the
# set that NVIDIA's container toolkit mounts for the capabilities compute and utility.
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

# find_library NAME: prints the file that the machine's loader uses for NAME, or nothing.
# libnvidia-gpucomp.so exists only under its full version's name.
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

# place FILE TARGET: mounts a file or device node of this machine into the root file system.
place() {
    if [ ! -e "${rootfs}$2" ]; then
        mkdir -p "${rootfs}${2%/*}"
        : >"${rootfs}$2"
    fi
    mount --bind "$1" "${rootfs}$2"
}

# ---- the command ----------------------------------------------------------------------------------

# Runs the command with the image's variables and those that the container reads.
run() {
    if [ "$#" -eq 0 ]; then
        set -- /opt/mentator/start-docker.sh
    fi
    ours=$(env | grep -E '^((MENTATOR|NVIDIA|CUDA|HIP|HSA|ROCR|GGML_VK|VK)_[A-Za-z0-9_]*|HF_TOKEN|HF_ENDPOINT|TZ)=' || true)
    newline='
'
    IFS=${newline}
    set -f
    # shellcheck disable=SC2046,SC2086 # one word per line
    exec env -i $(cat "${here}/image.env") ${ours} chroot "${rootfs}" "$@"
}

main "$@"
