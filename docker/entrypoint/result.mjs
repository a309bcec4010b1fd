// What a probe has said: its result, and the cards that the plugin lists. Pure.
import { oneLine } from "./log.mjs";

/**
 * @typedef {object} ListedCard as the plugin prints it
 * @property {string} number
 * @property {string} name
 * @property {number} memory MiB
 *
 * @typedef {object} Result of a probe that found all good
 * @property {string} summary
 * @property {string} devices the cards, "NAME: N MiB; ..."
 * @property {boolean} integrated all cards are processors' own graphics, as far as the plugin says
 * @property {string} scarce what is to be said of the cards' memory; empty where enough is free
 */

const MOST_CARDS = 64;
const LONGEST_NAME = 100; // characters
const LONGEST_SUMMARY = 500;
const ENOUGH = 0.5; // of the memory that is free

/**
 * @param {string} log
 * @param {string} [deviceLine] of the mode's row
 * @param {string} [integratedLine] of the mode's row
 * @returns {Result | undefined}
 */
export function readResult(log, deviceLine, integratedLine) {
    const result = parseResult(log.split("\n").find((text) => text.startsWith('{"summary":"')) ?? "");
    if (result === undefined) {
        return undefined;
    }
    const { summary, devices, vram, free } = result;
    const listed = listCards(log, deviceLine).map(({ name, memory }) => nameDevice(name, memory));
    // node-llama-cpp knows the names, and the memory of all together.
    const together = devices.length > 0 && vram > 0 ? [nameDevice(devices.join(", "), Math.floor(vram / 2 ** 20))] : [];
    const gib = (/** @type {number} */ bytes) => (bytes / 2 ** 30).toFixed(1);
    return {
        summary: oneLine(summary, LONGEST_SUMMARY),
        devices: (listed.length > 0 ? listed : together).join("; "),
        integrated: integratedLine !== undefined && devices.length > 0 && countLines(log, integratedLine) >= devices.length,
        scarce: free < ENOUGH * vram ? `${gib(free)} of ${gib(vram)} GiB are free: a large model gets fewer layers on the card` : "",
    };
}

/**
 * @param {string} log
 * @param {string} expression
 */
function countLines(log, expression) {
    const words = new RegExp(expression);
    return new Set(log.split("\n").filter((line) => words.test(line))).size; // the probe's own child says it, too
}

/**
 * @param {string} line a probe's, in JSON
 * @returns {{ summary: string, devices: string[], vram: number, free: number } | undefined} undefined where it is damaged
 */
function parseResult(line) {
    try {
        /** @type {{ summary: string, devices?: string[], vram?: number, free?: number }} */
        const { summary, devices = [], vram = 0, free = vram } = JSON.parse(line);
        const good = Array.isArray(devices) && devices.every((name) => typeof name === "string")
            && typeof summary === "string" && Number.isFinite(vram) && Number.isFinite(free);
        return good ? { summary, devices, vram, free } : undefined;
    } catch {
        return undefined;
    }
}

/**
 * What ggml's backend says of each card, in a line; the child of a probe says it, too.
 * @param {string} log
 * @param {string} [deviceLine] a regular expression with three groups: number, name, MiB
 * @returns {ListedCard[]}
 */
export function listCards(log, deviceLine) {
    /** @type {Map<string, ListedCard>} */
    const cards = new Map();
    const words = deviceLine === undefined ? undefined : new RegExp(deviceLine);
    for (const line of words === undefined ? [] : log.split("\n")) {
        const [, number = "", name = "", memory = ""] = words?.exec(line) ?? [];
        if (memory !== "" && !cards.has(number) && cards.size < MOST_CARDS) {
            cards.set(number, { number, name: oneLine(name, LONGEST_NAME), memory: Number(memory) });
        }
    }
    return [...cards.values()];
}

/**
 * A card in the list of cards, where a semicolon separates them.
 * @param {string} name
 * @param {number} memory MiB
 */
function nameDevice(name, memory) {
    return `${oneLine(name.replaceAll(";", ","), LONGEST_NAME)}: ${memory} MiB`;
}
