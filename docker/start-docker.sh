#!/bin/sh
# Entrypoint of the image: leaves root, prepares the data folder, offers the default models, and becomes
# entrypoint/main.mjs, which chooses the backend and becomes the service (the PID stays the same).
#
#   docker run IMAGE               the service, its configuration in the data folder
#   docker run IMAGE --option ...  the service, with these options instead
#   docker run IMAGE command ...   that command, as it is, without any preparation
#
# Reads MENTATOR_BACKEND (a mode of backends.json, or auto: the first that is proven to compute here),
# MENTATOR_PROBE_TIMEOUT (seconds) and MENTATOR_BARRIER (auto or off); in tests MENTATOR_SYSTEM_ROOT, a folder that stands for /.
#
# Exit codes, where the service was not reached (any other is the service's own):
#    64  MENTATOR_BACKEND is not a mode, MENTATOR_PROBE_TIMEOUT not a number,
#        or MENTATOR_BARRIER not auto or off
#    69  the backend that MENTATOR_BACKEND demands is not possible here
#    70  the table of backends cannot be read
#    73  the data folder cannot be written
#    74  the default model cannot be copied, and there is no other model
#   126, 127       the command cannot be run, is not there
#   130, 143       interrupted, stopped (SIGINT, SIGTERM)
#
# Functions that find something out set the variables that their comment names: subshells are slow.
# shellcheck disable=SC2154,SC2310,SC2312 # therefore; a failure in a condition must not end the script
set -eu

ROOT=${MENTATOR_SYSTEM_ROOT:-}
OWN=${ROOT}/opt/mentator
APP=${ROOT}/opt/mentator-llm-service
DATA=${APP}/data
SERVICE_ID=10001 # uid and gid of the image's user `mentator`

# shellcheck source=docker/data-folder.sh
. "${OWN}/data-folder.sh"

main() {
    case ${1:-} in
        --version | --help) # needs nothing below; prints nothing else
            prepare_service
            exec node distjs/index.js "$@"
            ;;
        '' | -*) ;;
        *) exec "$@" ;;
    esac
    # PID 1 ignores a signal that it has no trap for.
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [ -z "${MENTATOR_ENTRYPOINT_START:-}" ]; then # not again after the step from root
        note_start
        check_demand
    fi
    uid=$(id -u)
    if [ "${uid}" -eq 0 ]; then
        leave_root "$@"
    fi
    printf 'Mentator is starting\n'
    say user "${MENTATOR_ENTRYPOINT_USER:-uid ${uid}, as started}"
    prepare_data
    offer_default_models
    find_home
    prepare_service
    if [ "$#" -eq 0 ]; then
        set -- --conf-docker "${DATA}/mentator-llm-service.conf.jsonc"
    fi
    exec node "${OWN}/entrypoint/main.mjs" "$@"
}

# say SUBJECT TEXT: a line of the log.
say() { printf '  %-7s %s\n' "$1" "$2"; }

# fail CODE WHAT WHY NEXT: says what happened, why, and what to do, and ends.
fail() {
    printf 'error: %s\n  why:  %s\n  next: %s\n' "$2" "$3" "$4" >&2
    exit "$1"
}

# Exports the machine's uptime in seconds, where there is a /proc: start.mjs tells the time since then.
note_start() {
    now=
    [ ! -r "${ROOT}/proc/uptime" ] || read -r now _ <"${ROOT}/proc/uptime" || true
    export MENTATOR_ENTRYPOINT_START="${now:-unknown}"
}

# Refuses a wrong demand before anything is changed. Only Node reads the table; most demand nothing.
check_demand() {
    if [ "${MENTATOR_BACKEND:-auto}" != auto ] ||
        [ -n "${MENTATOR_PROBE_TIMEOUT:-}${MENTATOR_BARRIER:-}" ]; then
        node "${OWN}/entrypoint/check-demand.mjs" || exit
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
    if has_kept_groups; then
        drop="${drop} --keep-groups"
        groups="as the engine keeps them"
    elif [ -n "${groups}" ]; then
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

# find_user OWNER: sets `to_uid` and `to_gid`, the user that the service runs as; never root's uid or gid.
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

# Whether the engine has kept groups of the user who runs it (podman run --group-add keep-groups): they have
# no number in here, so that nothing can join them again.
has_kept_groups() {
    { [ -r "${ROOT}/proc/self/uid_map" ] && read -r inside outside _ <"${ROOT}/proc/self/uid_map"; } || return 1
    [ "${inside} ${outside}" != "0 0" ] || return 1 # no user namespace
    overflow=65534
    [ ! -r "${ROOT}/proc/sys/kernel/overflowgid" ] ||
        read -r overflow <"${ROOT}/proc/sys/kernel/overflowgid" || true
    case " $(id -G) " in
        *" ${overflow} "*) ;;
        *) return 1 ;;
    esac
}

# Sets `groups` to the numbers of the groups to join, with commas: those of the GPUs' device nodes
# and those of --group-add. By number, since names differ between hosts and image; never group 0.
collect_groups() {
    groups=
    # The device nodes that the table of backends names; the patterns are expanded here.
    nodes=$(grep -o '"dev/[^"]*"' "${OWN}/backends.json" | sed 's|"||g; s|^|'"${ROOT}"'/|') || nodes=
    # shellcheck disable=SC2086 # a word a pattern
    for group in $(
        stat -c %g ${nodes:-/dev/null} 2>/dev/null || true # some are not there
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

prepare_service() {
    cd "${APP}"
    # Inside, the port is fixed: the pipeline's setting may come along in an --env-file.
    unset MENTATOR_PORT MENTATOR_HOST
    # glibc gives each thread a heap, and keeps what was freed in each: 10 % more memory after a while.
    export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"
}

main "$@"
