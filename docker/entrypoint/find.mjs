// Decides from what of a mode's hardware can be seen (surface.mjs) whether it is here: pure. A mode's
// signs are judged in order: one that is absent leaves it to the next, one that is found or refused
// (it is there, and cannot be used) settles it.
import { isUnserved } from "./bus.mjs";
import { oneLine } from "./log.mjs";

/**
 * @typedef {import("./table.mjs").Mode} Mode
 * @typedef {import("./table.mjs").Sign} Sign
 * @typedef {import("./surface.mjs").Surface} Surface
 * @typedef {import("./surface.mjs").SignReading} SignReading
 * @typedef {import("./nodes.mjs").DeviceNode} DeviceNode
 * @typedef {import("./nodes.mjs").Denial} Denial
 *
 * @typedef {object} Finding
 * @property {boolean} here
 * @property {string} finding what was found, or what is missing: one line
 * @property {string} remedy what would help; empty where nothing does
 * @property {boolean} seen there is a card, though it may not be usable: the remedy is worth telling unasked
 * @property {import("./kfd.mjs").Card[]} cards where they are known
 * @property {string} said what the vendor's tool printed
 *
 * @typedef {object} Verdict
 * @property {"absent" | "found" | "refused"} is
 * @property {string} text
 * @property {string} [remedy]
 */

const LONGEST = 500; // characters of what is told

/** @type {Readonly<Record<Exclude<Denial, "" | "rights">, string>>} what helps against a refusal */
const AGAINST = {
    unmapped: "its group has no number in this container: podman run --group-add keep-groups",
    rule: "the engine's rules forbid it: docker run --device (a --volume does not allow it), or restart the container",
    label: "SELinux forbids it: on the host, sudo setsebool -P container_use_devices=true",
};

/**
 * @param {Mode} mode
 * @param {Surface} surface
 * @returns {Finding}
 */
export function findHardware(mode, surface) {
    const general = mode.container?.remedy ?? "Give the container the device";
    const unserved = describeUnserved(mode, surface);
    if (unserved !== undefined) {
        return { here: false, seen: true, finding: unserved, remedy: "", cards: [], said: "" };
    }
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
            seen: true,
            finding: oneLine(finding, LONGEST),
            remedy: remedy ?? general,
            cards: reading.cards?.cards ?? [],
            said: here ? (reading.answer?.output ?? "") : "",
        };
    }
    const onBus = describeBus(mode, surface);
    const finding = oneLine([told(), onBus].filter((text) => text !== "").join("; "), LONGEST);
    return { here: false, seen: onBus !== "", finding: finding || "it has no signs", remedy: general, cards: [], said: "" };
}

/**
 * Where all cards on the bus are too old for every build, there is nothing to look for.
 * @param {Mode} mode
 * @param {Surface} surface
 */
function describeUnserved({ vendor }, { bus }) {
    if (bus.length === 0 || !bus.every((card) => isUnserved(card, vendor?.unserved))) {
        return undefined;
    }
    const cards = bus.map(({ slot, device }) => `${slot} (${device})`).join(", ");
    return oneLine(`${vendor?.name ?? ""} card ${cards}: ${vendor?.unserved?.cause ?? ""}`, LONGEST);
}

/**
 * A card that the machine has and the container was not given.
 * @param {Mode} mode
 * @param {Surface} surface
 */
function describeBus({ name, vendor }, { bus }) {
    const cards = bus.filter((card) => !isUnserved(card, vendor?.unserved));
    const slots = cards.map(({ slot }) => slot).join(", ");
    const makers = [...new Set(cards.map(({ maker }) => maker ?? vendor?.name ?? name))].join(" and ");
    return slots === "" ? "" : `this machine has a card of ${makers} (PCI ${slots}), which this container was not given`;
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
    const hint = sign.libraryHint === undefined || library.found ? "" : ` (${sign.libraryHint})`;
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
        const parts = column("mig", row) === "Enabled" ? ", of which MIG gives partitions" : "";
        return column("name", row) + (memory === "" ? "" : ` (${memory}${parts})`);
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
        return library.found
            ? { is: "found", text: `${first} and ${name}` }
            : { is: "refused", text: `${first} is there, but no ${name} that can be loaded (${library.fault})` };
    }
    if (cards?.none === true) {
        const vendor = mode.vendor?.name ?? mode.name;
        return { is: "refused", text: `${first} is there, but the kernel lists no ${vendor} GPU (${cards.source})` };
    }
    if (cards === undefined) {
        return { is: "found", text: usable.join(", ") };
    }
    return { is: "found", text: [cards.described, ...usable].join(", ") };
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
function refusal({ path, group, denied = "rights" }, uid) {
    const byGroup = group === 0
        ? "The host should give it a group of its own, such as render"
        : `docker run --group-add ${group}`;
    const remedy = denied === "" || denied === "rights" ? byGroup : AGAINST[denied];
    return { is: "refused", text: `${path} is there, but uid ${uid} may not read and write it: ${remedy}`, remedy };
}
