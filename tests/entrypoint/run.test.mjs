// Programs that hang, or leave others behind.
import assert from "node:assert/strict";
import { openSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { killAll } from "../../docker/entrypoint/groups.mjs";
import { run } from "../../docker/entrypoint/run.mjs";
import { newRoot, put } from "./system.mjs";

const shell = (/** @type {string} */ script) => ["/bin/sh", "-c", script];

/** @param {number} pid */
function isRunning(pid) {
    try {
        return !readFileSync(`/proc/${pid}/status`, "utf8").includes("(zombie)");
    } catch {
        return false;
    }
}

/** @param {number} pid */
async function hasGone(pid) {
    for (let wait = 0; wait < 200 && isRunning(pid); wait += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return !isRunning(pid);
}

for (const [script, code, output] of /** @type {const} */ ([
    ["echo good", 0, "good\n"],
    ["echo out; echo fault >&2; exit 18", 18, "out\nfault\n"],
    ["kill -SEGV $$", 139, ""],
])) {
    test(`"${script}" ends with ${code}`, async () => {
        assert.deepEqual(await run(shell(script), { limitMs: 5000 }), { code, output, late: "" });
    });
}

test("a program that is not there, or is not one, cannot be run", async () => {
    assert.equal((await run(["/no/such/program"], { limitMs: 1000 })).code, 127);
    assert.equal((await run([put(newRoot(), "text", "text", 0o644)], { limitMs: 1000 })).code, 126);
});

test("what it prints can go to a file", async () => {
    const path = put(newRoot(), "log");
    const ended = await run(shell("echo out; echo fault >&2"), { limitMs: 5000, log: openSync(path, "w") });
    assert.deepEqual(ended, { code: 0, output: "", late: "" });
    assert.equal(readFileSync(path, "utf8"), "out\nfault\n");
});

test("of what it prints 64 KiB of each stream are kept, and the rest is read", async () => {
    const script = "head -c 300000 /dev/zero | tr '\\0' a; head -c 300000 /dev/zero | tr '\\0' b >&2; exit 3";
    const { code, output } = await run(shell(script), { limitMs: 5000 });
    assert.equal(code, 3);
    assert.ok(output === "a".repeat(65536) + "b".repeat(65536), `${output.length} characters`);
});

test("one that prints without an end is ended after its limit", async () => {
    const ended = await run(["yes"], { limitMs: 300, graceMs: 1000 });
    assert.deepEqual([ended.late, ended.output.length], ["ended", 65536]);
});

test("one that hangs is asked to end", async () => {
    const ended = await run(["sleep", "60"], { limitMs: 50, graceMs: 5000 });
    assert.deepEqual([ended.late, ended.code], ["ended", 143]);
});

test("one that does not heed that is killed", async () => {
    const script = "trap '' TERM; while :; do sleep 60; done";
    const ended = await run(shell(script), { limitMs: 200, graceMs: 50 });
    assert.deepEqual([ended.late, ended.code], ["killed", 137]);
});

test("one that nothing ends, as in D state, is left behind", async () => {
    /** @type {NodeJS.Signals[]} */
    const sent = [];
    let group = 0;
    const kill = (/** @type {number} */ pid, /** @type {NodeJS.Signals} */ signal) => {
        group = pid;
        sent.push(signal);
    };
    const began = performance.now();
    const ended = await run(["sleep", "60"], { limitMs: 50, graceMs: 50, giveUpMs: 50, kill });
    assert.equal(ended.late, "abandoned");
    assert.ok(performance.now() - began < 2000);
    assert.deepEqual(sent.slice(0, 2), ["SIGTERM", "SIGKILL"]);
    process.kill(group, "SIGKILL");
});

test("a child of its own that keeps the pipe open is not waited for, and ended", async () => {
    const began = performance.now();
    const ended = await run(shell("sleep 60 & echo $!"), { limitMs: 5000 });
    assert.ok(performance.now() - began < 2000);
    assert.equal(ended.code, 0);
    assert.ok(await hasGone(Number(ended.output)));
});

test("one that has left the group and keeps the pipe open is not waited for", async () => {
    const script = "const child = require('node:child_process').spawn('sleep', ['60'], "
        + "{ detached: true, stdio: 'inherit' }); child.unref(); console.log(child.pid);";
    const began = performance.now();
    const ended = await run([process.execPath, "-e", script], { limitMs: 20000 });
    assert.ok(performance.now() - began < 15000);
    assert.deepEqual([ended.code, ended.late], [0, ""]);
    process.kill(Number(ended.output), "SIGKILL");
});

test("all that is running can be killed at once", async () => {
    const ended = run(shell("trap '' TERM; sleep 60"), { limitMs: 30000 });
    setTimeout(killAll, 100);
    assert.equal((await ended).code, 137);
});
