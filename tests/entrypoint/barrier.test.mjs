// MENTATOR_BARRIER, and the library that the service is given.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { readBarrier, withBarrier } from "../../docker/entrypoint/barrier.mjs";
import { StartFault } from "../../docker/entrypoint/log.mjs";

const NAME = "libmentator-barrier.so";

/**
 * @param {Record<string, string>} files of the folder that the image has
 * @param {(folder: string) => void} check
 */
function inFolder(files, check) {
    const folder = mkdtempSync(join(tmpdir(), "barrier-"));
    try {
        for (const [name, text] of Object.entries(files)) {
            writeFileSync(join(folder, name), text);
        }
        check(folder);
    } finally {
        rmSync(folder, { recursive: true });
    }
}

test("the service gets the library, and keeps its other variables", () => {
    inFolder({ [NAME]: "ELF" }, (folder) => {
        const { env, finding } = withBarrier({ A: "1" }, folder);
        assert.deepEqual(env, { A: "1", LD_PRELOAD: join(folder, NAME) });
        assert.equal(finding, NAME);
    });
});

test("the user's own LD_PRELOAD stays, and comes first", () => {
    inFolder({ [NAME]: "ELF" }, (folder) => {
        const { env } = withBarrier({ LD_PRELOAD: "/a.so /b.so" }, folder);
        assert.equal(env["LD_PRELOAD"], `/a.so /b.so:${join(folder, NAME)}`);
    });
});

test("off leaves it out, and leaves the user's LD_PRELOAD as it is", () => {
    inFolder({ [NAME]: "ELF" }, (folder) => {
        const given = { MENTATOR_BARRIER: "off", LD_PRELOAD: "/a.so" };
        assert.deepEqual(withBarrier(given, folder), { env: given, finding: "left out: MENTATOR_BARRIER=off" });
    });
});

test("where the build has left it out, the log says why", () => {
    inFolder({ "missing.txt": "the barrier in libggml-cpu-x64.so is another one\n" }, (folder) => {
        assert.deepEqual(withBarrier({}, folder), {
            env: {}, finding: "not in this image: the barrier in libggml-cpu-x64.so is another one",
        });
    });
    inFolder({ [NAME]: "" }, (folder) => {
        assert.equal(withBarrier({}, folder).finding, "not in this image: there is no such file");
    });
});

for (const asked of ["", "auto"]) {
    test(`MENTATOR_BARRIER="${asked}" wants it`, () => assert.ok(readBarrier({ MENTATOR_BARRIER: asked })));
}

for (const asked of ["on", "0", "OFF", "off "]) {
    test(`MENTATOR_BARRIER="${asked}" is refused`, () => {
        assert.throws(() => readBarrier({ MENTATOR_BARRIER: asked }), (error) => {
            assert.ok(error instanceof StartFault);
            assert.equal(error.code, 64);
            assert.ok(error.text.includes("It may be auto or off."));
            return true;
        });
    });
}
