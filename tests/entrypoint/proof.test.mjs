// What a probe says of a backend that computes.
import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, statSync, truncateSync, writeSync } from "node:fs";
import { test } from "node:test";

import { readEnds } from "../../docker/entrypoint/proof.mjs";
import { readResult } from "../../docker/entrypoint/result.mjs";
import { mode, newRoot, put } from "./system.mjs";

const LINE = mode("cuda").deviceLine;

const CARD = (/** @type {number} */ number, /** @type {string} */ name, /** @type {number} */ memory) => {
    return `  Device ${number}: NVIDIA ${name}, compute capability 8.9, VMM: yes, VRAM: ${memory} MiB`;
};
const RESULT = JSON.stringify({ summary: "NVIDIA L4, NVIDIA T4, 36.6 GiB", devices: ["NVIDIA L4", "NVIDIA T4"], vram: 1 });

test("all cards are listed once, though the probe's own child lists them, too", () => {
    const log = ["ggml_cuda_init: found 2 devices", CARD(0, "L4", 22563), CARD(0, "L4", 22563), CARD(1, "T4", 14912), RESULT, ""];
    assert.deepEqual(readResult(log.join("\n"), LINE), {
        summary: "NVIDIA L4, NVIDIA T4, 36.6 GiB",
        devices: "NVIDIA L4: 22563 MiB; NVIDIA T4: 14912 MiB",
        integrated: false,
        scarce: "",
    });
});

test("one card that the backend's log does not list is known by the result", () => {
    const result = JSON.stringify({ summary: "A Card, 8.0 GiB", devices: ["A Card"], vram: 8 * 2 ** 30 });
    const { summary, devices } = readResult(`a word\n${result}\n`) ?? {};
    assert.deepEqual([summary, devices], ["A Card, 8.0 GiB", "A Card: 8192 MiB"]);
});

test("without a line for each card they have their names, and the memory of all", () => {
    const log = [
        "ggml_vulkan: Found 2 Vulkan devices:",
        "ggml_vulkan: 0 = AMD Radeon RX 7900 XTX (RADV NAVI31) (radv) | uma: 0 | fp16: 1 | warp size: 64",
        "ggml_vulkan: 1 = Intel(R) Arc(tm) A770; rev 8 (ANV) | uma: 0 | fp16: 1 | warp size: 32",
        JSON.stringify({ summary: "two cards", devices: ["AMD Radeon RX 7900 XTX", "Intel(R) Arc(tm) A770; rev 8"], vram: 40 * 2 ** 30 }),
    ];
    const devices = "AMD Radeon RX 7900 XTX, Intel(R) Arc(tm) A770, rev 8: 40960 MiB";
    assert.equal(readResult(log.join("\n"))?.devices, devices);
    assert.equal(readResult(log.join("\n"), LINE)?.devices, devices);
});

test("the row says how its plugin lists the cards", () => {
    const log = ["ggml_x: 0 = Card (drv) | 100 MiB", "ggml_x: 1 = Card (drv) | 200 MiB", RESULT].join("\n");
    assert.equal(readResult(log, "^ggml_x: (\\d+) = (.*) \\(.*\\| (\\d+) MiB$")?.devices, "Card: 100 MiB; Card: 200 MiB");
});

test("memory that is taken by others is told, and what follows from it", () => {
    const result = (/** @type {number} */ free) => JSON.stringify({ summary: "A Card", devices: ["A Card"], vram: 8 * 2 ** 30, free });
    assert.equal(readResult(result(2 ** 31))?.scarce, "2.0 of 8.0 GiB are free: a large model gets fewer layers on the card");
    assert.equal(readResult(result(6 * 2 ** 30))?.scarce, "");
});

test("cards that the plugin calls integrated are so where all of them are", () => {
    const line = (/** @type {number} */ number, /** @type {number} */ uma) => `ggml_vulkan: ${number} = Card (radv) | uma: ${uma} | fp16: 1`;
    const result = (/** @type {string[]} */ ...names) => JSON.stringify({ summary: "x", devices: names, vram: 1 });
    assert.equal(readResult([line(0, 1), line(0, 1), result("Card")].join("\n"), undefined, "uma: 1")?.integrated, true);
    assert.equal(readResult([line(0, 1), line(1, 0), result("a", "b")].join("\n"), undefined, "uma: 1")?.integrated, false);
    assert.equal(readResult([line(0, 1), result("Card")].join("\n"))?.integrated, false);
});

test("names are cut, and many cards", () => {
    const log = Array.from({ length: 5000 }, (_, number) => CARD(number, "x".repeat(5000), 1));
    const devices = readResult([...log, RESULT].join("\n"), LINE)?.devices ?? "";
    assert.ok(devices.length < 8000, `${devices.length} characters`);
    assert.match(devices, /^NVIDIA xxx*\.\.\.: 1 MiB; /);
});

for (const line of ['{"summary":"cut', '{"summary":"a","devices":1}', '{"summary":"a","devices":[1]}', '{"summary":"a","vram":"x"}']) {
    test(`the damaged result ${line} proves nothing`, () => {
        assert.equal(readResult(`${line}\n`, LINE), undefined);
    });
}

/** @param {number} size bytes */
function endsOf(size) {
    const path = put(newRoot(), "log");
    const descriptor = openSync(path, "r+");
    writeSync(descriptor, "begin\n");
    truncateSync(path, size - 4);
    writeSync(descriptor, "end\n", size - 4);
    const text = readEnds(descriptor);
    closeSync(descriptor);
    return { text, path };
}

for (const size of [10, 2 ** 20, 2 ** 20 + 7, 2 ** 21]) {
    test(`a log of ${size} bytes is read and kept`, () => {
        const { text, path } = endsOf(size);
        assert.ok(text === readFileSync(path, "utf8") && text.length === size);
    });
}

test("of a log of 600 MB begin and end are read and kept", () => {
    const { text, path } = endsOf(600 * 2 ** 20);
    assert.ok(text.startsWith("begin\n") && text.endsWith("\0end\n"));
    assert.ok(statSync(path).size < 2 ** 21 + 100);
    const kept = readFileSync(path, "utf8");
    assert.ok(kept.startsWith("begin\n") && kept.endsWith("\0end\n"));
    assert.match(kept, /\n\.\.\. 627048448 bytes left out \.\.\.\n/);
});

test("without a result nothing is proven", () => {
    assert.equal(readResult(CARD(0, "L4", 22563)), undefined);
    assert.equal(readResult(""), undefined);
});
