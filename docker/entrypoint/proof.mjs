// Whether a backend computes on this machine: runs probe.mjs in a child process with a time limit, and
// reads what it says. Another start on the same machine and image remembers a good result.
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

import { explain } from "./faults.mjs";
import { oneLine, say } from "./log.mjs";
import { makeKey, recall, wasCutOff, withProof, writeMemory } from "./memory.mjs";
import { run } from "./run.mjs";
import { readText } from "./files.mjs";

/**
 * @typedef {import("./memory.mjs").Proof} Proof
 * @typedef {import("./faults.mjs").Explanation} Explanation
 *
 * @typedef {object} Claim what is to be proven
 * @property {string} candidate
 * @property {string} word node-llama-cpp's for its `gpu`
 * @property {NodeJS.ProcessEnv} env what the service would get
 * @property {string[]} hardware what the proof holds for: any text
 * @property {string[]} targets of the cards, where they are known
 * @property {import("./table.mjs").Fault[]} faults
 * @property {string | undefined} deviceLine of the mode's row
 * @property {number} limit seconds
 */

const PART = 2 ** 20; // bytes of a log's begin and of its end that are read and kept
const MOST_CARDS = 64;
const LONGEST_NAME = 100; // characters
const LONGEST_SUMMARY = 500;

/**
 * @param {Claim} claim
 * @param {import("./paths.mjs").Paths} paths
 * @returns {Promise<Proof | Explanation>}
 */
export async function prove(claim, paths) {
    const { candidate } = claim;
    const key = makeKey(paths, candidate, claim.hardware);
    const known = recall(readText(paths.proofs), candidate, key);
    if (known !== undefined && !wasCutOff(paths.proofs)) {
        return { ...known, summary: `${known.summary}, proven at an earlier start` };
    }
    if (known !== undefined) {
        say(candidate, "proven again: the last run was killed, or crashed");
    }
    const result = await probe(claim, paths);
    if (!("summary" in result)) {
        return result;
    }
    if (!writeMemory(paths.proofs, withProof(readText(paths.proofs), candidate, key, result))) {
        say(candidate, `the proof could not be noted in ${paths.proofs}: it is made again at the next start`);
    }
    return result;
}

/**
 * The log of a probe that failed stays in the data folder.
 * @param {Claim} claim
 * @param {import("./paths.mjs").Paths} paths
 * @returns {Promise<Proof | Explanation>}
 */
async function probe({ candidate, word, env, targets, faults, deviceLine, limit }, paths) {
    const log = join(paths.data, `.backend-probe-${candidate}.log`);
    /** @type {number} */
    let descriptor;
    try {
        rmSync(log, { force: true }); // whatever it is: a FIFO would wait for a reader
        descriptor = openSync(log, "wx+");
    } catch {
        return { fault: `its probe cannot write ${log}` };
    }
    const argv = [process.execPath, paths.probe, word, paths.tinyModel];
    const ended = await run(argv, { limitMs: limit * 1000, graceMs: 2000, log: descriptor, cwd: paths.app, env });
    const said = readEnds(descriptor);
    closeSync(descriptor);
    const proof = ended.code === 0 && ended.late === "" ? readProof(said, deviceLine) : undefined;
    if (proof !== undefined) {
        rmSync(log, { force: true });
        return proof;
    }
    return explain(ended, limit, said, faults, targets);
}

/**
 * The log's first and last MiB, to which it is cut: a driver may print without an end.
 * @param {number} descriptor
 * @returns {string}
 */
export function readEnds(descriptor) {
    const { size } = fstatSync(descriptor);
    const begin = Buffer.alloc(Math.min(size, PART));
    const end = Buffer.alloc(Math.min(size - begin.length, PART));
    readSync(descriptor, begin, 0, begin.length, 0);
    readSync(descriptor, end, 0, end.length, size - end.length);
    if (size > 2 * PART) {
        const gap = Buffer.from(`\n... ${size - 2 * PART} bytes left out ...\n`);
        try {
            ftruncateSync(descriptor, PART);
            writeSync(descriptor, Buffer.concat([gap, end]), 0, gap.length + PART, PART);
        } catch {
            // the disk is full: what is left says enough
        }
    }
    return Buffer.concat([begin, Buffer.from(size > 2 * PART ? "\n" : ""), end]).toString();
}

/**
 * The result of a probe that found all good.
 * @param {string} log
 * @param {string} [deviceLine] of the mode's row
 * @returns {Proof | undefined}
 */
export function readProof(log, deviceLine) {
    const result = parseResult(log.split("\n").find((text) => text.startsWith('{"summary":"')) ?? "");
    if (result === undefined) {
        return undefined;
    }
    const { summary, devices, vram } = result;
    const listed = deviceLine === undefined ? [] : listDevices(log, deviceLine);
    // node-llama-cpp knows the names, and the memory of all together.
    const together = devices.length > 0 && vram > 0 ? [nameDevice(devices.join(", "), Math.floor(vram / 2 ** 20))] : [];
    const cards = (listed.length > 0 ? listed : together).join("; ").replaceAll("|", "/");
    return { summary: oneLine(summary, LONGEST_SUMMARY), devices: cards };
}

/**
 * @param {string} line a probe's, in JSON
 * @returns {{ summary: string, devices: string[], vram: number } | undefined} undefined where it is damaged
 */
function parseResult(line) {
    try {
        /** @type {{ summary: string, devices?: string[], vram?: number }} */
        const { summary, devices = [], vram = 0 } = JSON.parse(line);
        const good = Array.isArray(devices) && devices.every((name) => typeof name === "string");
        return good && typeof summary === "string" && Number.isFinite(vram) ? { summary, devices, vram } : undefined;
    } catch {
        return undefined;
    }
}

/**
 * What ggml's backend says of each card, in a line; the child of a probe says it, too.
 * @param {string} log
 * @param {string} deviceLine a regular expression with three groups: number, name, MiB
 * @returns {string[]}
 */
function listDevices(log, deviceLine) {
    /** @type {Map<string, string>} */
    const cards = new Map();
    const words = new RegExp(deviceLine);
    for (const line of log.split("\n")) {
        const [, number = "", name = "", memory = ""] = words.exec(line) ?? [];
        if (memory !== "" && !cards.has(number) && cards.size < MOST_CARDS) {
            cards.set(number, nameDevice(name, Number(memory)));
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
