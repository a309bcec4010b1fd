// Decides from what of a mode's hardware can be seen (surface.mjs) whether it is here: pure. A mode's
// signs are judged in order: one that is absent leaves it to the next, one that is found or refused
// (it is there, and cannot be used) settles it.
import { oneLine } from "./log.mjs";

/**
 * @typedef {import("./table.mjs").Mode} Mode
 * @typedef {import("./table.mjs").Sign} Sign
 * @typedef {import("./surface.mjs").Surface} Surface
 * @typedef {import("./surface.mjs").SignReading} SignReading
 * @typedef {import("./surface.mjs").DeviceNode} DeviceNode
 *
 * @typedef {object} Finding
 * @property {boolean} here
 * @property {string} finding what was found, or what is missing: one line
 * @property {string} remedy what would help
 * @property {string[]} targets of each card, where they are known; empty for one without
 * @property {string} said what the vendor's tool printed
 *
 * @typedef {object} Verdict
 * @property {"absent" | "found" | "refused"} is
 * @property {string} text
 * @property {string} [remedy]
 */

const LONGEST = 500; // characters of what is told

/**
 * @param {Mode} mode
 * @param {Surface} surface
 * @returns {Finding}
 */
export function findHardware(mode, surface) {
    const general = mode.container?.remedy ?? "Give the container the device";
    /** @type {string[]} */
    const absent = [];
    const told = () => absent.filter((text) => text !== "").join(", ");
    for (const [index, reading] of surface.signs.entries()) {
        const sign = mode.signs[index];
        const { is, text, remedy } = sign === undefined ? absence("") : judge(sign, reading, mode, surface);
        if (is === "absent") {
            absent.push(text);
            continue;
        }
        const here = is === "found";
        const before = told();
        const finding = before === "" ? text : here ? `${text} (${before})` : `${before}; ${text}`;
        return {
            here,
            finding: oneLine(finding, LONGEST),
            remedy: remedy ?? general,
            targets: reading.cards?.targets ?? [],
            said: here ? (reading.answer?.output ?? "") : "",
        };
    }
    const finding = oneLine(told(), LONGEST) || "it has no signs";
    return { here: false, finding, remedy: general, targets: [], said: "" };
}

/**
 * @param {Sign} sign
 * @param {SignReading} reading
 * @param {Mode} mode
 * @param {Surface} surface
 * @returns {Verdict}
 */
function judge(sign, reading, mode, surface) {
    if (sign.tool !== undefined) {
        return judgeTool(sign, sign.tool[0] ?? "", reading, surface);
    }
    if (sign.variable !== undefined) {
        // Most set none, so its absence is no news.
        return reading.variable ? { is: "found", text: `${sign.variable}=${reading.variable}` } : absence("");
    }
    return judgeNodes(sign, reading, mode, surface);
}

/**
 * @param {Sign} sign
 * @param {string} tool
 * @param {SignReading} reading
 * @param {Surface} surface
 * @returns {Verdict}
 */
function judgeTool(sign, tool, { answer }, { library, toolLimit }) {
    if (answer === null || answer === undefined) {
        return absence(`no ${tool}`);
    }
    const lines = answer.output.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    const all = lines.join(", ");
    const said = oneLine(all, LONGEST / 2); // leaves room for what the other signs say
    if (answer.late !== "") {
        return absence(`${tool} does not answer within ${toolLimit} s`);
    }
    if (answer.code !== 0) {
        return absence(`${tool} fails with ${answer.code}${said === "" ? "" : `: ${said}`}`);
    }
    if (sign.noDevice?.some((words) => all.includes(words))) {
        return absence(`${tool} says: ${said}`);
    }
    if (lines.length === 0) {
        return absence(`${tool} prints nothing`);
    }
    if (sign.columns === undefined) {
        return { is: "found", text: `${tool} answers` };
    }
    const hint = sign.libraryHint === undefined || library ? "" : ` (${sign.libraryHint})`;
    return { is: "found", text: `${tool} lists ${nameCards(lines, sign.columns) || "a GPU"}${hint}` };
}

/**
 * The cards with their memory, and the driver, from a tool's comma-separated rows.
 * @param {string[]} lines
 * @param {string[]} columns
 */
function nameCards(lines, columns) {
    const rows = lines.map((line) => line.split(",").map((word) => word.trim()));
    const column = (/** @type {string} */ name, /** @type {string[]} */ row) => row[columns.indexOf(name)] ?? "";
    const cards = rows.map((row) => {
        const memory = column("memory", row);
        return column("name", row) + (memory === "" ? "" : ` (${memory})`);
    });
    const driver = rows.map((row) => column("driver", row)).find((word) => word !== "");
    return cards.join(", ") + (driver === undefined ? "" : `, driver ${driver}`);
}

/**
 * @param {Sign} sign
 * @param {SignReading} reading
 * @param {Mode} mode
 * @param {Surface} surface
 * @returns {Verdict}
 */
function judgeNodes(sign, { nodes = [], cards }, mode, { uid, library }) {
    const missing = nodes.findIndex((found) => found.length === 0);
    const patterns = (sign.nodes ?? []).map((pattern) => `/${pattern}`);
    if (missing !== -1) {
        const there = patterns.slice(0, missing).join(", ");
        const none = `no ${patterns[missing] ?? ""}`;
        return absence(there === "" ? none : `${there} is there, but ${none}`);
    }
    const refused = nodes.find((found) => !found.some(({ usable }) => usable))?.at(-1);
    if (refused !== undefined) {
        return refusal(refused, uid);
    }
    const usable = nodes.flat().filter((node) => node.usable).map(({ path }) => path);
    const first = usable[0] ?? "";
    if (sign.needsLibrary === true) {
        const name = mode.library?.name ?? "library of the driver";
        return library
            ? { is: "found", text: `${first} and ${name}` }
            : { is: "refused", text: `${first} is there, but no ${name} (an empty one does not count)` };
    }
    if (cards?.none === true) {
        const vendor = mode.vendor?.name ?? mode.name;
        return { is: "refused", text: `${first} is there, but the kernel lists no ${vendor} GPU (${cards.source})` };
    }
    if (cards === undefined) {
        return { is: "found", text: usable.join(", ") };
    }
    const targets = cards.targets.filter((target) => target !== "").join(", ") || "unknown target";
    return { is: "found", text: [targets, ...usable].join(", ") };
}

/**
 * @param {string} text
 * @returns {Verdict}
 */
function absence(text) {
    return { is: "absent", text };
}

/**
 * @param {DeviceNode} node
 * @param {number} uid
 * @returns {Verdict}
 */
function refusal({ path, group }, uid) {
    const remedy = group === 0
        ? "The host should give it a group of its own, such as render"
        : `docker run --group-add ${group}`;
    return { is: "refused", text: `${path} is there, but uid ${uid} may not read and write it: ${remedy}`, remedy };
}
