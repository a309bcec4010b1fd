// What is read from the operating system, in a folder that stands for /.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { test } from "node:test";

import { expand, readSurface } from "../../docker/entrypoint/surface.mjs";
import { mode, newRoot, put, putTool } from "./system.mjs";

/**
 * @param {string} name
 * @param {string} root
 * @param {Partial<import("../../docker/entrypoint/surface.mjs").System>} [more]
 */
function read(name, root, more = {}) {
    const env = { PATH: `${root}/bin:/usr/bin:/bin`, RECORD: root };
    return readSurface(mode(name), { root, env, uid: 1, ...more });
}

test("patterns are expanded in their last part", () => {
    const root = newRoot();
    for (const name of ["nvidia0", "nvidia10", "nvidiactl", "nvidia-uvm", "dri/renderD129", "dri/renderD128", "dri/card0"]) {
        put(root, `dev/${name}`);
    }
    assert.deepEqual(expand(root, "dev/nvidia[0-9]*"), ["/dev/nvidia0", "/dev/nvidia10"]);
    assert.deepEqual(expand(root, "dev/dri/renderD*"), ["/dev/dri/renderD128", "/dev/dri/renderD129"]);
    assert.deepEqual(expand(root, "dev/nvidiactl"), ["/dev/nvidiactl"]);
    assert.deepEqual(expand(root, "dev/none"), []);
    assert.deepEqual(expand(root, "none/*"), []);
});

for (const folder of [
    "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib", "usr/local/nvidia/lib64",
    "usr/local/nvidia/lib", "usr/lib/wsl/lib", "usr/lib/wsl/drivers/nv_dispi.inf_amd64_0",
]) {
    test(`the driver's library is found in ${folder}, but an empty one does not count`, async () => {
        const root = newRoot();
        put(root, `${folder}/libcuda.so.1`, "");
        assert.equal((await read("cuda", root)).library, false);
        put(root, `${folder}/libcuda.so.1`, "ELF");
        assert.equal((await read("cuda", root)).library, true);
    });
}

test("an empty library is passed over for a full one", async () => {
    const root = newRoot();
    put(root, "usr/lib/x86_64-linux-gnu/libcuda.so.1", "");
    put(root, "usr/lib/wsl/lib/libcuda.so.1", "ELF");
    assert.equal((await read("cuda", root)).library, true);
});

test("a tool that is on PATH is asked", async () => {
    const root = newRoot();
    putTool(root, "nvidia-smi", 'echo "$@"; echo fault >&2; exit 18');
    const [tool] = (await read("cuda", root)).signs;
    assert.deepEqual(tool?.answer, {
        code: 18, late: "", output: "--query-gpu=name,memory.total,driver_version --format=csv,noheader\nfault\n",
    });
});

test("a tool that is not there, cannot be run or is a folder is not asked", async () => {
    const root = newRoot();
    assert.equal((await read("cuda", root)).signs[0]?.answer, null);
    put(root, "bin/nvidia-smi", "", 0o644);
    assert.equal((await read("cuda", root, { env: { PATH: `${root}/bin` } })).signs[0]?.answer, null);
    mkdirSync(`${root}/sbin/nvidia-smi`, { recursive: true });
    assert.equal((await read("cuda", root, { env: { PATH: `${root}/sbin` } })).signs[0]?.answer, null);
});

test("a tool has five seconds", async () => {
    assert.equal((await read("cuda", newRoot())).toolLimit, 5);
});

for (const script of ["sleep 60", "trap '' TERM; while :; do sleep 60; done"]) {
    test(`a tool that hangs (${script}) is left after its limit`, async () => {
        const root = newRoot();
        putTool(root, "nvidia-smi", script);
        const began = performance.now();
        const surface = await read("cuda", root, { toolLimit: 0.2 });
        assert.ok(performance.now() - began < 4000);
        assert.notEqual(surface.signs[0]?.answer?.late, "");
    });
}

test("no tool is started where the nodes before it are there", async () => {
    const root = newRoot();
    putTool(root, "rocm-smi", 'touch "$RECORD/asked"');
    put(root, "dev/kfd");
    put(root, "dev/dri/renderD128");
    assert.equal((await read("rocm", root)).signs.length, 1);
    assert.equal(existsSync(`${root}/asked`), false);
    const without = newRoot();
    putTool(without, "rocm-smi", 'touch "$RECORD/asked"');
    assert.equal((await read("rocm", without)).signs.length, 2);
    assert.equal(existsSync(`${without}/asked`), true);
});

test("nodes are told with their group, and whether they may be used", async () => {
    const root = newRoot();
    put(root, "dev/kfd");
    put(root, "dev/dri/renderD128");
    const [nodes] = (await read("rocm", root)).signs;
    const gid = process.getgid?.();
    assert.deepEqual(nodes?.nodes, [
        [{ path: "/dev/kfd", usable: true, group: gid }],
        [{ path: "/dev/dri/renderD128", usable: true, group: gid }],
    ]);
});

test("nodes that this user may not open are not usable", { skip: process.getuid?.() === 0 ? "root may open all" : false }, async () => {
    for (const rights of [0o000, 0o444]) {
        const root = newRoot();
        put(root, "dev/kfd", "", rights);
        put(root, "dev/dri/renderD128");
        const [nodes] = (await read("rocm", root)).signs;
        assert.equal(nodes?.nodes?.[0]?.[0]?.usable, false);
    }
});

test("a reader of cards that is not known is named", async () => {
    const row = { ...mode("rocm"), signs: [{ nodes: ["dev/x"], cards: "none" }] };
    await assert.rejects(readSurface(row, { root: newRoot(), env: {}, uid: 1 }), /the reader "none", which is not one of kfd/);
});
