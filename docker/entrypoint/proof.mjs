// Whether a backend computes on this machine: runs probe.mjs in a child process with a time limit, and
// reads what it says. Another start on the same machine and image remembers a good result.
import { closeSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";

import { explain } from "./faults.mjs";
import { say } from "./log.mjs";
import { makeKey, recall, wasCutOff, withProof, writeMemory } from "./memory.mjs";
import { run } from "./run.mjs";
import { readText } from "./surface.mjs";

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
 * @property {number} limit seconds
 */

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
async function probe({ candidate, word, env, targets, faults, limit }, paths) {
    const log = join(paths.data, `.backend-probe-${candidate}.log`);
    /** @type {number} */
    let descriptor;
    try {
        descriptor = openSync(log, "w");
    } catch {
        return { fault: `its probe cannot write ${log}` };
    }
    const argv = [process.execPath, paths.probe, word, paths.tinyModel];
    const ended = await run(argv, { limitMs: limit * 1000, graceMs: 2000, log: descriptor, cwd: paths.app, env });
    closeSync(descriptor);
    const said = readText(log);
    const proof = ended.code === 0 && ended.late === "" ? readProof(said) : undefined;
    if (proof !== undefined) {
        rmSync(log, { force: true });
        return proof;
    }
    return explain(ended, limit, said, faults, targets);
}

/**
 * The result of a probe that found all good.
 * @param {string} log
 * @returns {Proof | undefined}
 */
export function readProof(log) {
    const line = log.split("\n").find((text) => text.startsWith('{"summary":"'));
    if (line === undefined) {
        return undefined;
    }
    /** @type {{ summary: string, devices?: string[], vram?: number }} */
    const { summary, devices = [], vram = 0 } = JSON.parse(line);
    const listed = listDevices(log);
    const only = devices.length === 1 && vram > 0 ? [`${devices[0] ?? ""}: ${Math.floor(vram / 2 ** 20)} MiB`] : [];
    return { summary, devices: (listed.length > 0 ? listed : only).join("; ").replaceAll("|", "/") };
}

/**
 * What ggml's backends for CUDA and HIP say of each card, in a line; the child of a probe says it, too.
 * @param {string} log
 * @returns {string[]}
 */
function listDevices(log) {
    /** @type {Map<string, string>} */
    const cards = new Map();
    const line = /^\s*Device (\d+): ([^,\n]*).*, VRAM: (.* MiB)\s*$/gm;
    for (const [, number = "", name = "", memory = ""] of log.matchAll(line)) {
        if (!cards.has(number)) {
            cards.set(number, `${name}: ${memory}`);
        }
    }
    return [...cards.values()];
}
