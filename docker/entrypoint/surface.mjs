// Reads what of a mode's hardware this container can see into plain values. Decides nothing: that is
// find.mjs. A vendor's tool is started only where it is on PATH and nothing before it is a sign.
import { readCards } from "./bus.mjs";
import { isOnPath, readText } from "./files.mjs";
import { readKfd } from "./kfd.mjs";
import { readNodes } from "./nodes.mjs";

/**
 * @typedef {import("./table.mjs").Mode} Mode
 * @typedef {import("./table.mjs").Sign} Sign
 * @typedef {import("./bus.mjs").BusCard} BusCard
 * @typedef {import("./kfd.mjs").Cards} Cards
 * @typedef {import("./library.mjs").Library} Library
 * @typedef {import("./nodes.mjs").DeviceNode} DeviceNode
 * @typedef {import("./run.mjs").Ended} Ended
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
 * @property {Library} library the driver's; not looked for where nothing else is a sign
 * @property {BusCard[]} bus the vendor's cards on the PCI bus
 * @property {SignReading[]} signs one for each of the mode's signs, up to the first that decides
 *
 * @typedef {object} System
 * @property {string} root
 * @property {NodeJS.ProcessEnv} env
 * @property {number} uid
 * @property {number} [toolLimit] seconds
 */

const TOOL_LIMIT_S = 5;

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
        const reading = await readSign(sign, mode, { root, env, uid, toolLimit });
        signs.push(reading);
        if (reading.nodes?.every((found) => found.length > 0)) {
            break;
        }
    }
    const any = signs.some(({ answer, nodes }) => answer?.code === 0 || nodes?.every((found) => found.length > 0));
    return { uid, toolLimit, signs, bus: readCards(root, mode), library: await readLibrary(any ? mode : {}, root, env) };
}

/**
 * @param {Pick<Mode, "library">} mode
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Library>}
 */
async function readLibrary({ library }, root, env) {
    if (library === undefined) {
        return { found: false, fault: "", environment: {} };
    }
    const { findLibrary } = await import("./library.mjs"); // late: most machines have no GPU
    return findLibrary(library.name, { root, env });
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
        ...readCards(root, mode).map(({ slot, device }) => `${slot} ${device}`),
        (mode.container?.visible ?? []).map((name) => env[name] ?? "").join(" "),
    ];
}

/**
 * @param {Sign} sign
 * @param {Mode} mode
 * @param {Required<System>} system
 * @returns {Promise<SignReading>}
 */
async function readSign(sign, mode, { root, env, uid, toolLimit }) {
    /** @type {SignReading} */
    const reading = {};
    if (sign.tool !== undefined) {
        const there = isOnPath(sign.tool[0] ?? "", env["PATH"] ?? "");
        reading.answer = there ? await ask(sign.tool, env, toolLimit) : null;
    }
    if (sign.nodes !== undefined) {
        const makers = [mode.vendor, ...(mode.vendors ?? [])].flatMap((maker) => maker?.pci ?? []);
        reading.nodes = sign.nodes.map((pattern) => readNodes(root, pattern, makers, uid));
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
