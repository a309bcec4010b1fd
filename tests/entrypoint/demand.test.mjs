// MENTATOR_BACKEND and MENTATOR_PROBE_TIMEOUT.
import assert from "node:assert/strict";
import { test } from "node:test";

import { readDemand } from "../../docker/entrypoint/demand.mjs";
import { StartFault } from "../../docker/entrypoint/log.mjs";

const MODES = ["cuda", "rocm", "cpu"];

for (const [env, demand] of /** @type {const} */ ([
    [{}, { mode: "auto", limit: 60 }],
    [{ MENTATOR_BACKEND: "", MENTATOR_PROBE_TIMEOUT: "" }, { mode: "auto", limit: 60 }],
    [{ MENTATOR_BACKEND: "auto" }, { mode: "auto", limit: 60 }],
    [{ MENTATOR_BACKEND: "rocm", MENTATOR_PROBE_TIMEOUT: "9999" }, { mode: "rocm", limit: 9999 }],
])) {
    test(`${JSON.stringify(env)} is a demand`, () => {
        assert.deepEqual(readDemand(env, MODES), demand);
    });
}

for (const name of ["metal", "CUDA", "vulkan", "cpu ", "cuda13", "auto,cuda"]) {
    test(`the backend "${name}" is refused with the list`, () => {
        assert.throws(() => readDemand({ MENTATOR_BACKEND: name }, MODES), (error) => {
            assert.ok(error instanceof StartFault);
            assert.equal(error.code, 64);
            assert.ok(error.text.includes(`MENTATOR_BACKEND=${name} is not a backend`));
            assert.ok(error.text.includes("It may be auto, cuda, rocm or cpu."));
            return true;
        });
    });
}

for (const limit of ["0", "-1", "1.5", "a minute", "10s", "99999", "060"]) {
    test(`the time limit "${limit}" is refused`, () => {
        assert.throws(() => readDemand({ MENTATOR_PROBE_TIMEOUT: limit }, MODES), (error) => {
            assert.ok(error instanceof StartFault);
            assert.equal(error.code, 64);
            assert.ok(error.text.includes(`MENTATOR_PROBE_TIMEOUT=${limit} is not a time limit`));
            return true;
        });
    });
}
