// A folder that stands for /, with the image's files and the system's in it, and modes to look for.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { readTable } from "../../docker/entrypoint/table.mjs";

export const DOCKER = fileURLToPath(new URL("../../docker", import.meta.url));
export const TABLE = readTable(join(DOCKER, "backends.json"));

/**
 * @param {string} name
 * @returns {import("../../docker/entrypoint/table.mjs").Mode} a row of the real table
 */
export function mode(name) {
    const found = TABLE.modes.find((row) => row.name === name);
    if (found === undefined) {
        throw new Error(`the table has no mode ${name}`);
    }
    return found;
}

/** An empty folder, removed after the tests. */
export function newRoot() {
    const root = mkdtempSync(join(tmpdir(), "mentator-entrypoint-"));
    after(() => rmSync(root, { recursive: true, force: true }));
    return root;
}

/**
 * @param {string} root
 * @param {string} path
 * @param {string} [text]
 * @param {number} [rights]
 */
export function put(root, path, text = "", rights = 0o666) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, rights);
    return file;
}

/**
 * A program for PATH, as a shell script.
 * @param {string} root
 * @param {string} name
 * @param {string} script
 */
export function putTool(root, name, script) {
    return put(root, `bin/${name}`, `#!/bin/sh\n${script}\n`, 0o755);
}
