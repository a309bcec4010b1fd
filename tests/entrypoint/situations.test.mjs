// Situations of real machines (situations.json): a system below a folder, and what a start makes of it. The
// modules are the real ones; the hardware is what an operating system would show of it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, linkSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, test } from "node:test";
import { fileURLToPath } from "node:url";

import { DOCKER, newRoot, put, putLibrary, putMounts, putTool } from "./system.mjs";

/**
 * @typedef {object} Failure of a probe
 * @property {string} [says]
 * @property {number} [code]
 * @property {boolean} [hangs]
 * @property {string} [on] with this selection of cards only
 * @property {number} [times] that it fails
 * @property {boolean} [goesOn] it does not fail: it only says that
 *
 * @typedef {object} Node of AMD's list
 * @property {number} [target] gfx_target_version; none: a processor
 * @property {number} [units] compute units
 * @property {string} [id] unique_id
 * @property {number} [location] location_id
 *
 * @typedef {object} Situation
 * @property {string} situation
 * @property {string} [seen] where it was reported
 * @property {string[]} [image] the candidates that it holds; without it all
 * @property {string[]} [targets] the targets that its ROCm was compiled for
 * @property {string[]} [nodes]
 * @property {Record<string, string>} [tools] shell scripts
 * @property {[vendor: string, device: string][]} [bus]
 * @property {Node[]} [kfd]
 * @property {string} [library] where libcuda.so.1 is
 * @property {string[]} [mounts] where something of the host is; without them the loader knows the library's folder
 * @property {Record<string, string>} [files]
 * @property {Record<string, string>} [env]
 * @property {number} [rights] of the nodes: the start is then another user's than root
 * @property {string[]} [cards] that the plugin lists, "NAME, MIB"
 * @property {Record<string, Failure>} [probes] how they fail
 * @property {string} [died] what the service has left in its mark, in a run before
 * @property {{ choice?: string, candidate?: string, code?: number, says: string[], silent?: string[], env?: Record<string, string> }} expect
 */

/** @type {{ situations: Situation[] }} */
const { situations: SITUATIONS } = JSON.parse(readFileSync(new URL("situations.json", import.meta.url), "utf8"));
const ALL = ["cuda13", "cuda12", "rocm"];
const APP = "opt/mentator-llm-service";
const SOMEBODY = 12345;

/**
 * A Node that every user can start: its own folder may be closed to others.
 * @param {string} root
 */
function openNode(root) {
    const copy = join(root, "node");
    try {
        linkSync(process.execPath, copy);
    } catch {
        cpSync(process.execPath, copy, { dereference: true }); // another file system
    }
    return copy;
}

/** @param {Situation} row */
function build(row) {
    const root = newRoot();
    chmodSync(root, 0o755);
    cpSync(join(DOCKER, "entrypoint"), join(root, "opt/mentator/entrypoint"), { recursive: true });
    cpSync(join(DOCKER, "backends.json"), join(root, "opt/mentator/backends.json"));
    put(root, `${APP}/package.json`, '{"type": "module"}');
    for (const [path, name] of /** @type {const} */ ([
        ["distjs/index.js", "application"], ["node_modules/node-llama-cpp/index.js", "library"],
    ])) {
        cpSync(fileURLToPath(new URL(`stand-in/${name}.mjs`, import.meta.url)), join(root, APP, path));
    }
    put(root, `${APP}/node_modules/node-llama-cpp/package.json`, '{"type": "module", "exports": "./index.js"}');
    for (const folder of [`${APP}/data`, "record"]) {
        mkdirSync(join(root, folder), { recursive: true });
        chmodSync(join(root, folder), 0o777);
    }
    for (const name of row.image ?? ALL) {
        put(root, `opt/mentator/backends/${name}/libggml-${name}.so`, "ELF");
    }
    if (row.targets !== undefined) {
        put(root, "opt/mentator/backends/rocm/targets.txt", row.targets.join("\n"));
    }
    return root;
}

/**
 * @param {string} root
 * @param {Situation} row
 */
function furnish(root, row) {
    for (const node of row.nodes ?? []) {
        put(root, node, "", row.rights);
    }
    for (const [name, script] of Object.entries(row.tools ?? {})) {
        putTool(root, name, script);
    }
    for (const [index, [vendor, device]] of (row.bus ?? []).entries()) {
        const texts = { vendor, device, class: "0x030000" };
        for (const [name, text] of Object.entries(texts)) {
            put(root, `sys/bus/pci/devices/0000:0${index + 1}:00.0/${name}`, `${text}\n`);
        }
    }
    for (const [number, { target = 0, units = 40, id = "0", location = 0 }] of (row.kfd ?? []).entries()) {
        const rows = [
            `simd_count ${target === 0 ? 0 : 2 * units}`, "simd_per_cu 2", `gfx_target_version ${target}`,
            `unique_id ${id}`, `location_id ${location}`, "domain 0",
        ];
        put(root, `sys/class/kfd/kfd/topology/nodes/${number}/properties`, `${rows.join("\n")}\n`, 0o444);
    }
    if (row.library !== undefined) {
        putLibrary(root, row.library);
    }
    putMounts(root, row.mounts ?? []);
    for (const [path, text] of Object.entries(row.files ?? {})) {
        put(root, path, text);
    }
    if (row.cards !== undefined) {
        put(root, "record/cards.json", JSON.stringify(row.cards));
    }
    for (const [name, { says = "", code = 1, hangs = false, on, times = 99, goesOn = false }] of Object.entries(row.probes ?? {})) {
        const end = goesOn ? "" : hangs ? "await new Promise(() => setInterval(() => 0, 1000));" : `process.exit(${code});`;
        const selected = '(process.env.CUDA_VISIBLE_DEVICES ?? process.env.HIP_VISIBLE_DEVICES ?? "")';
        put(root, `record/probe-${name}.mjs`, `
            import { appendFileSync, readFileSync } from "node:fs";
            const file = process.env.RECORD + "/failed-${name}";
            appendFileSync(file, "");
            if (${on === undefined ? "true" : `${selected} === ${JSON.stringify(on)}`} && readFileSync(file).length < ${times}) {
                appendFileSync(file, "x");
                console.log(${JSON.stringify(says)});
                ${end}
            }`);
    }
}

/**
 * @param {string} root
 * @param {Situation} row
 * @returns {Promise<{ code: number | null, said: string, env: Map<string, string> }>}
 */
function start(root, row) {
    const other = row.rights !== undefined && process.getuid?.() === 0;
    const loader = row.library === undefined || row.mounts !== undefined ? {} : { LD_LIBRARY_PATH: dirname(join(root, row.library)) };
    const child = spawn(other ? openNode(root) : process.execPath, [join(root, "opt/mentator/entrypoint/main.mjs")], {
        cwd: join(root, APP),
        env: { PATH: `${root}/bin:/bin`, RECORD: join(root, "record"), MENTATOR_SYSTEM_ROOT: root, ...loader, ...row.env },
        ...(other ? { uid: SOMEBODY, gid: SOMEBODY } : {}),
    });
    let said = "";
    child.stdout.on("data", (/** @type {Buffer} */ text) => (said += text.toString()));
    child.stderr.on("data", (/** @type {Buffer} */ text) => (said += text.toString()));
    return new Promise((resolve) => {
        child.on("close", (code) => {
            const file = join(root, "record/env");
            const rows = existsSync(file) ? readFileSync(file, "utf8").split("\0") : [];
            const env = new Map(rows.map((line) => {
                const equals = line.indexOf("=");
                return /** @type {const} */ ([line.slice(0, equals), line.slice(equals + 1)]);
            }));
            resolve({ code, said: said.replaceAll(root, ""), env });
        });
    });
}

test("there are enough situations, and no two have one name", () => {
    assert.ok(SITUATIONS.length >= 40, `${SITUATIONS.length}`);
    assert.equal(new Set(SITUATIONS.map(({ situation }) => situation)).size, SITUATIONS.length);
});

/** @param {Situation} row */
async function judge(row) {
    const root = build(row);
    furnish(root, row);
    if (row.died !== undefined) {
        await start(root, row);
        put(root, `${APP}/data/.backend-proof.in-use`, row.died);
    }
    const { code, said, env } = await start(root, row);
    const { choice, candidate, says, silent = [], env: wanted = {} } = row.expect;
    assert.equal(code, row.expect.code ?? 0, said);
    for (const text of says) {
        assert.ok(said.includes(text), `"${text}" is not said:\n${said}`);
    }
    for (const text of silent) {
        assert.ok(!said.includes(text), `"${text}" is said:\n${said}`);
    }
    if (choice !== undefined) {
        assert.equal(env.get("MENTATOR_BACKEND_CHOICE"), choice, said);
        assert.equal((env.get("GGML_BACKEND_PATH") ?? "").split("/").at(-2) ?? "", candidate ?? "", said);
    }
    for (const [name, value] of Object.entries(wanted)) {
        assert.equal((env.get(name) ?? "").replaceAll(root, ""), value, `${name}\n${said}`);
    }
}

// Side by side, since most of their time is waiting.
describe("a machine with", { concurrency: 4 }, () => {
    for (const row of SITUATIONS) {
        // Nodes that are refused are root's, and the start another user's.
        const skip = row.rights !== undefined && process.getuid?.() !== 0 ? "changes users: needs root" : false;
        it(row.situation, { skip }, () => judge(row));
    }
});
