// Whether a backend computes on this machine: runs probe.mjs in a child process with a time limit, and
// reads what it says. Another start on the same machine and image remembers a good result.
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

import { itemsFor, selectLargest, selectServed } from "./devices.mjs";
import { explain } from "./faults.mjs";
import { readText } from "./files.mjs";
import { say } from "./log.mjs";
import { recall, wasCutOff, withProof, writeMemory } from "./memory.mjs";
import { listCards, readResult } from "./result.mjs";
import { run } from "./run.mjs";

/**
 * @typedef {import("./memory.mjs").Proof} Proof
 * @typedef {import("./faults.mjs").Explanation} Explanation
 * @typedef {import("./paths.mjs").Paths} Paths
 *
 * @typedef {object} Claim what is to be proven
 * @property {string} candidate
 * @property {string} key what the proof holds for
 * @property {string} word node-llama-cpp's for its `gpu`
 * @property {NodeJS.ProcessEnv} env what the service would get
 * @property {string[]} targets of the cards, where they are known
 * @property {import("./table.mjs").Fault[]} faults
 * @property {string | undefined} deviceLine of the mode's row
 * @property {string | undefined} select the variable that selects cards
 * @property {string[]} selections all that do, of which the first that is set counts
 * @property {boolean} integrated the cards are processors' own graphics
 * @property {string | undefined} integratedLine of the mode's row
 * @property {NodeJS.ProcessEnv} cpu what the service would get without a GPU
 * @property {number} limit seconds
 *
 * @typedef {Omit<Proof, "loss"> & { integrated: boolean }} CardsProof
 *
 * @typedef {{ result?: import("./result.mjs").Result, fault: string, remedy?: string, wait: boolean, log: string }} Probed
 */

const PART = 2 ** 20; // bytes of a log's begin and of its end that are read and kept
const AT_ONCE = 4; // cards that are proven side by side
const TRIES = 7; // where the card's memory is taken; in half of the time that a proof may take

/**
 * @param {Claim} claim
 * @param {Paths} paths
 * @returns {Promise<Proof | Explanation>}
 */
export async function prove(claim, paths) {
    const { candidate, key } = claim;
    const known = recall(readText(paths.proofs), candidate, key);
    if (known !== undefined && !wasCutOff(paths.proofs)) {
        const earlier = "proven at an earlier start";
        return known.loss === ""
            ? { ...known, summary: `${known.summary}, ${earlier}` }
            : { fault: `${known.loss}, ${earlier}`, remedy: "" };
    }
    if (known !== undefined) {
        say(candidate, "proven again: the last run was killed, or crashed");
    }
    const proof = await proveCards(claim, paths);
    if (!("summary" in proof)) {
        return proof;
    }
    const { loss, lasts } = proof.integrated ? await lossOf(claim, paths) : { loss: "", lasts: true };
    const result = { ...proof, loss };
    if (lasts && !writeMemory(paths.proofs, withProof(readText(paths.proofs), candidate, key, result))) {
        say(candidate, `the proof could not be noted in ${paths.proofs}: it is made again at the next start`);
    }
    return result.loss === "" ? result : { fault: result.loss, remedy: "" };
}

/**
 * @param {Claim} claim
 * @param {Paths} paths
 */
async function lossOf(claim, paths) {
    const { loseToCpu } = await import("./contest.mjs"); // late: few have no other card
    return loseToCpu(claim, paths);
}

/**
 * All cards together, which is all for one card; of several, each by itself, too: a model that is smaller
 * than the largest card does not touch the others.
 * @param {Claim} claim
 * @param {Paths} paths
 * @returns {Promise<CardsProof | Explanation>}
 */
async function proveCards(claim, paths) {
    const { env, select, selections, deviceLine, integrated } = claim;
    const all = await probePatiently(claim, paths);
    const cards = listCards(all.log, deviceLine);
    const items = select === undefined || cards.length < 2 ? undefined : itemsFor(selections, env, cards.length);
    if (items === undefined || select === undefined) {
        return proofOf(all, {}, [], integrated);
    }
    /** @type {import("./devices.mjs").Tried[]} */
    const tried = [];
    /** @type {Map<string, Probed>} */
    const alone = new Map();
    for (let begin = 0; begin < cards.length; begin += AT_ONCE) {
        await Promise.all(cards.slice(begin, begin + AT_ONCE).map(async (card, index) => {
            const item = items[begin + index] ?? "";
            const probed = await probe({ ...claim, env: { ...env, [select]: item } }, paths, `-${begin + index}`);
            alone.set(item, probed);
            tried[begin + index] = { card, item, fault: probed.fault };
        }));
    }
    let chosen = selectServed(tried, all.fault);
    const environment = () => ({ [select]: chosen.items.join(",") });
    if (chosen.items.length === cards.length) {
        return proofOf(all, {}, []);
    }
    if (chosen.items.length === 0) {
        return proofOf(all.fault === "" ? { ...(alone.get(items[0] ?? "") ?? all) } : all, {}, []);
    }
    let proof = chosen.items.length === 1 ? alone.get(chosen.items[0] ?? "") : undefined;
    if (chosen.together) {
        proof = await probe({ ...claim, env: { ...env, ...environment() } }, paths);
        if (proof.fault !== "") {
            chosen = selectLargest(tried.filter(({ fault }) => fault === ""), chosen.left, proof.fault);
            proof = alone.get(chosen.items[0] ?? "");
        }
    }
    return proofOf(proof ?? all, environment(), chosen.left);
}

/**
 * @param {Probed} probed
 * @param {Record<string, string>} environment
 * @param {import("./devices.mjs").LeftOut[]} left
 * @param {boolean} [integrated] known from the cards
 * @returns {CardsProof | Explanation}
 */
function proofOf({ result, fault, remedy }, environment, left, integrated = false) {
    if (result === undefined) {
        return { fault, ...(remedy === undefined ? {} : { remedy }) };
    }
    return { devices: result.devices, summary: result.summary, environment, left, integrated: integrated || result.integrated };
}

/**
 * Where the card's memory is taken, as by the container that this one replaces, it may be given back soon.
 * @param {Claim} claim
 * @param {Paths} paths
 * @returns {Promise<Probed>}
 */
async function probePatiently(claim, paths) {
    const pauseMs = (claim.limit * 1000) / 2 / (TRIES - 1);
    for (let number = 1; ; number += 1) {
        const probed = await probe(claim, paths);
        if (probed.result !== undefined && probed.result.scarce !== "") {
            say(claim.candidate, probed.result.scarce);
        }
        if (!probed.wait || number === TRIES) {
            return probed;
        }
        say(claim.candidate, `${probed.fault}: tried again in ${Math.round(pauseMs) / 1000} s (${number} of ${TRIES - 1})`);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
}

/**
 * The log of a probe that failed stays in the data folder.
 * @param {Claim} claim
 * @param {Paths} paths
 * @param {string} [suffix] of the log's name
 * @returns {Promise<Probed>}
 */
async function probe({ candidate, word, env, targets, faults, deviceLine, integratedLine, limit }, paths, suffix = "") {
    const path = join(paths.data, `.backend-probe-${candidate}${suffix}.log`);
    /** @type {number} */
    let descriptor;
    try {
        rmSync(path, { force: true }); // whatever it is: a FIFO would wait for a reader
        descriptor = openSync(path, "wx+");
    } catch {
        return { fault: `its probe cannot write ${path}`, wait: false, log: "" };
    }
    const argv = [process.execPath, paths.probe, word, paths.tinyModel];
    const ended = await run(argv, { limitMs: limit * 1000, graceMs: 2000, log: descriptor, cwd: paths.app, env });
    const log = readEnds(descriptor);
    closeSync(descriptor);
    const result = ended.code === 0 && ended.late === "" ? readResult(log, deviceLine, integratedLine) : undefined;
    if (result !== undefined) {
        rmSync(path, { force: true });
        return { result, fault: "", wait: false, log };
    }
    const { fault, remedy, wait = false } = explain(ended, limit, log, faults, targets);
    return { fault, ...(remedy === undefined ? {} : { remedy }), wait, log };
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
