// Of several cards those that a candidate serves.
import assert from "node:assert/strict";
import { test } from "node:test";

import { describeLeft, itemsFor, selectServed } from "../../docker/entrypoint/devices.mjs";

const NAMES = ["HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"];

for (const [env, count, items] of /** @type {const} */ ([
    [{}, 3, ["0", "1", "2"]],
    [{ CUDA_VISIBLE_DEVICES: "2,0" }, 2, ["2", "0"]],
    [{ CUDA_VISIBLE_DEVICES: "GPU-1f, GPU-2e" }, 2, ["GPU-1f", "GPU-2e"]],
    [{ HIP_VISIBLE_DEVICES: "1,2", CUDA_VISIBLE_DEVICES: "7" }, 2, ["1", "2"]],
    [{ CUDA_VISIBLE_DEVICES: "0,1,-1,2" }, 2, ["0", "1"]],
    [{ CUDA_VISIBLE_DEVICES: "MIG-7" }, 2, undefined],
])) {
    test(`${count} cards with ${JSON.stringify(env)} are named ${items?.join(" ") ?? "by nobody"}`, () => {
        assert.deepEqual(itemsFor(NAMES, env, count), items);
    });
}

/**
 * @param {string} name
 * @param {number} memory
 * @param {number} number
 * @param {string} [fault]
 */
function card(name, memory, number, fault = "") {
    return { card: { number: String(number), name, memory }, item: String(number), fault };
}

test("cards that all compute, alone and together, need no selection", () => {
    assert.deepEqual(selectServed([card("A", 24, 0), card("B", 6, 1)], ""), { items: ["0", "1"], together: false, left: [] });
});

test("a card that does not compute is left out, and the others are proven together", () => {
    const found = selectServed([card("A", 24, 0), card("B", 6, 1, "it aborted"), card("C", 24, 2)], "");
    assert.deepEqual(found, { items: ["0", "2"], together: true, left: [{ name: "B", fault: "it aborted" }] });
    assert.equal(describeLeft(found.left), "B (it aborted)");
});

test("one card that is left needs no further proof", () => {
    const found = selectServed([card("A", 24, 0, "no kernel"), card("B", 6, 1)], "no kernel");
    assert.deepEqual([found.items, found.together], [["1"], false]);
});

test("where no card computes none is left", () => {
    assert.deepEqual(selectServed([card("A", 24, 0, "x"), card("B", 6, 1, "x")], "x").items, []);
});

test("cards that compute alone and not together leave the one with the most memory", () => {
    const found = selectServed([card("A", 6, 0), card("B", 24, 1), card("C", 24, 2)], "segmentation fault");
    assert.deepEqual([found.items, found.together], [["1"], false]);
    assert.equal(describeLeft(found.left), "A (beside another card: segmentation fault), C (beside another card: segmentation fault)");
});
