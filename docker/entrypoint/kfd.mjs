// The cards that AMD's kernel driver lists, in the order in which HIP numbers them.
import { list, readText } from "./files.mjs";

/**
 * @typedef {object} Card
 * @property {string} target such as gfx1100; empty where it has none
 * @property {number} node its number in the kernel's list, where processors have one, too
 * @property {string} uuid as *_VISIBLE_DEVICES may name it: GPU-4f2a...; empty where it has none
 * @property {string} device the PCI device, which the partitions of a card share
 * @property {number} units compute units
 *
 * @typedef {object} Cards
 * @property {string} source where they were looked for
 * @property {boolean} none the list is there, and has no card
 * @property {Card[]} cards
 * @property {string} described for people
 */

const SOURCE = "/sys/class/kfd";

/**
 * @param {string} root
 * @returns {Cards}
 */
export function readKfd(root) {
    const folder = `${root}${SOURCE}/kfd/topology/nodes`;
    return decodeKfd(list(folder).flatMap((node) => {
        const text = readText(`${folder}/${node}/properties`);
        return text === "" ? [] : [{ node: Number(node), text }]; // else not this container's
    }));
}

/**
 * @param {{ node: number, text: string }[]} nodes the text of each node's `properties`
 * @returns {Cards}
 */
export function decodeKfd(nodes) {
    const cards = nodes.flatMap(({ node, text }) => {
        const values = properties(text);
        const value = (/** @type {string} */ key) => Number(values.get(key) ?? 0) || 0;
        const simds = value("simd_count"); // none: a processor
        return simds === 0 ? [] : [{
            target: targetName(value("gfx_target_version")),
            node,
            uuid: uuidOf(values.get("unique_id") ?? "0"),
            // The highest 4 bits of location_id number a card's partitions (Linux, kfd_topology.c).
            device: `${value("domain")}:${value("location_id") % 2 ** 28}`,
            units: simds / (value("simd_per_cu") || 1),
        }];
    });
    const none = nodes.length > 0 && cards.length === 0;
    return { source: SOURCE, none, cards, described: describe(cards) };
}

/**
 * @param {Card[]} cards
 * @returns {string} as "gfx942, gfx942 (partitions of 1 card)"
 */
function describe(cards) {
    const targets = cards.map(({ target }) => target).filter((target) => target !== "").join(", ") || "unknown target";
    const devices = new Set(cards.map(({ device }) => device).filter((device) => device !== "0:0"));
    const parts = devices.size > 0 && devices.size < cards.length;
    return targets + (parts ? ` (partitions of ${devices.size} ${devices.size === 1 ? "card" : "cards"})` : "");
}

/** @param {string} id 64 bits, decimal: more than a number holds */
function uuidOf(id) {
    return /^[1-9]\d{0,19}$/.test(id) ? `GPU-${BigInt(id).toString(16).padStart(16, "0")}` : "";
}

/**
 * gfx_target_version is major * 10000 + minor * 100 + stepping (Linux, kfd_topology.c); the target's
 * name has minor and stepping as hexadecimal digits.
 * @param {number} version
 */
export function targetName(version) {
    if (version === 0) {
        return "";
    }
    const digits = [Math.floor(version / 100) % 100, version % 100].map((part) => part.toString(16));
    return `gfx${Math.floor(version / 10000)}${digits.join("")}`;
}

/** @param {string} text */
function properties(text) {
    return new Map(text.split("\n").map((line) => {
        const [key = "", value = ""] = line.trim().split(/\s+/);
        return /** @type {const} */ ([key, value]);
    }));
}
