#!/bin/sh
# Whether a backend really computes on this machine: docker/probe.mjs in a child process with a time
# limit, what its end and its words mean, and the memory of a good result. Part of start-docker.sh.
#
# Reads MENTATOR_PROBE_TIMEOUT (seconds, default 60): more where a card compiles its kernels at the
# first use, and is slow at it. Writes, in the data folder:
#   .backend-proof            "candidate|key|devices|summary" of each good result
#   .backend-proof.in-use     by the service, while it runs: found at a start, it ended in no order
#   .backend-probe-NAME.log   all that the probe of a dropped candidate said
#   .cuda-cache/              kernels that the NVIDIA driver compiled
# shellcheck disable=SC2034,SC2154 # variables come from, and go to, the scripts beside it
# shellcheck disable=SC2310,SC2312 # as in start-docker.sh

PROBE=${ROOT}/opt/mentator/probe.mjs
TINY_MODEL=${ROOT}/opt/mentator/tiny-model.gguf
PROOFS=${DATA}/.backend-proof

check_probe_limit() {
    limit=${MENTATOR_PROBE_TIMEOUT:-60}
    case ${limit} in
        '' | 0* | *[!0-9]* | ?????*)
            fail 64 "MENTATOR_PROBE_TIMEOUT=${limit} is no time limit." \
                "It is a number of seconds, 1 to 9999." "Set such a number, or leave it out (60)."
            ;;
        *) ;;
    esac
}

# prove CANDIDATE BACKEND LIBRARY: whether it decodes a token here. Sets `proof` to what it found,
# `devices` to the cards ("NAME: N MiB; ..."), or `fault` to why not and `remedy` to what would help.
prove() {
    export GGML_BACKEND_PATH="$3"
    make_key "$1"
    if recall "$1"; then
        proof="${proof}, proven at an earlier start"
        return 0
    fi
    if probe "$1" "$2"; then
        remember "$1"
        return 0
    fi
    unset GGML_BACKEND_PATH
    return 1
}

# ---- the probe ------------------------------------------------------------------------------------

# probe CANDIDATE BACKEND: runs it. In the background, since a shell that waits heeds signals.
probe() {
    log=${DATA}/.backend-probe-$1.log
    if ! { true >"${log}"; } 2>/dev/null; then
        fault="its probe cannot write ${log}"
        return 1
    fi
    read_clock
    began=${now}
    (cd "${APP}" && exec timeout -k 2 "${limit}" node "${PROBE}" "$2" "${TINY_MODEL}") \
        >"${log}" 2>&1 </dev/null &
    child=$!
    status=0
    wait "${child}" 2>/dev/null || status=$?
    end_group
    child=
    if [ "${status}" -eq 0 ] && read_proof "${log}"; then
        rm -f "${log}"
        return 0
    fi
    explain "${status}" "$2" "${log}"
    return 1
}

# Ends what a probe has started: node-llama-cpp tries a library in a process of its own, which heeds
# no SIGTERM while the library hangs. `timeout` has made a group of them all, with its own number.
end_group() {
    kill -s KILL -- "-${child}" 2>/dev/null || true
}

# Ends a running probe; for the traps of start-docker.sh.
stop_probe() {
    if [ -n "${child:-}" ]; then
        end_group
        kill "${child}" 2>/dev/null || true # where it had no group yet
    fi
}

# read_proof LOG: whether the probe said that all is good; sets `proof` and `devices`.
read_proof() {
    proof=
    devices=
    listed=' '
    while read -r line; do
        case ${line} in
            'Device '[0-9]*', VRAM: '*' MiB') # by ggml, a line a card
                case ${listed} in
                    *" ${line%%:*} "*) continue ;; # by another process
                    *) ;;
                esac
                listed="${listed}${line%%:*} "
                name=${line#*: }
                devices="${devices:+${devices}; }${name%%,*}: ${line##*, VRAM: }"
                ;;
            '{"summary":"'*)
                proof=${line#*:\"}
                proof=${proof%%\"*}
                ;;
            *) ;;
        esac
    done <"$1"
    [ -n "${proof}" ]
}

# ---- why not --------------------------------------------------------------------------------------

# explain STATUS BACKEND LOG: sets `fault`: how the probe ended, and the cause that its words name.
explain() {
    cause=
    words=
    find_cause "$2" "$3"
    case $1 in
        124) ended="no answer within ${limit} s (MENTATOR_PROBE_TIMEOUT)" ;;
        132) ended="illegal instruction" ;;
        134) ended="it aborted" ;;
        135) ended="bus error" ;;
        136) ended="arithmetic fault" ;;
        137) ended=$(name_kill) ;;
        139) ended="segmentation fault" ;;
        126 | 127) ended="the probe cannot be run" ;;
        0) ended="the probe ended without a result" ;;
        1) ended= ;;
        *) ended="the probe ended with code $1" ;;
    esac
    details=${words}${words:+${ended:+; }}${ended}
    if [ -n "${cause}" ]; then
        fault=${cause}${details:+ (${details})}
    else
        fault=${details:-it could not be loaded}
    fi
}

# SIGKILL is timeout's own, for a probe that does not heed SIGTERM, or else the kernel's.
name_kill() {
    read_clock
    if [ -n "${now}" ] && [ $((now - began)) -lt $((limit * 100)) ]; then
        printf 'it was killed: is the memory limit of the container too low?'
    else
        printf 'no answer within %s s (MENTATOR_PROBE_TIMEOUT), and it had to be killed' "${limit}"
    fi
}

# find_cause BACKEND LOG: sets `cause` to what the first line of a known meaning means, and `words` to
# what it says; without such a line only `words`, to the first that sounds like a fault.
find_cause() {
    while read -r line || [ -n "${line}" ]; do
        name_fault "$1" "${line}"
        if [ -n "${cause}" ]; then
            break
        fi
        case ${words}/${line} in
            /'reason: '*NoBinaryFound*) ;; # nothing but that it was refused
            /'reason: '*) words=${line#reason: } ;;
            /*' error: '* | /*'GGML_ASSERT('* | /*': failed to initialize '*) words=${line#*: } ;;
            *) ;;
        esac
    done <"$2"
}

# name_load_fault LINE: the dynamic loader's words about the backend's .so, after its name.
name_load_fault() {
    words=${1##*/libggml-}
    words=${words#*: }
    case ${words} in
        *libcuda.so.1*'cannot open'*)
            cause="the driver's library libcuda.so.1 is not in the container"
            remedy="docker run --gpus all --env NVIDIA_DRIVER_CAPABILITIES=compute,utility ..."
            ;;
        *'cannot open shared object file'*)
            cause="a library is missing in the image"
            remedy="Build the image anew"
            ;;
        *'undefined symbol'* | *' not found'*)
            cause="it does not fit the libraries here"
            remedy="Build the image anew"
            ;;
        *)
            cause="its file is damaged"
            remedy="Build or pull the image anew"
            ;;
    esac
    words=${words%%: No such file*}
}

# name_fault BACKEND LINE: sets `cause`, `words` and `remedy` where the words of ggml, CUDA, HIP, HSA,
# rocBLAS or the probe are known, a row each.
name_fault() {
    before=${words}
    words=${2#*: }
    case $1/$2 in
        */*'failed to load '*'.so: '*) name_load_fault "$2" ;;
        */*'incompatible API version'*)
            cause="it was compiled for another version of llama.cpp"
            words=${2##*incompatible }
            remedy="Build the image anew: backends and node-llama-cpp are of one version"
            ;;
        */*'failed to find ggml_backend_init'* | */*'ggml_backend_init returned NULL'*)
            cause="it is not a backend of ggml"
            words=${2##*: }
            words=${words%% in /*}
            remedy="Build the image anew"
            ;;
        cuda/*'unsupported toolchain'* | cuda/*'driver version is insufficient'* | cuda/*'PTX JIT'*)
            cause="the driver is too old for it"
            remedy="Update the NVIDIA driver of the host"
            ;;
        rocm/*'driver version is insufficient'*)
            cause="the driver is too old for it"
            remedy="Update the kernel or its amdgpu driver on the host"
            ;;
        cuda/*'no kernel image is available'* | cuda/*'invalid device function'* | \
            cuda/*'device kernel image is invalid'* | cuda/*'was not compiled for this'*)
            cause="it has no kernel for this card"
            remedy="Use an image that was built with --cuda source --cuda-archs of this card"
            ;;
        rocm/*'no kernel image is available'* | rocm/*'invalid device function'* | \
            rocm/*'device kernel image is invalid'* | rocm/*'TensileLibrary'*)
            cause="it has no kernel for this card"
            remedy="Use an image that was built with --rocm-targets ${targets:-of this card}"
            ;;
        rocm/*'Unable to open /dev/kfd'* | rocm/*'/dev/dri/'*'ermission denied'*)
            cause="the GPU's device nodes may not be opened"
            remedy="docker run --group-add of their groups, by number (ls -ln /dev/kfd /dev/dri)"
            ;;
        */*'unsupported display driver'* | */*'version mismatch'* | */*'forward compatibility was'*)
            cause="the parts of the driver do not fit each other"
            remedy="Restart the host after a driver update, and update its container toolkit"
            ;;
        */*'system not yet initialized'*)
            cause="the machine's GPU switches are not ready"
            remedy="Start nvidia-fabricmanager on the host, of the driver's version"
            ;;
        */*'out of memory'* | */*'nsufficient'*'VRAM'* | */*'nsufficient'*'memory'*)
            cause="the card has no memory left"
            remedy="Stop what else uses the card"
            ;;
        */*'no CUDA-capable device'* | */*'no ROCm-capable device'* | */*'invalid device ordinal'* | \
            */*'finds no device'*)
            cause="it finds no device"
            ;;
        */*'GPU type mismatch'* | */*'the backend was not taken'*) # node-llama-cpp's word for it
            cause="it finds no device"
            words=${before}
            ;;
        *) words=${before} ;;
    esac
}

# ---- the memory of good results -------------------------------------------------------------------

# make_key CANDIDATE: sets `key` to a checksum of all that a proof holds for: driver and cards, the
# backend's files, those of llama.cpp and the probe; nothing where it cannot be made. A file is known
# by size and times, since reading them all would take longer than the probe: the time of change
# (%Z) is that of the unpacked layer, so another image has another one.
make_key() {
    key=$({
        printf '%s\n' "${hardware}"
        read_file "${ROOT}/opt/mentator/build-id"
        stat -c '%n %s %Y %Z' "${BACKENDS}/$1"/* "${PROBE}" "${TINY_MODEL}" \
            "${APP}/node_modules/node-llama-cpp/package.json" \
            "${APP}"/node_modules/@node-llama-cpp/*/bins/*/* 2>/dev/null || true
    } | sha256sum 2>/dev/null) || key=
    key=${key%% *}
}

# recall CANDIDATE: whether it was proven for this key; sets `proof` and `devices`. Not after a run that
# ended in no order: a backend that fails takes the whole process with it.
recall() {
    if [ -z "${key}" ] || ! [ -r "${PROOFS}" ]; then
        return 1
    fi
    while IFS='|' read -r candidate known devices proof; do
        if [ "${candidate}/${known}" = "$1/${key}" ] && [ -n "${proof}" ]; then
            if [ -e "${PROOFS}.in-use" ]; then
                say "$1" "proven anew: the last run was killed, or crashed"
                return 1
            fi
            return 0
        fi
    done <"${PROOFS}"
    return 1
}

# remember CANDIDATE: notes the proof, in place of an older one of this candidate. By a rename, so an
# interrupted start leaves the old notes.
remember() {
    if [ -z "${key}" ]; then
        return 0
    fi
    {
        {
            if [ -r "${PROOFS}" ]; then
                while read -r line; do
                    case ${line} in
                        "$1|"*) ;;
                        *) printf '%s\n' "${line}" ;;
                    esac
                done <"${PROOFS}"
            fi
            printf '%s|%s|%s|%s\n' "$1" "${key}" "${devices}" "${proof}"
        } >"${PROOFS}.new" && mv -f "${PROOFS}.new" "${PROOFS}" && rm -f "${PROOFS}.in-use"
    } 2>/dev/null || say "$1" "the result could not be noted in ${PROOFS##*/}: probed anew next time"
}

# ---- the driver's cache ---------------------------------------------------------------------------

# Kernels that the NVIDIA driver compiles for a card go to the data folder, to outlast the container.
place_cuda_cache() {
    if [ -z "${CUDA_CACHE_PATH:-}" ] && mkdir -p "${DATA}/.cuda-cache" 2>/dev/null &&
        [ -w "${DATA}/.cuda-cache" ]; then
        export CUDA_CACHE_PATH="${DATA}/.cuda-cache"
    fi
}
