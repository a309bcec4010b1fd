#!/bin/sh
# The data folder and the default models in it. Part of start-docker.sh, which reads it.
# shellcheck disable=SC2154 # variables and functions come from start-docker.sh
# shellcheck disable=SC2310,SC2312 # as there

MODELS=${DATA}/models
DEFAULTS=${APP}/default-models
OFFERED=${DATA}/.default-models # "sha256  name" of each default that this data folder was offered
PART=.mentator-part             # ends the (hidden) name of a copy that is not complete

# ---- data folder ----------------------------------------------------------------------------------

# Makes sure that the data folder, and models/ in it, are there and can be written. The list of
# offered defaults is opened for this: it shows more than permission bits (a read-only mount).
prepare_data() {
    if [ -p "${OFFERED}" ] && ! rm -f "${OFFERED}" 2>/dev/null; then
        fail 73 "${OFFERED} cannot be removed." "It is a FIFO, which can hold no list." "Remove it."
    fi
    if ! { [ -d "${MODELS}" ] || mkdir -p "${MODELS}"; } 2>/dev/null ||
        ! [ -w "${DATA}" ] || ! { true >>"${OFFERED}"; } 2>/dev/null; then
        fail_unwritable
    fi
    say data "${DATA}"
}

# Says why the data folder cannot be written, by trying it again with the error shown, and what helps.
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

# offer_model OWN SIZE NAME: 0 when nothing is left to do for this model; 1 when a later start
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
