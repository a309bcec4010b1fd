// Why a candidate is dropped: the words that CUDA, HIP, ggml and Node have, and how a probe can end.
import assert from "node:assert/strict";
import { test } from "node:test";

import { explain } from "../../docker/entrypoint/faults.mjs";
import { TABLE, mode } from "./system.mjs";

const REFUSED = "reason: Error: NoBinaryFoundError";
const MISMATCH = "Error: Binary GPU type mismatch. Expected: cuda, got: false.";
const LOAD = "load_backend: failed to load /opt/mentator/backends/cuda13/libggml-cuda.so: ";
const ABORTED = 134;

/**
 * @param {string} name
 * @param {string[]} lines
 * @param {number} code
 * @param {import("../../docker/entrypoint/run.mjs").Ended["late"]} [late]
 * @param {string[]} [cards]
 */
function explainProbe(name, lines, code, late = "", cards = []) {
    const faults = [...(mode(name).faults ?? []), ...TABLE.faults];
    return explain({ code, late }, 60, lines.join("\n"), faults, cards);
}

/** What a probe prints, and how it ends; the reason, and what is advised beyond giving the GPU. */
const NVIDIA = /** @type {const} */ ([
    ["a driver too old for the PTX",
        ["CUDA error: the provided PTX was compiled with an unsupported toolchain."], ABORTED,
        "the driver is too old for it (the provided PTX was compiled with an unsupported toolchain.; it aborted)",
        "Update the NVIDIA driver of the host"],
    ["a driver too old for the runtime",
        ["ggml_cuda_init: failed to initialize CUDA: CUDA driver version is insufficient for CUDA runtime version", REFUSED], 1,
        "the driver is too old for it (failed to initialize CUDA: CUDA driver version is insufficient for CUDA runtime version)",
        "Update the NVIDIA driver of the host"],
    ["no kernel",
        ["ggml_cuda_compute_forward: RMS_NORM failed", "CUDA error: no kernel image is available for execution on the device"], ABORTED,
        "it has no kernel for this card (no kernel image is available for execution on the device; it aborted)",
        "Use an image that was built with --cuda source --cuda-archs of this card"],
    ["no device",
        ["ggml_cuda_init: failed to initialize CUDA: no CUDA-capable device is detected", MISMATCH, REFUSED], 1,
        "it finds no device (failed to initialize CUDA: no CUDA-capable device is detected)", undefined],
    ["no device, and no word about it", [MISMATCH, REFUSED], 1, "it finds no device", undefined],
    ["an unknown fault of the driver",
        ["ggml_cuda_init: failed to initialize CUDA: unknown error", MISMATCH, REFUSED], 1,
        "the driver does not start: after a suspend nvidia_uvm hangs, or its device node is missing (failed to initialize CUDA: unknown error)",
        "On the host: sudo modprobe --remove nvidia_uvm && sudo modprobe nvidia_uvm; is /dev/nvidia-uvm in the container?"],
    ["a driver that was updated under the kernel's",
        ["ggml_cuda_init: failed to initialize CUDA: system has unsupported display driver / cuda driver combination", REFUSED], 1,
        "the parts of the driver do not fit each other (failed to initialize CUDA: system has unsupported display driver / cuda driver combination)",
        "Restart the host after a driver update, and update its container toolkit"],
    ["switches without their manager", ["CUDA error: system not yet initialized", REFUSED], 1,
        "the machine's GPU switches are not ready (system not yet initialized)",
        "Start nvidia-fabricmanager on the host, of the driver's version"],
    ["no memory", ["CUDA error: out of memory"], ABORTED,
        "the card has no memory left (out of memory; it aborted)", "Stop what else uses the card"],
    ["no driver library",
        [`${LOAD}libcuda.so.1: cannot open shared object file: No such file or directory`, REFUSED], 1,
        "the driver's library libcuda.so.1 is not in the container (libcuda.so.1: cannot open shared object file)",
        "docker run --gpus all --env NVIDIA_DRIVER_CAPABILITIES=compute,utility ..."],
    ["a missing library",
        [`${LOAD}libcublas.so.13: cannot open shared object file: No such file or directory`, REFUSED], 1,
        "a library is missing in the image (libcublas.so.13: cannot open shared object file)",
        "Build the image again"],
    ["a library that does not fit", [`${LOAD}/x/libggml-cuda.so: undefined symbol: ggml_new`, REFUSED], 1,
        "it does not fit the libraries here (undefined symbol: ggml_new)", "Build the image again"],
    ["a damaged file", [`${LOAD}/opt/x.so: file too short`, REFUSED], 1,
        "its file is damaged (/opt/x.so: file too short)", "Build or pull the image again"],
    ["another version of the API",
        ["load_backend: failed to initialize backend from /x/libggml-cuda.so: incompatible API version (backend: 1, current: 2)", REFUSED], 1,
        "it was compiled for another version of llama.cpp (API version (backend: 1, current: 2))",
        "Build the image again: backends and node-llama-cpp are of one version"],
    ["no backend at all", ["load_backend: failed to find ggml_backend_init in /x/libggml-cuda.so", REFUSED], 1,
        "it is not a backend of ggml (failed to find ggml_backend_init)", "Build the image again"],
    ["a crash", [], 139, "segmentation fault", undefined],
    ["an abort", [], ABORTED, "it aborted", undefined],
    ["an assertion", ["/ggml-backend.cpp:606: GGML_ASSERT(device) failed"], ABORTED,
        "GGML_ASSERT(device) failed; it aborted", undefined],
    ["a processor too old", [], 132, "illegal instruction", undefined],
    ["a bus error", [], 135, "bus error", undefined],
    ["a division by zero", [], 136, "arithmetic fault", undefined],
    ["a kill by the kernel", [], 137, "it was killed: is the memory limit of the container too low?", undefined],
    ["a probe that says why", ["reason: 0 of 3 layers went to the GPU"], 1, "0 of 3 layers went to the GPU", undefined],
    ["a probe that says nothing", [], 1, "it could not be loaded", undefined],
    ["a probe that ends early", [], 0, "the probe ended without a result", undefined],
    ["a code of its own", [], 3, "the probe ended with code 3", undefined],
    ["no Node", [], 127, "the probe cannot be run", undefined],
]);

const AMD = /** @type {const} */ ([
    ["no kernel", ["ROCm error: invalid device function"], ABORTED,
        "it has no kernel for this card (invalid device function; it aborted)",
        "Use an image that was built with --rocm-targets of this card"],
    ["no kernel of rocBLAS", ["rocBLAS error: Cannot read /x/TensileLibrary.dat: Illegal seek for GPU arch : gfx1103"], ABORTED,
        "it has no kernel for this card (Cannot read /x/TensileLibrary.dat: Illegal seek for GPU arch : gfx1103; it aborted)",
        "Use an image that was built with --rocm-targets of this card"],
    ["no permission",
        ["Unable to open /dev/kfd read-write: Permission denied", "ggml_cuda_init: failed to initialize ROCm: no ROCm-capable device is detected", REFUSED], 1,
        "the GPU's device nodes may not be opened (Permission denied)",
        "docker run --group-add of their groups, by number (ls -ln /dev/kfd /dev/dri)"],
    ["no device", ["ggml_cuda_init: failed to initialize ROCm: no ROCm-capable device is detected", REFUSED], 1,
        "it finds no device (failed to initialize ROCm: no ROCm-capable device is detected)", undefined],
    ["a driver too old", ["ROCm error: HIP driver version is insufficient for HIP runtime version"], ABORTED,
        "the driver is too old for it (HIP driver version is insufficient for HIP runtime version; it aborted)",
        "Update the kernel or its amdgpu driver on the host"],
]);

for (const [vendor, cases] of /** @type {const} */ ([["cuda", NVIDIA], ["rocm", AMD]])) {
    for (const [name, lines, code, fault, remedy] of cases) {
        test(`${vendor}, ${name}`, () => {
            const found = explainProbe(vendor, [...lines], code);
            assert.equal(found.fault, fault);
            assert.equal(found.remedy, remedy);
        });
    }
}

test("a remedy names the targets of the cards, where they are known", () => {
    const { remedy } = explainProbe("rocm", ["ROCm error: invalid device function"], ABORTED, "", ["gfx1103", "gfx1103", "gfx906"]);
    assert.equal(remedy, "Use an image that was built with --rocm-targets gfx1103,gfx906");
});

test("words of one vendor mean nothing to another", () => {
    assert.equal(explainProbe("cuda", ["rocBLAS error: Cannot read /x/TensileLibrary.dat"], ABORTED).fault, "Cannot read /x/TensileLibrary.dat; it aborted");
});

for (const [late, said] of /** @type {const} */ ([
    ["ended", "no answer within 60 s (MENTATOR_PROBE_TIMEOUT)"],
    ["killed", "no answer within 60 s (MENTATOR_PROBE_TIMEOUT), and it had to be killed"],
    ["abandoned", "no answer within 60 s (MENTATOR_PROBE_TIMEOUT), and it could not be killed"],
])) {
    test(`a probe that is ${late} has not answered in time`, () => {
        assert.equal(explainProbe("cuda", [], 143, late).fault, said);
    });
}
