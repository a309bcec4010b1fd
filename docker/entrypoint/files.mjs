// Reading of files that may not be there, may be something else, or may not end.
import { accessSync, closeSync, constants, fstatSync, openSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const LONGEST_FILE = 2 ** 20; // bytes

/**
 * The names in a folder, numbers in them as numbers: nvidia2 before nvidia10.
 * @param {string} folder
 */
export function list(folder) {
    try {
        return readdirSync(folder).sort(byNumber);
    } catch {
        return [];
    }
}

/**
 * Not by Intl, which takes Node 20 ms to load.
 * @param {string} one
 * @param {string} other
 */
function byNumber(one, other) {
    const [these, those] = [one, other].map((name) => name.split(/(\d+)/));
    for (const [index, part] of (these ?? []).entries()) {
        const counterpart = those?.[index] ?? "";
        if (part !== counterpart) {
            const difference = index % 2 === 1 ? Number(part) - Number(counterpart) : 0;
            return difference || (part < counterpart ? -1 : 1);
        }
    }
    return -1; // the other one goes on
}

/**
 * What a path leads to; undefined also where the system does not say it: a loop of links, a folder that may
 * not be entered, a file system whose server is gone.
 * @param {string} path
 */
export function statusOf(path) {
    try {
        return statSync(path);
    } catch {
        return undefined;
    }
}

/**
 * Whether a file is there and not empty: a mount of a file that is not there leaves an empty one.
 * @param {string} path
 */
export function isFull(path) {
    return (statusOf(path)?.size ?? 0) > 0;
}

/**
 * @param {string} path
 * @param {number} mode
 * @returns {string} the error's code; empty where this user may
 */
export function refusalOf(path, mode) {
    try {
        accessSync(path, mode);
        return "";
    } catch (error) {
        return error instanceof Error && "code" in error ? String(error.code) : "unknown";
    }
}

/**
 * @param {string} program
 * @param {string} path the variable PATH
 */
export function isOnPath(program, path) {
    return path.split(":").map((folder) => join(folder, program)).some((file) => {
        return refusalOf(file, constants.X_OK) === "" && statusOf(file)?.isFile() === true; // a mount may have made a folder
    });
}

/**
 * The text of a regular file; empty where it is none, or over 1 MiB. Without O_NONBLOCK the opening of a
 * FIFO would wait for ever.
 * @param {string} path
 */
export function readText(path) {
    /** @type {number | undefined} */
    let descriptor;
    try {
        descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
        const found = fstatSync(descriptor);
        return found.isFile() && found.size <= LONGEST_FILE ? readFileSync(descriptor, "utf8") : "";
    } catch {
        return "";
    } finally {
        if (descriptor !== undefined) {
            closeSync(descriptor);
        }
    }
}
