// What the image holds: the plugins of the candidates, and what they were compiled for.
import { join } from "node:path";

import { isFull, list, readText } from "./files.mjs";

/**
 * The plugin of a candidate; an empty file does not count.
 * @param {string} backends
 * @param {string} candidate
 * @returns {string | undefined} its path
 */
export function findPlugin(backends, candidate) {
    const folder = join(backends, candidate);
    return list(folder)
        .filter((name) => /^libggml-.*\.so$/.test(name))
        .map((name) => join(folder, name))
        .find(isFull);
}

/**
 * The targets that a candidate's plugin was compiled for; none where the image does not say.
 * @param {string} backends
 * @param {string} candidate
 * @param {string} file
 * @returns {string[]}
 */
export function compiledTargets(backends, candidate, file) {
    return readText(join(backends, candidate, file))
        .split(/\s+/)
        .filter((target) => target !== "")
        .map((target) => target.replace(/:.*/, "")); // gfx90a:xnack- is gfx90a here
}
