#!/bin/sh
# Chooses the backend: which candidates there are, in which order, which one is taken, what a demand
# means, and what the service is told. Part of start-docker.sh; finds nothing out by itself: that is
# find-gpus.sh (is there a GPU) and prove-backend.sh (does it compute).
# shellcheck disable=SC2154 # variables come from the scripts beside it
# shellcheck disable=SC2310,SC2312 # as in start-docker.sh

# A row a candidate, in the order of preference: its folder below backends/, a colon, its backend.
# A backend is what MENTATOR_BACKEND can demand; a new one needs a row in look_for, too.
CANDIDATES='cuda13:cuda cuda12:cuda rocm:rocm'

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

# Chooses the first candidate that is proven and not ruled out, else the CPU, and exports the choice.
choose_backend() {
    unset LLAMA_CUDA LLAMA_HIPBLAS GGML_BACKEND_PATH # the user's stray values
    unset MENTATOR_BACKEND_DEVICES MENTATOR_BACKEND_PROOF
    choice=cpu
    reason=
    dropped=
    say image "holds the backends $(list_backends)cpu"
    for backend in cuda rocm; do
        if [ "${choice}" != cpu ]; then
            say "${backend}" "not looked at: ${choice} comes first"
        elif [ "${demand}" != auto ] && [ "${demand}" != "${backend}" ]; then
            say "${backend}" "not looked at: MENTATOR_BACKEND=${demand}"
        elif try_backend "${backend}"; then
            choice=${backend}
            reason="${finding}, ${library#"${BACKENDS}/"}: ${proof}${dropped}${reason:+; ${reason}}"
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

# try_backend BACKEND: whether its hardware is here, the image has it, and it is proven. Sets
# `library`, `proof` and `devices`; else `finding` and `remedy`. Drops candidates aloud.
try_backend() {
    dropped=
    look_for "$1" || return 1
    if ! has_backend "$1"; then
        finding="${finding}, but this image holds no $1 backend"
        remedy="Use an image that was built with $1"
        return 1
    fi
    say "$1" "found: ${finding}"
    general=${remedy}
    help=
    for row in ${CANDIDATES}; do
        if [ "${row#*:}" = "$1" ] && try_candidate "${row%:*}" "$1"; then
            return 0
        fi
    done
    give_up "$1"
    finding="${finding}${dropped}"
    remedy=${help:-${general}}
    return 1
}

# look_for BACKEND: whether its hardware is here. Sets `finding`, `remedy` and `hardware`.
look_for() {
    case $1 in
        cuda) find_nvidia ;;
        *) find_amd ;;
    esac
}

# try_candidate CANDIDATE BACKEND: proves it, or notes in `dropped` why it is not.
try_candidate() {
    fault="it is not in this image"
    if find_library "$1"; then
        if [ "$2" = cuda ]; then
            place_cuda_cache
        fi
        remedy=${general}
        if prove "$1" "$2" "${library}"; then
            say "$1" "proven: ${proof}"
            list_devices "$1"
            return 0
        elif [ "${remedy}" != "${general}" ]; then
            help=${help:-${remedy}}
        fi
    fi
    say "$1" "dropped: ${fault}"
    dropped="${dropped}; dropped $1: ${fault}"
    return 1
}

# give_up BACKEND: takes back what was set for its sake.
give_up() {
    unset GGML_BACKEND_PATH
    case $1 in
        rocm) forget_fit ;;
        *) ;;
    esac
}

# list_devices CANDIDATE: a line of the log for each card.
list_devices() {
    rest=${devices}
    while [ -n "${rest}" ]; do
        say "$1" "device ${rest%%; *}"
        case ${rest} in
            *'; '*) rest=${rest#*; } ;;
            *) rest= ;;
        esac
    done
}

export_choice() {
    export MENTATOR_BACKEND_CHOICE="${choice}" MENTATOR_BACKEND_REASON="${choice}: ${reason}"
    # What a plain getLlama() takes; left to itself, node-llama-cpp never finds AMD, and no CUDA whose
    # backend lies elsewhere. It is to try nothing else: there is no compiler here.
    export NODE_LLAMA_CPP_GPU=cuda NODE_LLAMA_CPP_SKIP_DOWNLOAD=true # a HIP backend counts as cuda
    case ${choice} in
        cuda) export LLAMA_CUDA=1 ;;
        rocm) export LLAMA_HIPBLAS=1 ;;
        *)
            export NODE_LLAMA_CPP_GPU=false
            # Node computes on a pool of threads, each token on the next one, and ggml makes that thread's
            # helpers anew for each: with one thread they meet on fewer cores, and a token takes half
            # the time (docs/performance.md).
            export UV_THREADPOOL_SIZE="${UV_THREADPOOL_SIZE:-1}"
            # Weights and state on large pages, where the kernel gives them to who asks: a token reads all
            # weights, and looks up fewer addresses for them.
            export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1}"
            return 0
            ;;
    esac
    export GGML_BACKEND_PATH="${library}" MENTATOR_BACKEND_DEVICES="${devices}" \
        MENTATOR_BACKEND_PROOF="${PROOFS}"
}

# ---- what the image holds -------------------------------------------------------------------------

# find_library CANDIDATE: sets `library` to its .so; an empty file does not count.
find_library() {
    for library in "${BACKENDS}/$1"/libggml-*.so; do
        if [ -s "${library}" ]; then
            return 0
        fi
    done
    return 1
}

# has_backend BACKEND: whether the image holds any of its candidates.
has_backend() {
    for row in ${CANDIDATES}; do
        if [ "${row#*:}" = "$1" ] && find_library "${row%:*}"; then
            return 0
        fi
    done
    return 1
}

list_backends() {
    for row in ${CANDIDATES}; do
        if find_library "${row%:*}"; then
            printf '%s, ' "${row%:*}"
        fi
    done
}
