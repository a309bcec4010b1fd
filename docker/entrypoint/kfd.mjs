// The cards that AMD's kernel driver lists, in the order in which HIP numbers them.
import { readdirSync, readFileSync } from "node:fs";

/**
 * @typedef {object} Cards
 * @property {string} source where they were looked for
 * @property {boolean} none the list is there, and has no card
 * @property {string[]} targets of each card, such as gfx1100; empty where it has none
 */

const SOURCE = "/sys/class/kfd";

/**
 * @param {string} root
 * @returns {Cards}
 */
export function readKfd(root) {
    const folder = `${root}${SOURCE}/kfd/topology/nodes`;
    return decodeKfd(list(folder).flatMap((node) => {
        try {
            return [readFileSync(`${folder}/${node}/properties`, "utf8")];
        } catch {
            return []; // not this container's
        }
    }));
}

/**
 * @param {string[]} nodes the text of each node's `properties`
 * @returns {Cards}
 */
export function decodeKfd(nodes) {
    const cards = nodes.map(properties).filter((node) => (node.get("simd_count") ?? 0) > 0); // else a CPU
    return {
        source: SOURCE,
        none: nodes.length > 0 && cards.length === 0,
        targets: cards.map((node) => targetName(node.get("gfx_target_version") ?? 0)),
    };
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
        return /** @type {const} */ ([key, Number(value) || 0]);
    }));
}

/** @param {string} folder */
function list(folder) {
    try {
        return readdirSync(folder).sort((one, other) => Number(one) - Number(other));
    } catch {
        return [];
    }
}
