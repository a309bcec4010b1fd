/** LIB.fs, below the folders that the configuration grants. Contents travel in base64. */

import { appendFileSync, closeSync, existsSync, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, realpathSync, statSync, unlinkSync, writeFileSync, constants } from "node:fs";
import path from "node:path";
import type { Access } from "./access.js";

/** Bytes of a file that is read or written at once; in base64 it still fits into one question. */
const MOST_BYTES = 750_000;

/** Names in one listing. */
const MOST_NAMES = 10_000;

/** With links resolved; of what does not exist yet, its folder's. */
function realOf(file: string): string {
    if (existsSync(file)) {
        return realpathSync(file);
    }
    if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
        // A write would make a file where the link leads.
        throw new Error(`${path.basename(file)} is a link that leads nowhere`);
    }
    const above = path.dirname(file);
    return above === file ? file : path.join(realOf(above), path.basename(file));
}

function isBelow(file: string, folder: string): boolean {
    const way = path.relative(folder, file);
    return way === "" || (way !== ".." && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way));
}

/** @throws Error where it is not granted */
function granted(asked: string, { folders }: Access): string {
    if (folders.length === 0) {
        throw new Error("it may not reach files: the configuration grants no folder (tools.folders)");
    }
    if (!path.isAbsolute(asked)) {
        throw new Error(`${asked.slice(0, 200)}: the path must be absolute`);
    }
    const real = realOf(path.normalize(asked));
    if (!folders.some((folder) => isBelow(real, realOf(folder)))) {
        throw new Error(`${asked.slice(0, 200)} lies outside of the folders that tools.folders grants`);
    }
    return real;
}

/** Not waiting for a FIFO, and not more than fits. */
function read(file: string): string {
    const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
        const { size } = fstatSync(handle);
        if (!fstatSync(handle).isFile() || size > MOST_BYTES) {
            throw new Error(`${path.basename(file)} is not a file of at most ${MOST_BYTES} bytes`);
        }
        return readFileSync(handle).subarray(0, MOST_BYTES).toString("base64");
    } finally {
        closeSync(handle);
    }
}

function stat(file: string): object {
    const found = statSync(file);
    const { size, mtimeMs, mode } = found;
    return { size, mtimeMs, mode, kind: found.isDirectory() ? "folder" : found.isFile() ? "file" : "other" };
}

/** The target of a write must be a file: a FIFO would hold the thread. */
function writable(file: string): string {
    if (existsSync(file) && !statSync(file).isFile()) {
        throw new Error(`${path.basename(file)} is not a file`);
    }
    return file;
}

/** @throws Error for the tool */
export function askFiles(what: string, asked: string, rest: readonly unknown[], access: Access): unknown {
    const file = granted(asked, access);
    const data = (): Buffer => Buffer.from(String(rest[0]), "base64");
    switch (what) {
        case "read":
            return read(file);
        case "write":
            { writeFileSync(writable(file), data()); return; }
        case "append":
            { appendFileSync(writable(file), data()); return; }
        case "list":
            return readdirSync(file).slice(0, MOST_NAMES);
        case "stat":
            return stat(file);
        case "exists":
            return existsSync(file);
        case "mkdir":
            mkdirSync(file, { recursive: rest[0] === true });
            return undefined;
        case "remove":
            { unlinkSync(file); return; }
        default:
            throw new Error(`there is no ${what}`);
    }
}
