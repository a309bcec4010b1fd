// The memory of good proofs: the file .backend-proof in the data folder, a line
// "candidate|key|JSON" for each. The key is a checksum of all that a proof holds for. A failure
// is not remembered.
//
// While the service runs, it keeps .backend-proof.in-use: where that is found at a start, the last run
// did not stop in order, and nothing that is remembered counts, since a driver's library that fails
// takes the whole process with it.
import { createHash } from "node:crypto";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { list, readText, statusOf } from "./files.mjs";

/**
 * @typedef {import("./paths.mjs").Paths} Paths
 *
 * @typedef {object} Proof
 * @property {string} devices the cards, "NAME: N MiB; ..."
 * @property {string} summary
 * @property {Record<string, string>} environment what selects the cards that it holds for
 * @property {import("./devices.mjs").LeftOut[]} left cards that the candidate does not serve
 * @property {string} loss why the CPU is to be taken all the same; empty where it is not
 */

/**
 * @param {string} memory the file's text
 * @param {string} candidate
 * @param {string} key
 * @returns {Proof | undefined}
 */
export function recall(memory, candidate, key) {
    const begin = `${candidate}|${key}|`;
    const line = memory.split("\n").find((text) => text.startsWith(begin));
    return line === undefined ? undefined : parseProof(line.slice(begin.length));
}

/**
 * @param {string} json
 * @returns {Proof | undefined} undefined where it is damaged
 */
function parseProof(json) {
    try {
        /** @type {Proof} */
        const { devices, summary, environment, left, loss } = JSON.parse(json);
        const texts = [devices, loss, ...Object.values(environment), ...left.flatMap(({ name, fault }) => [name, fault])];
        const good = texts.every((text) => typeof text === "string") && typeof summary === "string" && summary !== "";
        return good ? { devices, summary, environment, left, loss } : undefined;
    } catch {
        return undefined;
    }
}

/**
 * The file's text with a new proof in the place of the candidate's older one.
 * @param {string} memory
 * @param {string} candidate
 * @param {string} key
 * @param {Proof} proof
 */
export function withProof(memory, candidate, key, proof) {
    const others = memory.split("\n").filter((line) => line !== "" && !line.startsWith(`${candidate}|`));
    return [...others, `${candidate}|${key}|${JSON.stringify(proof)}`, ""].join("\n");
}

/**
 * @param {Paths} paths
 * @param {string} candidate
 * @param {string[]} hardware driver, cards and their selection, as any text
 * @returns {string}
 */
export function makeKey(paths, candidate, hardware) {
    const text = [...hardware, readText(paths.buildId), ...imageFiles(paths, candidate)].join("\n");
    return createHash("sha256").update(text).digest("hex");
}

/** @param {string} proofs */
export function wasCutOff(proofs) {
    return existsSync(`${proofs}.in-use`);
}

/**
 * By a rename, so that an interrupted start leaves the old proofs.
 * @param {string} proofs
 * @param {string} text
 * @returns {boolean} whether it was written
 */
export function writeMemory(proofs, text) {
    try {
        rmSync(`${proofs}.new`, { force: true }); // whatever it is: a FIFO would wait for a reader
        writeFileSync(`${proofs}.new`, text, { flag: "wx" });
        renameSync(`${proofs}.new`, proofs);
        rmSync(`${proofs}.in-use`, { force: true });
        return true;
    } catch {
        return false;
    }
}

/**
 * The backend's files, llama.cpp's and the probe's. A file is known by size and times, since reading them
 * all would take longer than the probe: the time of change is that of the unpacked layer, so another
 * image has another one.
 * @param {Paths} paths
 * @param {string} candidate
 */
function imageFiles({ app, backends, probe, tinyModel }, candidate) {
    const modules = join(app, "node_modules");
    const below = (/** @type {string} */ folder) => list(folder).map((name) => join(folder, name));
    const files = [
        ...below(join(backends, candidate)),
        probe,
        tinyModel,
        join(modules, "node-llama-cpp/package.json"),
        ...below(join(modules, "@node-llama-cpp"))
            .flatMap((library) => below(join(library, "bins")))
            .flatMap(below),
    ];
    return files.flatMap((file) => {
        const found = statusOf(file);
        return found === undefined ? [] : [`${file} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`];
    });
}
