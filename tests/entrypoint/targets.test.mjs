// Cards, and the targets that the image has kernels for.
import assert from "node:assert/strict";
import { test } from "node:test";

import { compiledTargets } from "../../docker/entrypoint/image.mjs";
import { fitCards } from "../../docker/entrypoint/targets.mjs";
import { mode, newRoot, put } from "./system.mjs";

const OVERRIDE = "HSA_OVERRIDE_GFX_VERSION";
const VISIBLE = "HIP_VISIBLE_DEVICES";

/**
 * @param {string[]} cards
 * @param {string[]} compiled
 * @param {NodeJS.ProcessEnv} [env]
 */
function fit(cards, compiled, env = {}) {
    return fitCards(mode("rocm"), cards.map(card), compiled, env, false);
}

/**
 * @param {string} target
 * @param {number} number
 */
function card(target, number) {
    return { target, node: number + 1, uuid: `GPU-0${number}`, device: `0:${number + 1}`, units: 12 };
}

for (const [card, target, override] of /** @type {const} */ ([
    ["gfx1101", "gfx1100", "11.0.0"],
    ["gfx1102", "gfx1100", "11.0.0"],
    ["gfx1103", "gfx1100", "11.0.0"],
    ["gfx1150", "gfx1151", "11.5.1"],
    ["gfx1151", "gfx1100", "11.0.0"],
    ["gfx1031", "gfx1030", "10.3.0"],
    ["gfx1032", "gfx1030", "10.3.0"],
    ["gfx1034", "gfx1030", "10.3.0"],
    ["gfx1035", "gfx1030", "10.3.0"],
    ["gfx1036", "gfx1030", "10.3.0"],
    ["gfx1012", "gfx1010", "10.1.0"],
    ["gfx90c", "gfx900", "9.0.0"],
    ["gfx902", "gfx900", "9.0.0"],
    ["gfx1200", "gfx1201", "12.0.1"],
])) {
    test(`${card} runs the kernels for ${target}`, () => {
        const found = fit([card], ["gfx942", target]);
        assert.deepEqual([found.fits, found.environment], [true, { [OVERRIDE]: override }]);
        assert.equal(found.finding, `, as ${target} (${OVERRIDE}=${override})`);
        assert.deepEqual(found.notes, [
            `${OVERRIDE}=${override}: those for ${target} are used, since the image has no kernels for ${card}`,
        ]);
    });
}

for (const card of ["gfx1100", "gfx90a", "gfx1103"]) {
    test(`${card} with kernels of its own needs nothing`, () => {
        const found = fit([card], ["gfx1100", card]);
        assert.deepEqual(found, { fits: true, finding: "", remedy: "", environment: {}, notes: [], integrated: card === "gfx1103" });
    });
}

for (const card of ["gfx942", "gfx906", "gfx1103"]) {
    test(`${card} does not fit an image without kernels for it`, () => {
        const found = fit([card], ["gfx90a", "gfx1030"]);
        assert.equal(found.fits, false);
        assert.deepEqual(found.environment, {});
        assert.equal(found.finding, `, but the image has no kernels for ${card} (only for gfx90a gfx1030)`);
        assert.equal(found.remedy, `Use an image that was built with --rocm-targets ${card}`);
    });
}

for (const [name, cards, compiled] of /** @type {const} */ ([
    ["an image that does not say", ["gfx942"], []],
    ["a card without a target", ["gfx942", ""], ["gfx1100"]],
    ["no list of cards", [], ["gfx1100"]],
])) {
    test(`${name} leaves it to the probe`, () => {
        const found = fit([...cards], [...compiled]);
        assert.deepEqual([found.fits, found.environment, found.notes], [true, {}, []]);
    });
}

test("the user's override is kept", () => {
    const found = fit(["gfx1103"], ["gfx1100"], { [OVERRIDE]: "11.0.2" });
    assert.deepEqual([found.fits, found.environment], [true, {}]);
    assert.deepEqual(found.notes, [`${OVERRIDE}=11.0.2 is set by the user, and kept`]);
});

test("a processor's graphics are left out beside cards with kernels", () => {
    const found = fit(["gfx1036", "gfx1100", "gfx1100"], ["gfx1100", "gfx1030"]);
    assert.deepEqual(found.environment, { [VISIBLE]: "1,2" });
    assert.deepEqual(found.notes, [`${VISIBLE}=1,2: without gfx1036 of a processor's own graphics`]);
    assert.equal(found.finding, ", without gfx1036");
});

for (const name of [VISIBLE, "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"]) {
    test(`cards that the user selected with ${name} stay selected`, () => {
        const found = fit(["gfx1036", "gfx1100"], ["gfx1100"], { [name]: "1" });
        assert.deepEqual([found.fits, found.environment, found.notes], [true, {}, []]);
    });
}

for (const [value, env] of /** @type {const} */ ([
    ["1", { [OVERRIDE]: "10.3.0" }],
    ["GPU-01", { [OVERRIDE]: "10.3.0" }],
    ["gpu-01,nonsense,0", { [OVERRIDE]: "10.3.0" }],
    ["1,0", { [`${OVERRIDE}_2`]: "10.3.0" }],
    ["7", {}],
    ["-1", {}],
    ["GPU-4f2a", {}],
])) {
    test(`an override is chosen for the selected cards: ${VISIBLE}=${value}`, () => {
        assert.deepEqual(fit(["gfx1100", "gfx1032"], ["gfx1030", "gfx1100"], { [VISIBLE]: value }).environment, env);
    });
}

test("selected cards without kernels do not fit, though another card has some", () => {
    const found = fit(["gfx1100", "gfx942"], ["gfx1100"], { [VISIBLE]: "1" });
    assert.deepEqual([found.fits, found.remedy], [false, "Use an image that was built with --rocm-targets gfx942"]);
});

test("selections are applied one after the other, as the runtime does", () => {
    const cards = ["gfx1100", "gfx942", "gfx1032"];
    const chained = fit(cards, ["gfx1030", "gfx1100"], { ROCR_VISIBLE_DEVICES: "GPU-02,GPU-01", [VISIBLE]: "0" });
    assert.deepEqual(chained.environment, { [OVERRIDE]: "10.3.0" });
    const first = fit(cards, ["gfx1030", "gfx1100"], { [VISIBLE]: "0", CUDA_VISIBLE_DEVICES: "1" });
    assert.deepEqual(first.environment, {});
});

test("a user's selection is narrowed where a card has no kernels, in the words of the user", () => {
    const cards = ["gfx1100", "gfx942", "gfx1100"];
    assert.deepEqual(fit(cards, ["gfx1100"], { [VISIBLE]: "GPU-02,GPU-01" }).environment, { [VISIBLE]: "GPU-02" });
    assert.deepEqual(fit(cards, ["gfx1100"], { ROCR_VISIBLE_DEVICES: "2,1" }).environment, { [VISIBLE]: "0" });
});

test("mixed cards get an override each, by the number of their nodes", () => {
    const found = fit(["gfx1100", "gfx1031", "gfx1201"], ["gfx1030", "gfx1100", "gfx1200"]);
    assert.deepEqual(found.environment, { [`${OVERRIDE}_2`]: "10.3.0", [`${OVERRIDE}_3`]: "12.0.0" });
    assert.equal(found.finding, `, gfx1031 as gfx1030 (${OVERRIDE}_2=10.3.0), gfx1201 as gfx1200 (${OVERRIDE}_3=12.0.0)`);
});

test("a processor's graphics with few compute units are not taken, unless they are demanded", () => {
    const weak = { ...card("gfx1036", 0), units: 2 };
    const found = fitCards(mode("rocm"), [weak], ["gfx1030"], {}, false);
    assert.deepEqual([found.fits, found.remedy], [false, ""]);
    assert.match(found.finding, /^, but gfx1036 has 2 compute units and is a processor's own graphics/);
    const demanded = fitCards(mode("rocm"), [weak], ["gfx1030"], {}, true);
    assert.deepEqual([demanded.fits, demanded.integrated], [true, false]);
});

test("a target that ROCm has given up gets no advice", () => {
    const found = fit(["gfx803"], ["gfx900"]);
    assert.deepEqual([found.fits, found.remedy, found.finding], [false, "", ", but no build has kernels for gfx803: ROCm has given it up"]);
});

test("an override leaves out the cards that it does not fit", () => {
    const found = fit(["gfx942", "gfx1102", "gfx1101"], ["gfx1100"]);
    assert.deepEqual(found.environment, { [OVERRIDE]: "11.0.0", [VISIBLE]: "1,2" });
    assert.equal(found.finding, `, as gfx1100 (${OVERRIDE}=11.0.0), without gfx942`);
});

test("the image's targets are read without their features", () => {
    const root = newRoot();
    put(root, "rocm/targets.txt", "gfx1100\ngfx90a:xnack-\n\ngfx942");
    assert.deepEqual(compiledTargets(root, "rocm", "targets.txt"), ["gfx1100", "gfx90a", "gfx942"]);
    assert.deepEqual(compiledTargets(root, "none", "targets.txt"), []);
});
