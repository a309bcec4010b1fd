// The cards in the list of AMD's kernel driver.
import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeKfd, readKfd, targetName } from "../../docker/entrypoint/kfd.mjs";
import { newRoot, put } from "./system.mjs";

const CPU = "cpu_cores_count 16\nsimd_count 0\nmem_banks_count 1\ngfx_target_version 0\n";
const card = (/** @type {number} */ version) => `cpu_cores_count 0\nsimd_count 192\ngfx_target_version ${version}\n`;

const targetsOf = (/** @type {import("../../docker/entrypoint/kfd.mjs").Cards} */ { cards }) => cards.map(({ target }) => target);

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
    const found = decodeKfd([CPU, card(110000), card(0)].map((text, node) => ({ node, text })));
    assert.deepEqual([found.none, targetsOf(found), found.cards.map(({ node }) => node)], [false, ["gfx1100", ""], [1, 2]]);
    assert.equal(decodeKfd([{ node: 0, text: CPU }]).none, true);
});

test("a card has its unique number, compute units and PCI device", () => {
    const text = `${card(110000)}simd_per_cu 2\nunique_id 12345678901234567890\nlocation_id 768\ndomain 1\n`;
    assert.deepEqual(decodeKfd([{ node: 1, text }]).cards, [
        { target: "gfx1100", node: 1, uuid: "GPU-ab54a98ceb1f0ad2", device: "1:768", units: 96 },
    ]);
});

test("partitions of one card are described as such", () => {
    const part = (/** @type {number} */ number) => `${card(90402)}location_id ${number * 2 ** 28 + 1280}\ndomain 0\n`;
    const found = decodeKfd([part(0), part(1), part(2)].map((text, node) => ({ node, text })));
    assert.equal(found.described, "gfx942, gfx942, gfx942 (partitions of 1 card)");
    const two = [`${card(110000)}location_id 768\n`, `${card(110000)}location_id 1024\n`];
    assert.equal(decodeKfd(two.map((text, node) => ({ node, text }))).described, "gfx1100, gfx1100");
});

test("without a list nothing is known", () => {
    const nothing = { source: "/sys/class/kfd", none: false, cards: [], described: "unknown target" };
    assert.deepEqual(readKfd(newRoot()), nothing);
});

test("cards are read in the order of their numbers, and what cannot be read is left out", () => {
    const root = newRoot();
    const nodes = "sys/class/kfd/kfd/topology/nodes";
    put(root, `${nodes}/0/properties`, CPU);
    put(root, `${nodes}/2/properties`, card(110000));
    put(root, `${nodes}/10/properties`, card(100300));
    put(root, `${nodes}/3/properties/of-another-container`, "");
    assert.deepEqual(targetsOf(readKfd(root)), ["gfx1100", "gfx1030"]);
});
