// The memory of good proofs, and what they hold for.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { makeKey, recall, wasCutOff, withProof, writeMemory } from "../../docker/entrypoint/memory.mjs";
import { pathsBelow } from "../../docker/entrypoint/paths.mjs";
import { readText } from "../../docker/entrypoint/files.mjs";
import { readIdentity } from "../../docker/entrypoint/surface.mjs";
import { mode, newRoot, put } from "./system.mjs";

const GOOD = { devices: "NVIDIA L4: 22563 MiB; NVIDIA T4: 14912 MiB", summary: "NVIDIA L4, 22.0 GiB, 2 tokens in 300 ms", environment: {}, left: [], loss: "" };
const LINE = `cuda13|k1|${JSON.stringify(GOOD)}\n`;

test("a proof is a line with candidate, key and JSON", () => {
    assert.equal(withProof("", "cuda13", "k1", GOOD), LINE);
    assert.deepEqual(recall(LINE, "cuda13", "k1"), GOOD);
});

test("another candidate or key is another proof", () => {
    assert.equal(recall(LINE, "cuda12", "k1"), undefined);
    assert.equal(recall(LINE, "cuda13", "k2"), undefined);
});

test("a new proof takes the place of the candidate's older one, and leaves the others", () => {
    const rocm = "rocm|k|{}\n";
    const text = withProof(LINE + rocm, "cuda13", "k2", GOOD);
    assert.deepEqual(text.split("\n").sort(), ["", rocm.trim(), LINE.trim().replace("k1", "k2")].sort());
});

test("a summary may hold the separator", () => {
    const proof = { ...GOOD, summary: "a|b", left: [{ name: "GTX 1060", fault: "it aborted" }], environment: { A: "0" } };
    assert.deepEqual(recall(withProof("", "x", "k", proof), "x", "k"), proof);
});

for (const text of ["", "cuda13\n", "cuda13|||\n", "cuda13|k1||\n", "\0\x01\x02", "cuda13|x|y|z"]) {
    test(`the damaged memory ${JSON.stringify(text)} is not a proof`, () => {
        assert.equal(recall(text, "cuda13", "k1"), undefined);
        assert.deepEqual(recall(withProof(text, "cuda13", "k1", GOOD), "cuda13", "k1"), GOOD);
    });
}

test("it is written by a rename, and the mark of a run that was cut off goes", () => {
    const proofs = put(newRoot(), "data/.backend-proof", "old");
    put(proofs, "../.backend-proof.in-use");
    assert.equal(wasCutOff(proofs), true);
    assert.equal(writeMemory(proofs, LINE), true);
    assert.equal(readFileSync(proofs, "utf8"), LINE);
    assert.equal(wasCutOff(proofs), false);
    assert.equal(existsSync(`${proofs}.new`), false);
});

test("a FIFO in the place of the memory is not waited for", { timeout: 10_000 }, () => {
    const proofs = put(newRoot(), "data/other", "").replace(/other$/, ".backend-proof");
    execFileSync("mkfifo", [proofs, `${proofs}.new`]);
    assert.equal(readText(proofs), "");
    assert.equal(writeMemory(proofs, LINE), true);
    assert.equal(readText(proofs), LINE);
});

test("a memory over 1 MiB is not read", () => {
    assert.equal(readText(put(newRoot(), "memory", "x".repeat(2 ** 20 + 1))), "");
    assert.equal(readText(put(newRoot(), "memory", "x".repeat(2 ** 20))).length, 2 ** 20);
});

test("a memory that cannot be written is told", () => {
    const root = newRoot();
    mkdirSync(`${root}/.backend-proof/in-the-way`, { recursive: true });
    assert.equal(writeMemory(`${root}/.backend-proof`, LINE), false);
    assert.equal(writeMemory(`${root}/no-folder/.backend-proof`, LINE), false);
});

/**
 * @param {string} name
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 */
function key(name, root, env) {
    const row = mode(name);
    const candidate = row.candidates[0]?.name ?? "";
    const hardware = ["what the tool said", "gfx1100", ...readIdentity(row, { root, env, uid: 1 })];
    return makeKey(pathsBelow(root), candidate, hardware);
}

const CHANGES = /** @type {const} */ ([
    ["cuda", "another kernel module", "proc/driver/nvidia/version", "590"],
    ["cuda", "another plugin", "opt/mentator/backends/cuda13/libggml-cuda.so", "ELF two"],
    ["cuda", "another library beside it", "opt/mentator/backends/cuda13/libcudart.so", "ELF"],
    ["cuda", "another build", "opt/mentator/build-id", "two"],
    ["cuda", "another probe", "opt/mentator/entrypoint/probe.mjs", "//"],
    ["cuda", "another node-llama-cpp", "opt/mentator-llm-service/node_modules/node-llama-cpp/package.json", "{}"],
    ["cuda", "another llama.cpp", "opt/mentator-llm-service/node_modules/@node-llama-cpp/linux-x64/bins/x/a.so", "ELF"],
    ["rocm", "another amdgpu", "sys/module/amdgpu/version", "6.13.0"],
    ["rocm", "another kernel", "proc/sys/kernel/osrelease", "6.13.0"],
]);
for (const [name, what, path, text] of CHANGES) {
    test(`${name}: ${what} is another key`, () => {
        const root = newRoot();
        put(root, "opt/mentator/backends/cuda13/libggml-cuda.so", "ELF");
        const before = key(name, root, {});
        assert.match(before, /^[0-9a-f]{64}$/);
        assert.equal(key(name, root, {}), before);
        put(root, path, text);
        assert.notEqual(key(name, root, {}), before);
    });
}

test("another device of the vendor on the bus is another key, one of another vendor is not", () => {
    const root = newRoot();
    const before = key("cuda", root, {});
    put(root, "sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n");
    put(root, "sys/bus/pci/devices/0000:02:00.0/class", "0x030200\n");
    put(root, "sys/bus/pci/devices/0000:01:00.0/vendor", "0x1002\n");
    put(root, "sys/bus/pci/devices/0000:01:00.0/device", "0x744c\n");
    assert.equal(key("cuda", root, {}), before);
    put(root, "sys/bus/pci/devices/0000:02:00.0/vendor", "0x10de\n");
    put(root, "sys/bus/pci/devices/0000:02:00.0/device", "0x2330\n");
    assert.notEqual(key("cuda", root, {}), before);
});

for (const [name, variable] of /** @type {const} */ ([
    ["cuda", "CUDA_VISIBLE_DEVICES"],
    ["cuda", "NVIDIA_VISIBLE_DEVICES"],
    ["rocm", "HSA_OVERRIDE_GFX_VERSION"],
    ["rocm", "HIP_VISIBLE_DEVICES"],
])) {
    test(`another ${variable} is another key`, () => {
        const root = newRoot();
        assert.notEqual(key(name, root, { [variable]: "1" }), key(name, root, {}));
    });
}

test("what the tool said is part of the key", () => {
    const paths = pathsBelow(newRoot());
    assert.notEqual(makeKey(paths, "cuda13", ["580"]), makeKey(paths, "cuda13", ["590"]));
});
