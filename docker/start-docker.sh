#!/bin/sh
# Entrypoint of the image: leaves root, prepares the data folder, offers the default models, chooses
# the backend, and becomes the service (exec, so the PID stays).
#
#   docker run IMAGE               the service, its configuration in the data folder
#   docker run IMAGE --option ...  the service, with these options instead
#   docker run IMAGE command ...   that command, as it is, without any preparation
#
# Reads:    MENTATOR_BACKEND=auto|cuda|rocm|cpu (default auto: the first of them that is proven to
#           compute here), MENTATOR_PROBE_TIMEOUT (seconds that a proof may take, default 60).
#           MENTATOR_SYSTEM_ROOT is for tests only: a folder that stands for /.
# Exports:  MENTATOR_BACKEND_CHOICE, MENTATOR_BACKEND_REASON; for a GPU GGML_BACKEND_PATH,
#           LLAMA_CUDA=1 or LLAMA_HIPBLAS=1, MENTATOR_BACKEND_DEVICES ("NAME: N MiB; ..."),
#           MENTATOR_BACKEND_PROOF (the file of remembered proofs), and where they are needed
#           HSA_OVERRIDE_GFX_VERSION, HIP_VISIBLE_DEVICES, CUDA_CACHE_PATH;
#           HOME where it had none that it can write.
#
# Exit codes, where the service was not reached:
#    64  MENTATOR_BACKEND is none of its four values, or MENTATOR_PROBE_TIMEOUT no number
#    69  the backend that MENTATOR_BACKEND demands is not possible here
#    73  the data folder cannot be written
#    74  the default model cannot be copied, and there is no other model
#   126, 127       the command cannot be run, is not there
#   130, 143       interrupted, stopped (SIGINT, SIGTERM)
# Any other code is the service's own.
#
# Functions that find something out set the variables that their comment names: a subshell each
# would cost more than all the rest.
# shellcheck disable=SC2154,SC2310,SC2312 # variables are set by functions; a failure within a
#                                          condition or "$(...)" is meant to go on
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

# The choice of the backend, three parts of this script: is there a GPU, does it compute, which one.
# shellcheck source=docker/find-gpus.sh
. "${ROOT}/opt/mentator/find-gpus.sh"
# shellcheck source=docker/prove-backend.sh
. "${ROOT}/opt/mentator/prove-backend.sh"
# shellcheck source=docker/choose-backend.sh
. "${ROOT}/opt/mentator/choose-backend.sh"

main() {
    case ${1:-} in
        --version | --help) run_service "$@" ;; # needs nothing below; prints nothing else
        '' | -*) ;;
        *) exec "$@" ;;
    esac
    # PID 1 ignores a signal that it has no trap for.
    trap 'stop_probe; exit 130' INT
    trap 'stop_probe; exit 143' TERM
    note_start
    check_demand
    check_probe_limit
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
        \( -name 'mentator-llm-service.*' -o -name "${OFFERED##*/}" -o -name '.backend-*' \) \) \
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
    # glibc gives each thread a heap, and keeps what was freed in each: 10 % more memory after a while.
    export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"
    if [ "$#" -eq 0 ]; then
        set -- --conf-docker "${DATA}/mentator-llm-service.conf.jsonc"
    fi
    exec node distjs/index.js "$@"
}

main "$@"
