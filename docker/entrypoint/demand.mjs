// What the user asks for: MENTATOR_BACKEND and MENTATOR_PROBE_TIMEOUT. Pure.
import { StartFault } from "./log.mjs";

/**
 * @typedef {object} Demand
 * @property {string} mode a mode's name, or "auto"
 * @property {number} limit seconds that a proof may take
 */

const USAGE = 64; // EX_USAGE
const AUTO = "auto";

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string[]} modes the names of all modes
 * @returns {Demand}
 */
export function readDemand(env, modes) {
    const mode = env["MENTATOR_BACKEND"] || AUTO;
    if (mode !== AUTO && !modes.includes(mode)) {
        throw new StartFault(USAGE, `MENTATOR_BACKEND=${mode} is not a backend.`,
            `It may be ${[AUTO, ...modes.slice(0, -1)].join(", ")} or ${modes.at(-1) ?? ""}.`,
            "Set one of these, or leave it out (auto).");
    }
    const limit = env["MENTATOR_PROBE_TIMEOUT"] || "60";
    if (!/^[1-9]\d{0,3}$/.test(limit)) {
        throw new StartFault(USAGE, `MENTATOR_PROBE_TIMEOUT=${limit} is not a time limit.`,
            "It is a number of seconds, 1 to 9999.", "Set such a number, or leave it out (60).");
    }
    return { mode, limit: Number(limit) };
}
