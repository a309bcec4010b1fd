// The cards in the list of AMD's kernel driver.
import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeKfd, readKfd, targetName } from "../../docker/entrypoint/kfd.mjs";
import { newRoot, put } from "./system.mjs";

const CPU = "cpu_cores_count 16\nsimd_count 0\nmem_banks_count 1\ngfx_target_version 0\n";
const card = (/** @type {number} */ version) => `cpu_cores_count 0\nsimd_count 192\ngfx_target_version ${version}\n`;

for (const [version, target] of /** @type {const} */ ([
    [110000, "gfx1100"],
    [90010, "gfx90a"],
    [90402, "gfx942"],
    [100302, "gfx1032"],
    [110501, "gfx1151"],
    [120001, "gfx1201"],
    [80003, "gfx803"],
    [90012, "gfx90c"],
    [0, ""],
])) {
    test(`version ${version} is the target "${target}"`, () => {
        assert.equal(targetName(version), target);
    });
}

test("processors are not cards", () => {
    assert.deepEqual(decodeKfd([CPU, card(110000), card(0)]), { source: "/sys/class/kfd", none: false, targets: ["gfx1100", ""] });
    assert.equal(decodeKfd([CPU]).none, true);
});

test("without a list nothing is known", () => {
    assert.deepEqual(readKfd(newRoot()), { source: "/sys/class/kfd", none: false, targets: [] });
});

test("cards are read in the order of their numbers, and what cannot be read is left out", () => {
    const root = newRoot();
    const nodes = "sys/class/kfd/kfd/topology/nodes";
    put(root, `${nodes}/0/properties`, CPU);
    put(root, `${nodes}/2/properties`, card(110000));
    put(root, `${nodes}/10/properties`, card(100300));
    put(root, `${nodes}/3/properties/of-another-container`, "");
    assert.deepEqual(readKfd(root).targets, ["gfx1100", "gfx1030"]);
});
