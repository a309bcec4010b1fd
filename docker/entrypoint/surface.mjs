// Reads what of a mode's hardware this container can see into plain values. Decides nothing: that is
// find.mjs. A vendor's tool is started only where it is on PATH and nothing before it is a sign.
import { accessSync, closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { readKfd } from "./kfd.mjs";

/**
 * @typedef {import("./table.mjs").Mode} Mode
 * @typedef {import("./table.mjs").Sign} Sign
 * @typedef {import("./kfd.mjs").Cards} Cards
 * @typedef {import("./run.mjs").Ended} Ended
 *
 * @typedef {object} DeviceNode
 * @property {string} path
 * @property {boolean} usable this user may read and write it
 * @property {number} group
 *
 * @typedef {object} SignReading
 * @property {Ended | null} [answer] of the tool; null where it is not on PATH
 * @property {DeviceNode[][]} [nodes] what each of the patterns finds
 * @property {string} [variable] its value; empty where it is not set
 * @property {Cards} [cards]
 *
 * @typedef {object} Surface
 * @property {number} uid
 * @property {number} toolLimit seconds that a tool is given
 * @property {boolean} library the driver's library is there, and not empty
 * @property {SignReading[]} signs one for each of the mode's signs, up to the first that decides
 *
 * @typedef {object} System
 * @property {string} root
 * @property {NodeJS.ProcessEnv} env
 * @property {number} uid
 * @property {number} [toolLimit] seconds
 */

const TOOL_LIMIT_S = 5;
const LONGEST_FILE = 2 ** 20; // bytes

/** @type {Readonly<Record<string, (root: string) => Cards>>} readers of cards, by their name in the table */
const CARD_READERS = { kfd: readKfd };

/**
 * @param {Mode} mode
 * @param {System} system
 * @returns {Promise<Surface>}
 */
export async function readSurface(mode, { root, env, uid, toolLimit = TOOL_LIMIT_S }) {
    /** @type {SignReading[]} */
    const signs = [];
    for (const sign of mode.signs) {
        const reading = await readSign(sign, root, env, toolLimit);
        signs.push(reading);
        if (reading.nodes?.every((found) => found.length > 0)) {
            break;
        }
    }
    return { uid, toolLimit, library: hasLibrary(mode, root), signs };
}

/**
 * What a proof holds for, beside the cards: the driver, the vendor's devices on the bus, and the
 * selection of cards. Any text.
 * @param {Mode} mode
 * @param {System} system
 * @returns {string[]}
 */
export function readIdentity(mode, { root, env }) {
    return [
        ...(mode.driverFiles ?? []).map((path) => readText(`${root}/${path}`)),
        ...(mode.vendor?.pci === undefined ? [] : listPci(root, mode.vendor.pci)),
        (mode.container?.visible ?? []).map((name) => env[name] ?? "").join(" "),
    ];
}

/**
 * @param {Sign} sign
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {number} toolLimit
 * @returns {Promise<SignReading>}
 */
async function readSign(sign, root, env, toolLimit) {
    /** @type {SignReading} */
    const reading = {};
    if (sign.tool !== undefined) {
        const there = isOnPath(sign.tool[0] ?? "", env["PATH"] ?? "");
        reading.answer = there ? await ask(sign.tool, env, toolLimit) : null;
    }
    if (sign.nodes !== undefined) {
        reading.nodes = sign.nodes.map((pattern) => expand(root, pattern).map((path) => readNode(root, path)));
    }
    if (sign.variable !== undefined) {
        reading.variable = env[sign.variable] ?? "";
    }
    if (sign.cards !== undefined) {
        const read = CARD_READERS[sign.cards];
        if (read === undefined) {
            const known = Object.keys(CARD_READERS).join(", ");
            throw new Error(`the table of backends names the reader "${sign.cards}", which is not one of ${known}`);
        }
        reading.cards = read(root);
    }
    return reading;
}

/**
 * @param {string[]} tool
 * @param {NodeJS.ProcessEnv} env
 * @param {number} toolLimit
 */
async function ask(tool, env, toolLimit) {
    const { run } = await import("./run.mjs"); // late: most machines without a GPU have no tool
    return run(tool, { limitMs: toolLimit * 1000, env });
}

/**
 * The paths that a pattern of the table stands for: * is any text and [0-9] a digit, in its last part.
 * @param {string} root
 * @param {string} pattern
 * @returns {string[]} below the root, as /dev/kfd
 */
export function expand(root, pattern) {
    if (!/[*[]/.test(pattern)) {
        return existsSync(`${root}/${pattern}`) ? [`/${pattern}`] : [];
    }
    const words = basename(pattern).split(/(\*|\[0-9\])/).map((part) => {
        return part === "*" ? ".*" : part === "[0-9]" ? part : part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    });
    const name = new RegExp(`^${words.join("")}$`);
    const folder = dirname(pattern);
    return list(`${root}/${folder}`).filter((entry) => name.test(entry)).map((entry) => `/${folder}/${entry}`);
}

/**
 * @param {string} root
 * @param {string} path
 * @returns {DeviceNode}
 */
function readNode(root, path) {
    const full = root + path;
    const { gid = 0 } = statSync(full, { throwIfNoEntry: false }) ?? {};
    return { path, usable: may(full, constants.R_OK | constants.W_OK), group: gid };
}

/**
 * @param {Mode} mode
 * @param {string} root
 */
function hasLibrary({ library }, root) {
    return (library?.folders ?? [])
        .flatMap((pattern) => expand(root, pattern))
        .some((folder) => isFull(`${root}${folder}/${library?.name ?? ""}`));
}

/**
 * Whether a file is there and not empty: a mount of a file that is not there leaves an empty one.
 * @param {string} path
 */
export function isFull(path) {
    try {
        return statSync(path).size > 0;
    } catch {
        return false;
    }
}

/**
 * @param {string} program
 * @param {string} path the variable PATH
 */
function isOnPath(program, path) {
    return path.split(":").map((folder) => join(folder, program)).some((file) => {
        return may(file, constants.X_OK) && statSync(file).isFile(); // a mount may have made a folder
    });
}

/**
 * The vendor's devices on this machine's PCI bus.
 * @param {string} root
 * @param {string} vendor
 */
function listPci(root, vendor) {
    const folder = `${root}/sys/bus/pci/devices`;
    return list(folder)
        .filter((device) => readText(`${folder}/${device}/vendor`).trim() === vendor)
        .map((device) => `${device} ${vendor}:${readText(`${folder}/${device}/device`).trim()}`);
}

/**
 * @param {string} path
 * @param {number} mode
 */
function may(path, mode) {
    try {
        accessSync(path, mode);
        return true;
    } catch {
        return false;
    }
}

/** @param {string} folder */
export function list(folder) {
    try {
        return readdirSync(folder).sort();
    } catch {
        return [];
    }
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
