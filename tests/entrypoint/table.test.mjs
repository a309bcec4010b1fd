// The table of backends itself: what the entrypoint relies on holds in every row.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { StartFault } from "../../docker/entrypoint/log.mjs";
import { checkTable, lastResort, provableModes, readTable } from "../../docker/entrypoint/table.mjs";
import { TABLE, newRoot, put } from "./system.mjs";

test("the modes stand in the order of preference", () => {
    assert.deepEqual(provableModes(TABLE).map(({ name }) => name), ["cuda", "rocm"]);
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
            assert.equal(Number(sign.tool !== undefined) + Number(sign.nodes !== undefined), 1);
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
    ["without modes", "{}", "no mode without candidates"],
    ["without a last resort", '{"modes": [{"name": "a", "candidates": [{"name": "b"}]}]}', "no mode without candidates"],
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

test("a row may leave out what it does not have", () => {
    assert.deepEqual(checkTable({ modes: [{ name: "cpu", getLlama: false }] }), {
        modes: [{ name: "cpu", getLlama: false, candidates: [], signs: [] }],
        faults: [],
    });
});

test("a table that is not there is refused", () => {
    assert.throws(() => readTable(join(newRoot(), "none.json")), { code: 70 });
});
