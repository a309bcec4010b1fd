// The table of backends itself: what the entrypoint relies on holds in every row.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { StartFault } from "../../docker/entrypoint/log.mjs";
import { checkTable, lastResort, provableModes, readTable } from "../../docker/entrypoint/table.mjs";
import { TABLE, newRoot, put } from "./system.mjs";

test("the modes stand in the order of preference", () => {
    assert.deepEqual(provableModes(TABLE).map(({ name }) => name), ["cuda", "rocm", "vulkan"]);
    assert.equal(lastResort(TABLE).name, "cpu");
});

const faults = [...TABLE.modes.flatMap((mode) => mode.faults ?? []), ...TABLE.faults];
for (const fault of faults) {
    test(`the fault "${fault.match[0] ?? ""}" can be read`, () => {
        for (const match of fault.match) {
            assert.ok(!new RegExp(match).test(""), "it matches every line");
        }
        assert.ok(fault.cause !== "");
        if (fault.words !== undefined && fault.words !== "keep") {
            assert.equal(new RegExp(`${fault.words}|`).exec("")?.length, 2, "one group");
        }
    });
}

for (const mode of provableModes(TABLE)) {
    test(`${mode.name} has signs that can be looked for`, () => {
        assert.ok(mode.signs.length > 0);
        for (const sign of mode.signs) {
            assert.equal([sign.tool, sign.nodes, sign.variable].filter((kind) => kind !== undefined).length, 1);
            for (const path of sign.nodes ?? []) {
                assert.match(path, /^[^/]/, "relative to the root");
                assert.doesNotMatch(path, /[*[].*\//, "wildcards in the last part only");
            }
            assert.ok(sign.needsLibrary !== true || mode.library !== undefined);
        }
    });
}

for (const [name, text, why] of /** @type {const} */ ([
    ["cut off", '{"modes": [', "JSON"],
    ["null", "null", "the table must be an object"],
    ["a list", "[]", "the table must be an object"],
    ["without modes", "{}", "the table has no modes"],
    ["without rows", '{"modes": []}', "no mode without candidates"],
    ["with null as its modes", '{"modes": null}', "modes must be a list"],
    ["with null as a row", '{"modes": [null]}', "modes[0] must be an object"],
    ["with a row without a name", '{"modes": [{"getLlama": false}]}', "modes[0] has no name"],
    ["with a row without a word for getLlama", '{"modes": [{"name": "a"}]}', "row a has no getLlama"],
    ["with text as its faults", '{"modes": [], "faults": "a"}', "faults must be a list"],
    ["without a last resort", '{"modes": [{"name": "a", "getLlama": "a", "candidates": [{"name": "b"}]}]}',
        "no mode without candidates"],
])) {
    test(`a table that is ${name} is refused`, () => {
        const path = put(newRoot(), "backends.json", text);
        assert.throws(() => readTable(path), (error) => {
            assert.ok(error instanceof StartFault);
            assert.equal(error.code, 70);
            assert.ok(error.text.includes(path) && error.text.includes(why), error.text);
            return true;
        });
    });
}

/** @type {{ row: object, good: object[], bad: { change: object, fault: string[] }[] }} */
const ROWS = JSON.parse(readFileSync(new URL("rows.json", import.meta.url), "utf8"));
const LAST = { name: "cpu", getLlama: false };

for (const change of ROWS.good) {
    test(`a good row: ${JSON.stringify(change)}`, () => {
        assert.equal(checkTable({ modes: [{ ...ROWS.row, ...change }, LAST] }).modes[0]?.name, "card");
    });
}

for (const { change, fault } of ROWS.bad) {
    test(`a bad row is refused: ${JSON.stringify(change)}`, () => {
        assert.throws(() => checkTable({ modes: [{ ...ROWS.row, ...change }, LAST] }), ({ message }) => {
            for (const words of ["row card", ...fault]) {
                assert.ok(String(message).includes(words), `${words} in: ${message}`);
            }
            return true;
        });
    });
}

test("a row may leave out what it does not have", () => {
    assert.deepEqual(checkTable({ modes: [{ name: "cpu", getLlama: false }] }), {
        modes: [{ name: "cpu", getLlama: false, candidates: [], signs: [] }],
        faults: [],
    });
});

test("a table that is not there is refused", () => {
    assert.throws(() => readTable(join(newRoot(), "none.json")), { code: 70 });
});
