// A processor's own graphics against the processor: both answer with the image's default model, and the slower
// one loses.
import { join } from "node:path";

import { list, readText } from "./files.mjs";
import { say } from "./log.mjs";
import { run } from "./run.mjs";

/**
 * @typedef {import("./paths.mjs").Paths} Paths
 */

/**
 * @param {{ candidate: string, word: string, env: NodeJS.ProcessEnv, cpu: NodeJS.ProcessEnv, limit: number }} claim
 * @param {Paths} paths
 * @returns {Promise<{ loss: string, lasts: boolean }>} why it loses, empty where it does not; whether another start
 *   would find the same: a card that did not answer may have had no memory for the moment
 */
export async function loseToCpu({ candidate, word, env, cpu, limit }, paths) {
    const model = defaultModel(paths);
    if (model === undefined) {
        say(candidate, "not measured against the CPU: the image brings no model");
        return { loss: "", lasts: true };
    }
    const measure = async (/** @type {string} */ gpu, /** @type {NodeJS.ProcessEnv} */ own) => {
        const argv = [process.execPath, paths.measure, gpu, model];
        return readTime((await run(argv, { limitMs: limit * 1000, cwd: paths.app, env: own })).output);
    };
    const [card, processor] = [await measure(word, env), await measure("false", cpu)];
    const { text, loses } = judge(card, processor);
    say(candidate, text);
    return { loss: loses ? text : "", lasts: card !== undefined && processor !== undefined };
}

/**
 * @param {number | undefined} card ms; undefined where it did not come to an end
 * @param {number | undefined} processor
 */
export function judge(card, processor) {
    const told = (/** @type {number | undefined} */ ms) => (ms === undefined ? "no answer" : `${ms} ms`);
    const loses = processor !== undefined && (card === undefined || card > processor);
    const who = loses ? "slower than" : "not slower than";
    return { loses, text: `a processor's own graphics, ${who} the CPU: ${told(card)} against ${told(processor)} for an answer` };
}

/**
 * @param {string} output
 * @returns {number | undefined}
 */
function readTime(output) {
    const ms = Number(/^\{"ms":(\d{1,9})\}$/m.exec(output)?.[1] ?? NaN);
    return Number.isNaN(ms) ? undefined : ms;
}

/** @param {Paths} paths */
function defaultModel({ app }) {
    const folder = join(app, "default-models");
    const names = readText(join(folder, "manifest.txt")).split("\n").map((line) => line.split(/\s+/)[2] ?? "");
    const found = list(folder).find((name) => name.endsWith(".gguf") && names.includes(name));
    return found === undefined ? undefined : join(folder, found);
}
