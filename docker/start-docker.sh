#!/bin/sh
# Entrypoint of the image: leaves root, prepares the data folder, offers the default models, chooses
# the backend, and becomes the service (exec, so the PID stays).
#
#   docker run IMAGE               the service, its configuration in the data folder
#   docker run IMAGE --option ...  the service, with these options instead
#   docker run IMAGE command ...   that command, as it is, without any preparation
#
# Reads:    MENTATOR_BACKEND=auto|cuda|rocm|cpu (default auto: what is here, in this order).
#           MENTATOR_SYSTEM_ROOT is for tests only: a folder that stands for /.
# Exports:  MENTATOR_BACKEND_CHOICE, MENTATOR_BACKEND_REASON; for a GPU GGML_BACKEND_PATH, and
#           LLAMA_CUDA=1 or LLAMA_HIPBLAS=1; HOME where it had none that it can write.
#
# Exit codes, where the service was not reached:
#    64  MENTATOR_BACKEND is none of its four values
#    69  the backend that MENTATOR_BACKEND demands is not possible here
#    73  the data folder cannot be written
#    74  the default model cannot be copied, and there is no other model
#   126, 127       the command cannot be run, is not there
#   130, 143       interrupted, stopped (SIGINT, SIGTERM)
# Any other code is the service's own.
#
# Functions that find something out set the variables that their comment names: a subshell each
# would cost more than all the rest.
# shellcheck disable=SC2310,SC2312 # a failure within a condition or "$(...)" is meant to go on
set -eu

ROOT=${MENTATOR_SYSTEM_ROOT:-}
APP=${ROOT}/opt/mentator-llm-service
BACKENDS=${ROOT}/opt/mentator/backends
DATA=${APP}/data
MODELS=${DATA}/models
DEFAULTS=${APP}/default-models
OFFERED=${DATA}/.default-models # "sha256  name" of each default that this data folder was offered
PART=.mentator-part           # ends the (hidden) name of a copy that is not complete
SERVICE_ID=10001              # uid and gid of the image's user `mentator`

main() {
    case ${1:-} in
        --version | --help) run_service "$@" ;; # needs nothing below; prints nothing else
        '' | -*) ;;
        *) exec "$@" ;;
    esac
    # PID 1 ignores a signal that it has no trap for.
    trap 'exit 130' INT
    trap 'exit 143' TERM
    note_start
    check_demand
    uid=$(id -u)
    if [ "${uid}" -eq 0 ]; then
        leave_root "$@"
    fi
    printf 'Mentator is starting\n'
    say user "${MENTATOR_ENTRYPOINT_USER:-uid ${uid}, as started}"
    prepare_data
    offer_default_models
    choose_backend
    find_home
    say time "$(elapsed) in this script"
    unset MENTATOR_ENTRYPOINT_START MENTATOR_ENTRYPOINT_USER
    run_service "$@"
}

# ---- messages -------------------------------------------------------------------------------------

# say SUBJECT TEXT: a line of the log.
say() { printf '  %-7s %s\n' "$1" "$2"; }

# fail CODE WHAT WHY NEXT: says what happened, why, and what to do, and ends.
fail() {
    printf 'error: %s\n  why:  %s\n  next: %s\n' "$2" "$3" "$4" >&2
    exit "$1"
}

# Sets `now` to the machine's uptime in units of 10 ms, nothing where there is no /proc.
read_clock() {
    now=
    if [ -r "${ROOT}/proc/uptime" ] && read -r now _ <"${ROOT}/proc/uptime"; then
        hundredths=${now#*.}
        now=$((${now%.*} * 100 + ${hundredths#0}))
    fi
}

# Remembers the start, also over the step from root to the service's user.
note_start() {
    if [ -z "${MENTATOR_ENTRYPOINT_START:-}" ]; then
        read_clock
        export MENTATOR_ENTRYPOINT_START="${now}"
    fi
}

elapsed() {
    read_clock
    if [ -n "${now}" ] && [ -n "${MENTATOR_ENTRYPOINT_START}" ]; then
        printf '%d ms' $(((now - MENTATOR_ENTRYPOINT_START) * 10))
    else
        printf 'unknown'
    fi
}

# ---- user -----------------------------------------------------------------------------------------

# Starts this script again as the user that owns the data folder, or as `mentator` where root does.
# Returns only where root has to stay, with the reason in MENTATOR_ENTRYPOINT_USER.
leave_root() {
    if ! [ -d "${DATA}" ] && ! mkdir -p "${DATA}" 2>/dev/null; then
        return 0 # prepare_data says it
    fi
    owner=$(stat -c '%u:%g' "${DATA}")
    if [ "${owner%:*}" -eq 0 ] && is_rootless; then
        stay_root "in a rootless engine that is the user who runs the engine"
        return 0
    fi
    find_user "${owner}"
    collect_groups
    # no-new-privs: nothing in the image is set-uid, so nothing is lost.
    drop="--reuid=${to_uid} --regid=${to_gid} --no-new-privs --inh-caps=-all"
    if [ -n "${groups}" ]; then
        drop="${drop} --groups=${groups}"
    else
        drop="${drop} --clear-groups"
    fi
    # shellcheck disable=SC2086 # options made of numbers: to be split
    if ! setpriv ${drop} true 2>/dev/null; then
        stay_root "this engine does not let it become uid ${to_uid}"
    elif ! give_data "${owner}" "${to_uid}:${to_gid}"; then
        stay_root "the data folder cannot be given to uid ${to_uid}"
    else
        export MENTATOR_ENTRYPOINT_USER="uid ${to_uid}, gid ${to_gid}, groups ${groups:-none}; root is left"
        # shellcheck disable=SC2086 # as above
        exec setpriv ${drop} sh "$0" "$@"
    fi
}

stay_root() { MENTATOR_ENTRYPOINT_USER="root stays: $1"; }

# find_user OWNER: sets `to_uid` and `to_gid` to who shall run; never a root's uid or gid.
find_user() {
    to_uid=${1%:*}
    to_gid=${1#*:}
    if [ "${to_uid}" -eq 0 ]; then
        to_uid=${SERVICE_ID}
        to_gid=${SERVICE_ID}
    elif [ "${to_gid}" -eq 0 ]; then
        to_gid=${to_uid}
    fi
}

# Whether root in here is one unprivileged user outside: a map of a single id. What that user owns
# outside is root's in here, and would be lost to the user if it were given away.
is_rootless() {
    [ -r "${ROOT}/proc/self/uid_map" ] &&
        read -r inside _ count <"${ROOT}/proc/self/uid_map" &&
        [ "${inside} ${count}" = "0 1" ]
}

# Sets `groups` to the numbers of the groups to join, with commas: those of the GPUs' device nodes
# and those of --group-add. By number, since names differ between hosts and image; never group 0.
collect_groups() {
    groups=
    for group in $(
        stat -c %g "${ROOT}/dev/kfd" "${ROOT}"/dev/dri/renderD* "${ROOT}"/dev/nvidia* \
            "${ROOT}/dev/dxg" 2>/dev/null || true # some are not there
        id -G
    ); do
        case ",0,${groups}," in
            *,"${group}",*) ;;
            *) groups=${groups:+${groups},}${group} ;;
        esac
    done
}

# give_data OWNER NEW: a folder of root's becomes the new user's, one of another user's stays. Within
# it, only what an earlier start as root has left: the service's own files, and empty folders.
give_data() {
    case $1 in
        0:*) chown "$2" "${DATA}" 2>/dev/null || return 1 ;;
        *) ;;
    esac
    find "${DATA}" -mindepth 1 -maxdepth 1 -uid 0 \
        \( -type d -empty -o -type f -links 1 \
        \( -name 'mentator-llm-service.*' -o -name "${OFFERED##*/}" \) \) \
        -exec chown --no-dereference "$2" {} + 2>/dev/null || true
}

# ---- data folder ----------------------------------------------------------------------------------

# Makes sure that the data folder, and models/ in it, are there and can be written. The list of
# offered defaults is opened for this: it shows more than permission bits (a read-only mount).
prepare_data() {
    if ! { [ -d "${MODELS}" ] || mkdir -p "${MODELS}"; } 2>/dev/null ||
        ! [ -w "${DATA}" ] || ! { true >>"${OFFERED}"; } 2>/dev/null; then
        fail_unwritable
    fi
    say data "${DATA}"
}

# Says why the data folder cannot be written, by trying it once more aloud, and what helps.
fail_unwritable() {
    why=$({ mkdir -p "${MODELS}" && true >>"${OFFERED}"; } 2>&1) || true
    why=${why##*: }
    mount="docker run --volume FOLDER_OR_VOLUME:${DATA}"
    user=$(id -u):$(id -g)
    owner=$(stat -c '%u:%g' "${DATA}" 2>/dev/null) || owner=
    chown="sudo chown -R ${user} THE_FOLDER_THAT_IS_MOUNTED_THERE"
    case ${owner}/${why} in
        */Read-only*) fix="Mount it without :ro: ${mount} ..." ;;
        */'No space'*) fix="Free some space where it is mounted from." ;;
        /*) fix="Mount one: ${mount} ..." ;;
        "${user}"/*) fix="On the host: chmod u+rwx, or ${chown}; with SELinux: ${mount}:z ..." ;;
        0:*) fix="Leave out --user: as root, the container takes it over. Or on the host: ${chown}" ;;
        *) fix="docker run --user ${owner} ... (its owner). Or on the host: ${chown}" ;;
    esac
    fail 73 "The data folder ${DATA} cannot be written by ${user} (uid:gid)." \
        "${why:-Permission denied}${owner:+; it belongs to ${owner}, mode $(stat -c %a "${DATA}")}." \
        "${fix}"
}

# ---- default models -------------------------------------------------------------------------------

# Offers each default of the image once to a data folder: copied on the first start where models/ is
# empty, and later where a newer image has a new one. What the user deletes stays deleted.
offer_default_models() {
    remove_parts
    if ! [ -r "${DEFAULTS}/manifest.txt" ]; then
        say models "the image brings none"
        return 0
    fi
    offered=' '
    while read -r sum _; do
        offered="${offered}${sum} "
    done <"${OFFERED}"
    own=no
    if [ "${offered}" = ' ' ] && has_models; then
        own=yes
    fi
    while read -r sum size name; do
        case ${offered} in
            *" ${sum} "*) ;;
            *)
                if offer_model "${own}" "${size}" "${name}"; then
                    record_offer "${sum}" "${name}"
                fi
                ;;
        esac
    done <"${DEFAULTS}/manifest.txt"
    if ! has_models; then
        say models "there is none: put a GGUF file into ${MODELS}"
    fi
}

remove_parts() {
    for part in "${MODELS}"/.*"${PART}"; do
        if [ -e "${part}" ] && rm -f "${part}" 2>/dev/null; then
            say models "removed ${part##*/}, which an interrupted start had left"
        fi
    done
}

has_models() {
    for entry in "${MODELS}"/*; do
        case ${entry##*/} in
            lost+found) ;;
            *) if [ -e "${entry}" ] || [ -L "${entry}" ]; then return 0; fi ;;
        esac
    done
    return 1
}

# offer_model OWN SIZE NAME: 0 when the offer is settled, be it taken or not; 1 when a later start
# shall try again.
offer_model() {
    case $2/$3 in
        /* | *[!0-9]*/* | */ | */.* | */*/*)
            say models "skipped a line of manifest.txt: size '$2', name '$3'"
            return 1
            ;;
        *) ;;
    esac
    if [ -e "${MODELS}/$3" ] || [ -L "${MODELS}/$3" ]; then
        say models "default $3 not copied: your file of this name is kept"
    elif [ "$1" = yes ]; then
        say models "default $3 not copied: models/ has files of yours"
    else
        copy_model "$2" "$3"
    fi
}

record_offer() {
    { printf '%s  %s\n' "$1" "$2" >>"${OFFERED}"; } 2>/dev/null ||
        say models "default $2 could not be noted in ${OFFERED##*/}"
}

# copy_model SIZE NAME: complete under its name, or not there at all.
copy_model() {
    read_free_kib
    if [ -n "${free_kib}" ] && [ "${free_kib}" -lt $((($1 + 1023) / 1024)) ]; then
        cannot_copy "$2" "it needs $(mib "$1"), $(mib $((free_kib * 1024))) are free in ${DATA}" \
            "Free some space there, or put a smaller model into models/."
        return 1
    fi
    part=${MODELS}/.$2${PART}
    if ! why=$({ cp --reflink=auto --no-preserve=mode "${DEFAULTS}/$2" "${part}" &&
        mv -n "${part}" "${MODELS}/$2"; } 2>&1) || [ -e "${part}" ]; then
        rm -f "${part}" 2>/dev/null || true
        cannot_copy "$2" "${why:-a file of this name has come meanwhile}" \
            "Make ${MODELS} writable, or put a model into it."
        return 1
    fi
    say models "default $2 copied ($(mib "$1"))"
}

# cannot_copy NAME WHY NEXT: only a service that would have no model at all does not start.
cannot_copy() {
    if has_models; then
        say models "default $1 not copied: $2"
    else
        fail 74 "The default model $1 was not copied." "$2" "$3"
    fi
}

# Sets `free_kib` to what df gives as available: the number before the one with the percent sign (a
# file system's name may hold spaces). Nothing where df does not know.
read_free_kib() {
    free_kib=
    before=
    for word in $(df -Pk "${MODELS}" 2>/dev/null); do
        case ${word}/${before} in
            *%/ | *%/*[!0-9]*) ;;
            *%/*) free_kib=${before} ;;
            *) ;;
        esac
        before=${word}
    done
}

mib() { printf '%d MiB' $((($1 + 1048575) / 1048576)); }

# ---- backend --------------------------------------------------------------------------------------

check_demand() {
    demand=${MENTATOR_BACKEND:-auto}
    case ${demand} in
        auto | cuda | rocm | cpu) ;;
        *)
            fail 64 "MENTATOR_BACKEND=${demand} is not a backend." "It may be auto, cuda, rocm or cpu." \
                "Set one of these, or leave it out (auto)."
            ;;
    esac
}

# Chooses the first of cuda, rocm, cpu that can be used and is not ruled out, and exports the choice.
choose_backend() {
    unset LLAMA_CUDA LLAMA_HIPBLAS GGML_BACKEND_PATH # the user's stray values
    choice=cpu
    reason=
    say image "holds the backends $(list_backends)cpu"
    for backend in cuda rocm; do
        if [ "${choice}" != cpu ]; then
            say "${backend}" "not looked at: ${choice} comes first"
        elif [ "${demand}" != auto ] && [ "${demand}" != "${backend}" ]; then
            say "${backend}" "not looked at: MENTATOR_BACKEND=${demand}"
        elif find_candidate "${backend}"; then
            say "${backend}" "found: ${finding}"
            choice=${backend}
            reason="${finding}, ${library#"${BACKENDS}/"}${reason:+; ${reason}}"
        else
            say "${backend}" "not possible: ${finding}"
            reason="${reason:+${reason}; }not ${backend}: ${finding}"
        fi
    done
    if [ "${demand}" != auto ]; then
        if [ "${demand}" != "${choice}" ]; then
            fail 69 "MENTATOR_BACKEND=${demand} is not possible here." "${finding}." \
                "${remedy}, or set MENTATOR_BACKEND=auto."
        fi
        reason="MENTATOR_BACKEND=${demand}${reason:+; ${reason}}"
    fi
    export_choice
    say chosen "${choice}${GGML_BACKEND_PATH:+ with ${GGML_BACKEND_PATH}}"
}

export_choice() {
    export MENTATOR_BACKEND_CHOICE="${choice}" MENTATOR_BACKEND_REASON="${choice}: ${reason}"
    case ${choice} in
        cuda) export LLAMA_CUDA=1 GGML_BACKEND_PATH="${library}" ;;
        rocm) export LLAMA_HIPBLAS=1 GGML_BACKEND_PATH="${library}" ;;
        *) ;;
    esac
}

# find_candidate BACKEND: whether its hardware is here and the image holds it. `finding` says what
# was found or what is missing, `remedy` what would help; `library` is the image's .so.
find_candidate() {
    case $1 in
        cuda)
            remedy="Give the container the GPU (docker run --gpus all ...)"
            find_nvidia || return 1
            ;;
        *)
            remedy="Give the container the GPU (docker run --device /dev/kfd --device /dev/dri ...)"
            find_amd || return 1
            ;;
    esac
    if ! find_library "$1"; then
        finding="${finding}, but this image holds no $1 backend"
        remedy="Use an image that was built with $1"
        return 1
    fi
}

# find_library BACKEND: sets `library`; of several versions (cuda12, cuda13) the newest.
find_library() {
    library=
    for so in "${BACKENDS}/$1"*/libggml-*.so; do
        if [ -s "${so}" ]; then
            library=${so}
        fi
    done
    [ -n "${library}" ]
}

list_backends() {
    for so in "${BACKENDS}"/*/libggml-*.so; do
        if [ -s "${so}" ]; then
            folder=${so%/*}
            printf '%s, ' "${folder##*/}"
        fi
    done
}

# ask TOOL ARGUMENT...: whether a vendor's tool answers; `answer` is what it said, on one line, or
# why it said nothing. A tool may hang on a lost GPU.
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

# ---- NVIDIA ---------------------------------------------------------------------------------------

# By nvidia-smi, or by device nodes and driver library; sets `finding`.
find_nvidia() {
    if ask nvidia-smi --query-gpu=name --format=csv,noheader; then
        finding="nvidia-smi lists ${answer:-a GPU}"
        if ! has_libcuda; then
            finding="${finding} (libcuda.so.1 is not seen: is 'compute' in NVIDIA_DRIVER_CAPABILITIES?)"
        fi
        return 0
    fi
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

# By device nodes, or by rocm-smi where there are none; sets `finding`.
find_amd() {
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
        finding=$(refused /dev/kfd)
        return 1
    fi
    node=
    for render in "${ROOT}"/dev/dri/renderD*; do
        if is_usable "${render}"; then
            node=${node:+${node}, }${render#"${ROOT}"}
        fi
    done
    if [ -z "${node}" ]; then
        finding=$(refused "${render#"${ROOT}"}")
        return 1
    fi
    if ! read_targets; then
        finding="/dev/kfd is there, but the kernel lists no AMD GPU (/sys/class/kfd)"
        return 1
    fi
    finding="${targets:-unknown target}, /dev/kfd, ${node}"
}

# refused NODE: prints why a node cannot be used, and what helps.
refused() {
    group=$(stat -c %g "${ROOT}$1")
    help="docker run --group-add ${group}"
    if [ "${group}" -eq 0 ]; then
        help="the host should give it a group of its own, such as render"
    fi
    printf '%s is there, but uid %s may not read and write it: %s' "$1" "${uid}" "${help}"
}

# Sets `targets` (gfx1100, gfx90a) from the kernel's list; 1 where it lists nodes, but no GPU.
# gfx_target_version is major * 10000 + minor * 100 + stepping (Linux, kfd_topology.c); the target's
# name has minor and stepping as hexadecimal digits. A node without SIMDs is a CPU.
read_targets() {
    targets=
    kinds=
    for properties in "${ROOT}"/sys/class/kfd/kfd/topology/nodes/*/properties; do
        if ! [ -r "${properties}" ]; then
            continue
        fi
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
            kinds="${kinds} cpu"
            continue
        fi
        kinds="${kinds} gpu"
        if [ "${version}" -gt 0 ]; then
            targets=${targets:+${targets}, }$(printf 'gfx%d%x%x' $((version / 10000)) \
                $((version / 100 % 100)) $((version % 100)))
        fi
    done
    case ${kinds} in
        '' | *gpu*) return 0 ;;
        *) return 1 ;;
    esac
}

# ---- service --------------------------------------------------------------------------------------

# A home that can be written (caches of GPU drivers): the one given, the data folder, or /tmp.
find_home() {
    for home in "${HOME:-}" "${DATA}" /tmp; do
        if [ -d "${home}" ] && [ -w "${home}" ]; then
            break
        fi
    done
    export HOME="${home}"
}

run_service() {
    cd "${APP}"
    # Inside, the port is fixed: the pipeline's setting of that name may come along in an --env-file.
    unset MENTATOR_PORT MENTATOR_HOST
    if [ "$#" -eq 0 ]; then
        set -- --conf-docker "${DATA}/mentator-llm-service.conf.jsonc"
    fi
    exec node distjs/index.js "$@"
}

main "$@"
