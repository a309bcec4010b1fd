// A folder that stands for /, with the image's files and the system's in it, and modes to look for.
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/**
 * A library that the loader can load, under another name: one of those that this Node has loaded.
 * @param {string} root
 * @param {string} path
 */
export function putLibrary(root, path) {
    const [source = ""] = /\/\S*\/lib(?:m|c)\.so\.6/.exec(readFileSync("/proc/self/maps", "utf8")) ?? [];
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    copyFileSync(source, file);
    return file;
}

/**
 * What is mounted, as /proc/self/mountinfo has it.
 * @param {string} root
 * @param {string[]} paths
 */
export function putMounts(root, paths) {
    const lines = paths.map((path, index) => `${index + 30} 29 254:0 /x ${path.replaceAll(" ", "\\040")} ro,nosuid - ext4 /dev/vda rw\n`);
    put(root, "proc/self/mountinfo", lines.join(""));
}
