// Which mode is tried and taken, the reason that is told, and what the service gets.
import assert from "node:assert/strict";
import { test } from "node:test";

import { choose, environmentOf, serviceEnvironment, skipReason, withoutOwn } from "../../docker/entrypoint/choose.mjs";
import { StartFault } from "../../docker/entrypoint/log.mjs";
import { TABLE, mode } from "./system.mjs";

const PATHS = { table: "/opt/mentator/backends.json", proofs: "/data/.backend-proof" };
const PLUGIN = "/opt/mentator/backends/cuda12/libggml-cuda.so";

/**
 * @param {string} name
 * @param {string[]} [dropped]
 * @returns {import("../../docker/entrypoint/choose.mjs").Proven}
 */
function provenMode(name, dropped = []) {
    return {
        mode: mode(name),
        proven: true,
        finding: "nvidia-smi lists NVIDIA L4",
        remedy: "",
        dropped,
        environment: environmentOf(mode(name), { HOME: "/data" }, { CUDA_CACHE_PATH: "/data/.cuda-cache" }, PLUGIN),
        plugin: PLUGIN,
        plain: "cuda12/libggml-cuda.so",
        summary: "NVIDIA L4, 22.0 GiB, 2 tokens in 300 ms",
        devices: "NVIDIA L4: 22563 MiB",
        candidate: "cuda12",
        key: "k1",
        left: [],
    };
}

/**
 * @param {string} name
 * @param {string} finding
 * @param {string} [remedy]
 * @returns {import("../../docker/entrypoint/choose.mjs").Failed}
 */
function failedMode(name, finding, remedy = "Give it") {
    return { mode: mode(name), proven: false, finding, remedy, seen: true };
}

for (const [name, demand, before, reason] of /** @type {const} */ ([
    ["cuda", "auto", [], undefined],
    ["cuda", "cuda", [], undefined],
    ["cuda", "rocm", [], "MENTATOR_BACKEND=rocm"],
    ["rocm", "cpu", [], "MENTATOR_BACKEND=cpu"],
    ["rocm", "auto", [failedMode("cuda", "no nvidia-smi")], undefined],
    ["rocm", "auto", [provenMode("cuda")], "cuda comes first"],
    ["rocm", "cuda", [provenMode("cuda")], "cuda comes first"],
])) {
    test(`${name} with ${demand} after ${before.map(({ finding }) => finding).join() || "nothing"}: ${reason ?? "looked at"}`, () => {
        assert.equal(skipReason(mode(name), demand, [...before]), reason);
    });
}

for (const [what, demand, attempts, chosen, reason] of /** @type {const} */ ([
    ["nothing is here", "auto", [failedMode("cuda", "no nvidia-smi"), failedMode("rocm", "no /dev/kfd")], "cpu",
        "cpu: not cuda: no nvidia-smi; not rocm: no /dev/kfd"],
    ["the CPU is demanded", "cpu", [], "cpu", "cpu: MENTATOR_BACKEND=cpu"],
    ["a candidate was dropped", "auto", [provenMode("cuda", ["dropped cuda13: it aborted"])], "cuda",
        "cuda: nvidia-smi lists NVIDIA L4, cuda12/libggml-cuda.so: NVIDIA L4, 22.0 GiB, 2 tokens in 300 ms; dropped cuda13: it aborted"],
    ["another mode failed before", "auto", [failedMode("cuda", "no nvidia-smi"), provenMode("rocm")], "rocm",
        "rocm: nvidia-smi lists NVIDIA L4, cuda12/libggml-cuda.so: NVIDIA L4, 22.0 GiB, 2 tokens in 300 ms; not cuda: no nvidia-smi"],
    ["it is demanded", "cuda", [provenMode("cuda")], "cuda",
        "cuda: MENTATOR_BACKEND=cuda; nvidia-smi lists NVIDIA L4, cuda12/libggml-cuda.so: NVIDIA L4, 22.0 GiB, 2 tokens in 300 ms"],
    ["a tool said several lines", "auto", [failedMode("cuda", "nvidia-smi fails:\none\n\ntwo")], "cpu",
        "cpu: not cuda: nvidia-smi fails: one two"],
])) {
    test(`the reason where ${what}`, () => {
        const choice = choose(TABLE, demand, [...attempts]);
        assert.equal(choice.mode.name, chosen);
        assert.equal(choice.reason, reason);
    });
}

test("the reason and the cards are short enough for a variable", () => {
    const long = "é \0\n".repeat(100_000);
    const { reason } = choose(TABLE, "auto", [provenMode("cuda", [`dropped cuda13: ${long}`]), failedMode("rocm", long)]);
    assert.equal(reason.length, 4000);
    assert.match(reason, /; dropped cuda13: é é [é ]*\.\.\.$/);
    const proven = { ...provenMode("cuda"), devices: long };
    const env = serviceEnvironment({ mode: mode("cuda"), reason, proven }, { USERS_OWN: long }, PATHS);
    assert.equal(env["MENTATOR_BACKEND_DEVICES"]?.length, 8000);
    assert.equal(serviceEnvironment({ mode: mode("cpu"), reason }, { USERS_OWN: long }, PATHS)["USERS_OWN"], long);
});

test("a demand that is not met ends the start with its reason and what helps", () => {
    assert.throws(() => choose(TABLE, "cuda", [failedMode("cuda", "no nvidia-smi", "Give the GPU")]), (error) => {
        assert.ok(error instanceof StartFault);
        assert.equal(error.code, 69);
        assert.equal(error.text, "error: MENTATOR_BACKEND=cuda is not possible here.\n"
            + "  why:  no nvidia-smi.\n  next: Give the GPU, or set MENTATOR_BACKEND=auto.\n");
        return true;
    });
});

for (const [name, expected] of /** @type {const} */ ([
    ["cuda", { LLAMA_CUDA: "1", NODE_LLAMA_CPP_GPU: "cuda" }],
    ["rocm", { LLAMA_HIPBLAS: "1", NODE_LLAMA_CPP_GPU: "cuda" }],
])) {
    test(`what the service gets for ${name}`, () => {
        assert.deepEqual(serviceEnvironment({ mode: mode(name), reason: "why", proven: provenMode(name) }, {}, PATHS), {
            ...expected,
            HOME: "/data",
            CUDA_CACHE_PATH: "/data/.cuda-cache",
            GGML_BACKEND_PATH: PLUGIN,
            NODE_LLAMA_CPP_SKIP_DOWNLOAD: "true",
            MENTATOR_BACKEND_CHOICE: name,
            MENTATOR_BACKEND_REASON: "why",
            MENTATOR_BACKEND_DEVICES: "NVIDIA L4: 22563 MiB",
            MENTATOR_BACKEND_PROOF: PATHS.proofs,
            MENTATOR_BACKEND_TABLE: PATHS.table,
        });
    });
}

test("what the service gets for the CPU", () => {
    assert.deepEqual(serviceEnvironment({ mode: mode("cpu"), reason: "why" }, { HOME: "/data" }, PATHS), {
        HOME: "/data",
        UV_THREADPOOL_SIZE: "1",
        GLIBC_TUNABLES: "glibc.malloc.hugetlb=1",
        NODE_LLAMA_CPP_GPU: "false",
        NODE_LLAMA_CPP_SKIP_DOWNLOAD: "true",
        MENTATOR_BACKEND_CHOICE: "cpu",
        MENTATOR_BACKEND_REASON: "why",
        MENTATOR_BACKEND_TABLE: PATHS.table,
    });
});

for (const [name, given, used] of /** @type {const} */ ([
    ["UV_THREADPOOL_SIZE", "8", "8"],
    ["UV_THREADPOOL_SIZE", "", "1"],
    ["GLIBC_TUNABLES", "glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"],
])) {
    test(`the user's ${name}="${given}" becomes "${used}"`, () => {
        assert.equal(environmentOf(mode("cpu"), { [name]: given }, {})[name], used);
    });
}

test("the user's values of what the choice sets do not reach anybody", () => {
    const stray = Object.fromEntries([
        "LLAMA_CUDA", "LLAMA_HIPBLAS", "GGML_BACKEND_PATH", "MENTATOR_BACKEND_CHOICE", "MENTATOR_BACKEND_REASON",
        "MENTATOR_BACKEND_DEVICES", "MENTATOR_BACKEND_PROOF", "MENTATOR_BACKEND_TABLE", "MENTATOR_ENTRYPOINT_START",
    ].map((name) => [name, "/stray"]));
    const kept = { HOME: "/data", MENTATOR_BACKEND: "auto", UV_THREADPOOL_SIZE: "4" };
    assert.deepEqual(withoutOwn(TABLE, { ...stray, ...kept }), kept);
});
