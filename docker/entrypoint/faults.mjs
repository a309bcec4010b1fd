// Why a backend was dropped: what the end of its probe and the words in its log mean. Pure; the words of
// ggml, drivers and runtimes stand in the table of backends.
import { oneLine } from "./log.mjs";

/**
 * @typedef {import("./table.mjs").Fault} Fault
 * @typedef {import("./run.mjs").Ended} Ended
 *
 * @typedef {object} Explanation
 * @property {string} fault one line
 * @property {string} [remedy] where a better one than the mode's own is known
 * @property {boolean} [wait] it may pass by itself
 */

const LONGEST_WORDS = 500; // characters

/** @type {Readonly<Record<number, string>>} exit codes: 128 and more stand for signals */
const ENDINGS = {
    0: "the probe ended without a result",
    1: "", // it says why
    126: "the probe cannot be run",
    127: "the probe cannot be run",
    132: "illegal instruction",
    134: "it aborted",
    135: "bus error",
    136: "arithmetic fault",
    137: "it was killed: is the memory limit of the container too low?",
    139: "segmentation fault",
};

/**
 * @param {Pick<Ended, "code" | "late">} ended how the probe ended
 * @param {number} limit seconds that it was given
 * @param {string} log all that it printed
 * @param {Fault[]} faults rows of the table, the more particular ones first
 * @param {string[]} cards targets of the cards, where they are known
 * @returns {Explanation}
 */
export function explain(ended, limit, log, faults, cards) {
    const { fault, words } = findFault(log, faults);
    const end = nameEnding(ended, limit);
    const details = [oneLine(words, LONGEST_WORDS), end].filter((text) => text !== "").join("; ");
    if (fault === undefined) {
        return { fault: details || "it could not be loaded" };
    }
    const remedy = fault.remedy?.replaceAll("{targets}", [...new Set(cards)].join(",") || "of this card");
    return {
        fault: fault.cause + (details === "" ? "" : ` (${details})`),
        ...(remedy === undefined ? {} : { remedy }),
        ...(fault.wait === true ? { wait: true } : {}),
    };
}

/**
 * @param {Pick<Ended, "code" | "late">} ended
 * @param {number} limit
 */
function nameEnding({ code, late }, limit) {
    const none = `no answer within ${limit} s (MENTATOR_PROBE_TIMEOUT)`;
    switch (late) {
        case "": return ENDINGS[code] ?? `the probe ended with code ${code}`;
        case "ended": return none;
        case "killed": return `${none}, and it had to be killed`;
        case "abandoned": return `${none}, and it could not be killed`;
    }
}

/**
 * The first line of a known meaning, and what it says; without one only the words of the first line
 * that sounds like a fault.
 * @param {string} log
 * @param {Fault[]} faults
 */
function findFault(log, faults) {
    const rows = faults.map((fault) => ({ fault, matches: fault.match.map((text) => new RegExp(text)) }));
    let words = "";
    for (const line of log.split("\n")) {
        const known = rows.find(({ matches }) => matches.some((match) => match.test(line)));
        if (known !== undefined) {
            return { fault: known.fault, words: wordsOf(line, known.fault, words) };
        }
        words ||= soundsLikeFault(line);
    }
    return { fault: undefined, words };
}

/**
 * @param {string} line
 * @param {Fault} fault
 * @param {string} before what an earlier line said
 */
function wordsOf(line, fault, before) {
    if (fault.words === "keep") {
        return before;
    }
    const found = fault.words === undefined ? undefined : new RegExp(fault.words).exec(line)?.[1];
    return (found ?? afterColon(line)).trim();
}

/** @param {string} line */
function soundsLikeFault(line) {
    if (line.startsWith("reason: ")) {
        // Of node-llama-cpp, and says nothing but that the backend was refused.
        return line.includes("NoBinaryFound") ? "" : afterColon(line).trim();
    }
    return / error: |GGML_ASSERT\(|: failed to initialize /.test(line) ? afterColon(line).trim() : "";
}

/** @param {string} line */
function afterColon(line) {
    const colon = line.indexOf(": ");
    return colon === -1 ? line : line.slice(colon + 2);
}
