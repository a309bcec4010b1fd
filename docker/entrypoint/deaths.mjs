// Runs that died in the native part: the file .backend-deaths in the data folder. A line
// "candidate|key|seconds since 1970" for each death, and one "last|candidate|key" for the run that may be the
// next. The service counts its deaths in .backend-proof.in-use; a run that was killed counts none there.
import { renameSync, rmSync, writeFileSync } from "node:fs";

import { readText, statusOf } from "./files.mjs";

const MOST = 2; // deaths after which a candidate is passed over
const DAY_S = 24 * 3600; // for which a death counts: what was repaired meanwhile is tried again
const LONGEST = 50; // lines

/**
 * Moves the deaths that the last run has left in its mark into the file.
 * @param {string} proofs
 * @param {string} file
 * @returns {string} the file's text
 */
export function collectDeaths(proofs, file) {
    const mark = `${proofs}.in-use`;
    const text = readText(file);
    const count = Number(/^\d{1,4}(?=\s*$)/.exec(readText(mark))?.[0] ?? 0);
    if (count === 0) {
        return text;
    }
    const now = withDeaths(text, count, Math.floor((statusOf(mark)?.mtimeMs ?? 0) / 1000));
    write(file, now);
    write(mark, ""); // counted; that it is there still says that the run did not end in order
    return now;
}

/**
 * @param {string} text
 * @param {number} count
 * @param {number} seconds when
 */
export function withDeaths(text, count, seconds) {
    const lines = text.split("\n").filter((line) => line !== "");
    const last = lines.find((line) => line.startsWith("last|"))?.slice("last|".length);
    const more = last === undefined ? [] : Array.from({ length: Math.min(count, LONGEST) }, () => `${last}|${seconds}`);
    return [...lines, ...more].slice(-LONGEST).map((line) => `${line}\n`).join("");
}

/**
 * How often a candidate has died of late, where that is often enough to pass it over; else 0.
 * @param {string} text
 * @param {string} candidate
 * @param {string} key what its proof holds for: another driver, card or image is another try
 * @param {number} now seconds
 */
export function deathsOf(text, candidate, key, now) {
    const found = text.split("\n").filter((line) => {
        const [name, itsKey, seconds = ""] = line.split("|");
        return name === candidate && itsKey === key && Math.abs(now - Number(seconds)) < DAY_S;
    });
    return found.length >= MOST ? found.length : 0;
}

/**
 * Notes whose deaths the next ones will be.
 * @param {string} file
 * @param {string} text its text
 * @param {string} candidate
 * @param {string} key
 */
export function noteRun(file, text, candidate, key) {
    const line = `last|${candidate}|${key}`;
    const lines = text.split("\n").filter((other) => other !== "" && !other.startsWith("last|"));
    const now = [line, ...lines].map((one) => `${one}\n`).join("");
    if (now !== text) {
        write(file, now);
    }
}

/**
 * @param {string} file
 * @param {string} text
 */
function write(file, text) {
    try {
        rmSync(`${file}.new`, { force: true }); // whatever it is: a FIFO would wait for a reader
        writeFileSync(`${file}.new`, text, { flag: "wx" });
        renameSync(`${file}.new`, file);
    } catch {
        // the data folder is read-only, or full: the choice does without
    }
}
