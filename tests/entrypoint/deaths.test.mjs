// Runs that died in the native part.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { collectDeaths, deathsOf, noteRun, withDeaths } from "../../docker/entrypoint/deaths.mjs";
import { newRoot, put } from "./system.mjs";

const NOW = 1_000_000;

test("a candidate counts as dead after two deaths within a day, of the same driver, cards and image", () => {
    const text = withDeaths("last|cuda13|k1\n", 1, NOW);
    assert.equal(deathsOf(text, "cuda13", "k1", NOW), 0, "one");
    const two = withDeaths(text, 1, NOW + 60);
    assert.equal(deathsOf(two, "cuda13", "k1", NOW + 120), 2);
    assert.equal(deathsOf(two, "cuda12", "k1", NOW + 120), 0, "another candidate");
    assert.equal(deathsOf(two, "cuda13", "k2", NOW + 120), 0, "another driver");
    assert.equal(deathsOf(two, "cuda13", "k1", NOW + 25 * 3600), 0, "a day later");
});

test("deaths of a run that nobody noted count for nobody", () => {
    assert.equal(withDeaths("", 3, NOW), "");
});

test("the file does not grow without an end", () => {
    let text = "last|cuda13|k1\n";
    for (let run = 0; run < 100; run += 1) {
        text = withDeaths(text, 9999, NOW);
    }
    assert.ok(text.split("\n").length <= 51);
});

for (const [mark, count] of /** @type {const} */ ([["3\n", 3], ["2", 2], ["", 0], ["0\n", 0], ["-1", 0], ["many", 0], ["1e3", 0], ["2\nx", 0]])) {
    test(`the mark ${JSON.stringify(mark)} of the service holds ${count} deaths, which are counted once`, () => {
        const root = newRoot();
        const proofs = `${root}/.backend-proof`;
        const file = `${root}/.backend-deaths`;
        put(root, ".backend-proof.in-use", mark);
        noteRun(file, "", "cuda13", "k1");
        const text = collectDeaths(proofs, file);
        assert.equal(text.split("\n").filter((line) => line.startsWith("cuda13|k1|")).length, count);
        assert.equal(collectDeaths(proofs, file), text);
        assert.equal(existsSync(`${proofs}.in-use`), true, "it still says that the run did not end in order");
    });
}

test("the next run is noted in the place of the last one", () => {
    const root = newRoot();
    const file = `${root}/.backend-deaths`;
    noteRun(file, "last|cuda13|k1\ncuda13|k1|5\n", "cuda12", "k1");
    assert.equal(readFileSync(file, "utf8"), "last|cuda12|k1\ncuda13|k1|5\n");
});

test("FIFOs in the place of the files do not stop the start", () => {
    const root = newRoot();
    execFileSync("mkfifo", [".backend-deaths", ".backend-deaths.new", ".backend-proof.in-use"], { cwd: root });
    assert.equal(collectDeaths(`${root}/.backend-proof`, `${root}/.backend-deaths`), "");
    noteRun(`${root}/.backend-deaths`, "", "cuda13", "k1");
    assert.equal(readFileSync(`${root}/.backend-deaths`, "utf8"), "last|cuda13|k1\n");
});

test("a folder in the place of the file does not stop the start", () => {
    const root = newRoot();
    mkdirSync(`${root}/.backend-deaths`);
    noteRun(`${root}/.backend-deaths`, "", "cuda13", "k1");
    assert.equal(collectDeaths(`${root}/.backend-proof`, `${root}/.backend-deaths`), "");
});
