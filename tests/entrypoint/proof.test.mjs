// What a probe says of a backend that computes.
import assert from "node:assert/strict";
import { test } from "node:test";

import { readProof } from "../../docker/entrypoint/proof.mjs";

const CARD = (/** @type {number} */ number, /** @type {string} */ name, /** @type {number} */ memory) => {
    return `  Device ${number}: NVIDIA ${name}, compute capability 8.9, VMM: yes, VRAM: ${memory} MiB`;
};
const RESULT = JSON.stringify({ summary: "NVIDIA L4, NVIDIA T4, 36.6 GiB", devices: ["NVIDIA L4", "NVIDIA T4"], vram: 1 });

test("all cards are listed once, though the probe's own child lists them, too", () => {
    const log = ["ggml_cuda_init: found 2 devices", CARD(0, "L4", 22563), CARD(0, "L4", 22563), CARD(1, "T4", 14912), RESULT, ""];
    assert.deepEqual(readProof(log.join("\n")), {
        summary: "NVIDIA L4, NVIDIA T4, 36.6 GiB",
        devices: "NVIDIA L4: 22563 MiB; NVIDIA T4: 14912 MiB",
    });
});

test("one card that the backend's log does not list is known by the result", () => {
    const result = JSON.stringify({ summary: "A Card, 8.0 GiB", devices: ["A Card"], vram: 8 * 2 ** 30 });
    assert.deepEqual(readProof(`a word\n${result}\n`), { summary: "A Card, 8.0 GiB", devices: "A Card: 8192 MiB" });
});

test("without a result nothing is proven", () => {
    assert.equal(readProof(CARD(0, "L4", 22563)), undefined);
    assert.equal(readProof(""), undefined);
});
