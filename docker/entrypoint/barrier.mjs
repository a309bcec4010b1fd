// The library that lets ggml's threads share the processors with other programs (docker/barrier): whether the
// service gets it. It takes the place of two of ggml's functions, so it is there before ggml is loaded.
import { join } from "node:path";

import { isFull, readText } from "./files.mjs";
import { StartFault } from "./log.mjs";

const USAGE = 64; // EX_USAGE
const LIBRARY = "libmentator-barrier.so";

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {boolean} whether the library is wanted
 */
export function readBarrier(env) {
    const asked = env["MENTATOR_BARRIER"] || "auto";
    if (asked !== "auto" && asked !== "off") {
        throw new StartFault(USAGE, `MENTATOR_BARRIER=${asked} is not possible.`,
            "It may be auto or off.", "Set one of these, or leave it out (auto).");
    }
    return asked === "auto";
}

/**
 * @param {NodeJS.ProcessEnv} env of the service
 * @param {string} folder what the image has of it
 * @returns {{ env: NodeJS.ProcessEnv, finding: string }} with the library beside the user's own
 */
export function withBarrier(env, folder) {
    const library = join(folder, LIBRARY);
    if (!readBarrier(env)) {
        return { env, finding: "left out: MENTATOR_BARRIER=off" };
    }
    if (!isFull(library)) {
        const why = readText(join(folder, "missing.txt")).trim() || "there is no such file";
        return { env, finding: `not in this image: ${why}` };
    }
    const others = env["LD_PRELOAD"] ? [env["LD_PRELOAD"]] : [];
    return { env: { ...env, LD_PRELOAD: [...others, library].join(":") }, finding: LIBRARY };
}
