#!/bin/sh
# What of a GPU this container can see: the vendors' tools, device nodes, driver library and sysfs.
# Part of start-docker.sh, which reads it. Starts nothing of a backend: that is prove-backend.sh.
#
# find_nvidia and find_amd return whether a GPU is here. They set
#   finding   what was found, or what is missing: one line
#   remedy    what would help
#   hardware  what a proof holds for: driver and cards, any text
# find_amd sets `targets` too, and may export HSA_OVERRIDE_GFX_VERSION and HIP_VISIBLE_DEVICES.
# shellcheck disable=SC2034,SC2154 # variables come from, and go to, the scripts beside it
# shellcheck disable=SC2310,SC2312 # as in start-docker.sh

# ask TOOL ARGUMENT...: whether a vendor's tool answers; `answer` is what it said, on one line, or
# why it said nothing, and `lines` is all that it said. A tool may hang on a lost GPU.
ask() {
    if ! command -v "$1" >/dev/null; then
        answer="no $1"
        return 1
    fi
    code=0
    lines=$(timeout -k 1 5 "$@" 2>&1) || code=$?
    answer=
    while read -r line; do
        answer=${answer:+${answer}, }${line}
    done <<TEXT
${lines}
TEXT
    case ${code}/${answer} in
        124/* | 137/*) answer="$1 does not answer within 5 s" ;;
        0/*'No devices'* | 0/*'No AMD GPU'* | 0/*'not initialized'*) answer="$1 says: ${answer}" ;;
        0/*) return 0 ;;
        *) answer="$1 fails with ${code}: ${answer}" ;;
    esac
    return 1
}

# is_usable NODE: whether this user may read and write a device node.
is_usable() { [ -r "$1" ] && [ -w "$1" ]; }

# is_any FILE...: whether the first exists, which is what an unmatched pattern does not.
is_any() { [ -e "$1" ]; }

# read_file FILE: prints it, where it is there.
read_file() { [ ! -r "$1" ] || cat "$1" 2>/dev/null || true; }

# list_pci VENDOR: prints the PCI ids of the vendor's devices on this machine.
list_pci() {
    for device in "${ROOT}"/sys/bus/pci/devices/*; do
        if [ -r "${device}/vendor" ] && read -r id <"${device}/vendor" && [ "${id}" = "$1" ] &&
            read -r id <"${device}/device"; then
            printf '%s %s:%s\n' "${device##*/}" "$1" "${id}"
        fi
    done
}

# ---- NVIDIA ---------------------------------------------------------------------------------------

find_nvidia() {
    remedy="Give the container the GPU (docker run --gpus all ...)"
    find_nvidia_surface || return 1
    hardware="${lines}
$(read_file "${ROOT}/proc/driver/nvidia/version")
$(list_pci 0x10de)
${NVIDIA_VISIBLE_DEVICES:-} ${CUDA_VISIBLE_DEVICES:-}"
}

# By nvidia-smi, or by device nodes and driver library.
find_nvidia_surface() {
    lines=
    if ask nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader; then
        name_nvidia_cards
        finding="nvidia-smi lists ${answer:-a GPU}"
        if ! has_libcuda; then
            finding="${finding} (libcuda.so.1 is not seen: is 'compute' in NVIDIA_DRIVER_CAPABILITIES?)"
        fi
        return 0
    fi
    lines=
    if [ -e "${ROOT}/dev/nvidiactl" ] && is_any "${ROOT}"/dev/nvidia[0-9]*; then
        node=/dev/nvidiactl
    elif [ -e "${ROOT}/dev/dxg" ]; then
        node=/dev/dxg
    else
        finding="${answer}, no /dev/nvidiactl with /dev/nvidia[0-9]*, no /dev/dxg"
        return 1
    fi
    if ! is_usable "${ROOT}${node}"; then
        finding="${answer}; ${node} is there, but uid ${uid} may not read and write it"
        return 1
    fi
    if ! has_libcuda; then
        finding="${answer}; ${node} is there, but no libcuda.so.1 (an empty one does not count)"
        return 1
    fi
    finding="${node} and libcuda.so.1 (${answer})"
}

# Sets `answer` to the cards with their memory, and the driver, from nvidia-smi's rows in `lines`.
name_nvidia_cards() {
    answer=
    driver=
    while IFS=, read -r name memory version; do
        if [ -n "${name}" ]; then
            answer=${answer:+${answer}, }${name}${memory:+ (${memory# })}
            driver=${version# }
        fi
    done <<TEXT
${lines}
TEXT
    answer=${answer}${driver:+, driver ${driver}}
}

# Whether the driver's library is where the container toolkits put it; an empty file does not count.
has_libcuda() {
    for folder in "${ROOT}/usr/lib/x86_64-linux-gnu" "${ROOT}/usr/lib/aarch64-linux-gnu" \
        "${ROOT}/usr/lib64" "${ROOT}/usr/lib" "${ROOT}/usr/local/nvidia/lib64" \
        "${ROOT}/usr/local/nvidia/lib" "${ROOT}/usr/lib/wsl/lib" "${ROOT}"/usr/lib/wsl/drivers/*; do
        if [ -s "${folder}/libcuda.so.1" ]; then
            return 0
        fi
    done
    return 1
}

# ---- AMD ------------------------------------------------------------------------------------------

find_amd() {
    remedy="Give the container the GPU (docker run --device /dev/kfd --device /dev/dri ...)"
    targets=
    cards=
    lines=
    find_amd_surface || return 1
    fit_targets || return 1
    hardware="${lines}
${cards}
$(read_file "${ROOT}/sys/module/amdgpu/version")
$(read_file "${ROOT}/proc/sys/kernel/osrelease")
$(list_pci 0x1002)
${HSA_OVERRIDE_GFX_VERSION:-} ${HIP_VISIBLE_DEVICES:-} ${ROCR_VISIBLE_DEVICES:-}"
}

# By device nodes, or by rocm-smi where there are none.
find_amd_surface() {
    if ! [ -e "${ROOT}/dev/kfd" ]; then
        finding="no /dev/kfd"
    elif ! is_any "${ROOT}"/dev/dri/renderD*; then
        finding="/dev/kfd is there, but no /dev/dri/renderD*"
    else
        find_usable_amd
        return
    fi
    if ask rocm-smi --showproductname; then
        finding="rocm-smi answers (${finding})"
    else
        finding="${finding}, ${answer}"
        return 1
    fi
}

# Among the device nodes that are there: whether they can be used, and for which targets.
find_usable_amd() {
    if ! is_usable "${ROOT}/dev/kfd"; then
        refuse_node /dev/kfd
        return 1
    fi
    node=
    for render in "${ROOT}"/dev/dri/renderD*; do
        if is_usable "${render}"; then
            node=${node:+${node}, }${render#"${ROOT}"}
        fi
    done
    if [ -z "${node}" ]; then
        refuse_node "${render#"${ROOT}"}"
        return 1
    fi
    if ! read_targets; then
        finding="/dev/kfd is there, but the kernel lists no AMD GPU (/sys/class/kfd)"
        return 1
    fi
    finding="${targets:-unknown target}, /dev/kfd, ${node}"
}

# refuse_node NODE: says why a node cannot be used, and what helps.
refuse_node() {
    group=$(stat -c %g "${ROOT}$1")
    remedy="docker run --group-add ${group}"
    if [ "${group}" -eq 0 ]; then
        remedy="The host should give it a group of its own, such as render"
    fi
    finding="$1 is there, but uid ${uid} may not read and write it: ${remedy}"
}

# Sets `targets` (gfx1100, gfx90a) from the kernel's list; 1 where it lists nodes, but no GPU. `cards`
# has a word for each card in HIP's order, `?` for one without a target.
# gfx_target_version is major * 10000 + minor * 100 + stepping (Linux, kfd_topology.c); the target's
# name has minor and stepping as hexadecimal digits. A node without SIMDs is a CPU.
read_targets() {
    nodes=no
    for properties in "${ROOT}"/sys/class/kfd/kfd/topology/nodes/*/properties; do
        if ! [ -r "${properties}" ]; then
            continue
        fi
        nodes=yes
        simds=0
        version=0
        while read -r key value; do
            case ${key} in
                simd_count) simds=${value} ;;
                gfx_target_version) version=${value} ;;
                *) ;;
            esac
        done <"${properties}"
        if [ "${simds}" -eq 0 ]; then
            continue
        elif [ "${version}" -gt 0 ]; then
            target=$(printf 'gfx%d%x%x' $((version / 10000)) $((version / 100 % 100)) \
                $((version % 100)))
            targets=${targets:+${targets}, }${target}
            cards="${cards} ${target}"
        else
            cards="${cards} ?"
        fi
    done
    [ "${nodes}" = no ] || [ -n "${cards}" ]
}

# ---- AMD: kernels for the cards -------------------------------------------------------------------

# substitutes TARGET: prints the targets of the same family whose kernels such a card runs too, the
# nearest first (LLVM, AMDGPUUsage: what the generic targets of a family have in common).
substitutes() {
    case $1 in
        gfx902 | gfx909 | gfx90c) printf 'gfx900' ;;
        gfx101[123]) printf 'gfx1010' ;;
        gfx103[1-6]) printf 'gfx1030' ;;
        gfx110[123]) printf 'gfx1100' ;;
        gfx115[0-3]) printf 'gfx1151 gfx1150 gfx1100' ;;
        gfx120[01]) printf 'gfx1201 gfx1200' ;;
        *) ;;
    esac
}

# Holds the cards against the targets that the image's kernels were compiled for, where both are
# known: 0 where they fit, with an override or with some cards left out where that is needed.
fit_targets() {
    read_compiled
    case ${compiled}/${cards} in
        ' '/* | */ | *'?'*) return 0 ;; # the probe will show it
        *) ;;
    esac
    if [ -n "${HSA_OVERRIDE_GFX_VERSION:-}" ]; then
        say rocm "HSA_OVERRIDE_GFX_VERSION=${HSA_OVERRIDE_GFX_VERSION} is set by the user, and kept"
        return 0
    fi
    select_cards '' # those with kernels of their own
    if [ -z "${selected}" ]; then
        find_substitute || return 1
        select_cards "${substitute}"
        export_override
    fi
    if [ -n "${others}" ]; then
        leave_out_cards
    fi
}

# Sets `compiled` to the image's targets, each between spaces; a lone space where it does not say.
read_compiled() {
    compiled=' '
    if [ -r "${BACKENDS}/rocm/targets.txt" ]; then
        while read -r target || [ -n "${target}" ]; do
            compiled="${compiled}${target%%:*} " # gfx90a:xnack- is gfx90a here
        done <"${BACKENDS}/rocm/targets.txt"
    fi
}

# select_cards SUBSTITUTE: sets `selected` to the numbers of the cards that run kernels of their own
# or, where it is named, the substitute's, and `others` to the targets of those that do not.
select_cards() {
    selected=
    others=
    number=0
    for card in ${cards}; do
        case "${compiled}/ $(substitutes "${card}") " in
            *" ${card} "*/*) fits=own ;;
            *"/"*" ${1:-none} "*) fits=substitute ;;
            *) fits=no ;;
        esac
        if [ "${fits}" = no ]; then
            others=${others:+${others}, }${card}
        else
            selected=${selected:+${selected},}${number}
        fi
        number=$((number + 1))
    done
}

# Sets `substitute` to the first target that the image has kernels of, and one of the cards can run.
find_substitute() {
    for card in ${cards}; do
        for substitute in $(substitutes "${card}"); do
            case ${compiled} in
                *" ${substitute} "*) return 0 ;;
                *) ;;
            esac
        done
    done
    compiled=${compiled# }
    finding="${finding}, but the image has no kernels for ${targets} (only for ${compiled% })"
    remedy="Use an image that was built with --rocm-targets ${card}"
    return 1
}

# HSA_OVERRIDE_GFX_VERSION is the target that HSA reports for every card: 10.3.0 is gfx1030.
export_override() {
    digits=${substitute#gfx}
    major=${digits%??}
    digits=${digits#"${major}"}
    export HSA_OVERRIDE_GFX_VERSION="${major}.$((0x${digits%?})).$((0x${digits#?}))"
    our_override=yes
    say rocm "HSA_OVERRIDE_GFX_VERSION=${HSA_OVERRIDE_GFX_VERSION}: the image has no kernels for \
${targets}, those for ${substitute} serve"
    finding="${finding}, as ${substitute} (HSA_OVERRIDE_GFX_VERSION=${HSA_OVERRIDE_GFX_VERSION})"
}

# One card without kernels (a processor's own graphics, say) would end the service at the first use.
leave_out_cards() {
    if [ -n "${HIP_VISIBLE_DEVICES:-}${ROCR_VISIBLE_DEVICES:-}${CUDA_VISIBLE_DEVICES:-}" ]; then
        return 0 # the user chose
    fi
    export HIP_VISIBLE_DEVICES="${selected}"
    our_cards=yes
    say rocm "HIP_VISIBLE_DEVICES=${selected}: the image has no kernels for ${others}"
    finding="${finding}, without ${others}"
}

# Takes back what fit_targets has exported.
forget_fit() {
    if [ -n "${our_override:-}" ]; then
        unset HSA_OVERRIDE_GFX_VERSION our_override
    fi
    if [ -n "${our_cards:-}" ]; then
        unset HIP_VISIBLE_DEVICES our_cards
    fi
}
