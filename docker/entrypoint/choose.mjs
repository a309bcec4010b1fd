// The choice: which mode is tried, which one is taken and why, and what the service is told. Pure.
import { StartFault, oneLine } from "./log.mjs";
import { lastResort } from "./table.mjs";

/**
 * @typedef {import("./table.mjs").Mode} Mode
 * @typedef {import("./table.mjs").Table} Table
 *
 * @typedef {object} Failed a mode that is not possible here
 * @property {Mode} mode
 * @property {false} proven
 * @property {string} finding why
 * @property {string} remedy empty where nothing helps
 * @property {boolean} seen there is a card
 *
 * @typedef {object} Proven
 * @property {Mode} mode
 * @property {true} proven
 * @property {string} finding what was found
 * @property {string} remedy
 * @property {string[]} dropped candidates that came before, with the reason
 * @property {NodeJS.ProcessEnv} environment what its probe had
 * @property {string} plugin
 * @property {string} plain the plugin's path in the folder of backends
 * @property {string} summary of the proof
 * @property {string} devices the cards, "NAME: N MiB; ..."
 * @property {string} candidate
 * @property {string} key what the proof holds for
 * @property {import("./devices.mjs").LeftOut[]} left cards that it does not serve
 *
 * @typedef {Failed | Proven} Attempt
 *
 * @typedef {object} Choice
 * @property {Mode} mode
 * @property {string} reason one line
 * @property {Proven} [proven]
 */

const NOT_POSSIBLE = 69; // EX_UNAVAILABLE
const LONGEST_REASON = 4000; // characters
const LONGEST_DEVICES = 8000;

/** Set by the entrypoint alone: the user's values do not reach the service. */
const OWN = [
    "GGML_BACKEND_PATH", "MENTATOR_BACKEND_CHOICE", "MENTATOR_BACKEND_REASON", "MENTATOR_BACKEND_DEVICES",
    "MENTATOR_BACKEND_PROOF", "MENTATOR_BACKEND_TABLE", "MENTATOR_ENTRYPOINT_START", "MENTATOR_ENTRYPOINT_USER",
];

/**
 * Why a mode is not looked at; undefined where it is.
 * @param {Mode} mode
 * @param {string} demand
 * @param {Attempt[]} before what came of the modes before it
 */
export function skipReason(mode, demand, before) {
    const taken = before.find(({ proven }) => proven);
    if (taken !== undefined) {
        return `${taken.mode.name} comes first`;
    }
    return demand === "auto" || demand === mode.name ? undefined : `MENTATOR_BACKEND=${demand}`;
}

/**
 * The mode that was proven, else the last resort.
 * @param {Table} table
 * @param {string} demand
 * @param {Attempt[]} attempts
 * @returns {Choice}
 */
export function choose(table, demand, attempts) {
    const proven = attempts.find((attempt) => attempt.proven);
    const failed = attempts.filter((attempt) => !attempt.proven);
    const mode = proven?.mode ?? lastResort(table);
    if (demand !== "auto" && demand !== mode.name) {
        const { finding, remedy } = failed[0] ?? { finding: "It was not looked for", remedy: "Report this" };
        throw new StartFault(NOT_POSSIBLE, `MENTATOR_BACKEND=${demand} is not possible here.`,
            `${finding}.`, remedy === "" ? "Set MENTATOR_BACKEND=auto." : `${remedy}, or set MENTATOR_BACKEND=auto.`);
    }
    const parts = [
        ...(demand === "auto" ? [] : [`MENTATOR_BACKEND=${demand}`]),
        ...(proven === undefined ? [] : [`${proven.finding}, ${proven.plain}: ${proven.summary}`, ...proven.dropped]),
        ...failed.map((attempt) => `not ${attempt.mode.name}: ${attempt.finding}`),
    ];
    const reason = oneLine(`${mode.name}: ${parts.join("; ")}`, LONGEST_REASON);
    return { mode, reason, ...(proven === undefined ? {} : { proven }) };
}

/**
 * A mode's variables over those of the user.
 * @param {Mode} mode
 * @param {NodeJS.ProcessEnv} env
 * @param {Record<string, string>} folders
 * @param {string} [plugin]
 * @returns {NodeJS.ProcessEnv}
 */
export function environmentOf({ environment, getLlama }, env, folders, plugin) {
    const defaults = Object.entries(environment?.default ?? {}).filter(([name]) => !env[name]);
    return {
        ...env,
        ...folders,
        ...Object.fromEntries(defaults),
        ...environment?.set,
        ...(plugin === undefined ? {} : { GGML_BACKEND_PATH: plugin }),
        // What a plain getLlama() takes; left to itself, node-llama-cpp never finds AMD, and no CUDA whose
        // plugin lies elsewhere. It is to build nothing: there is no compiler here.
        NODE_LLAMA_CPP_GPU: String(getLlama),
        NODE_LLAMA_CPP_SKIP_DOWNLOAD: "true",
    };
}

/**
 * The user's variables, without those that the choice sets, and without empty ones that AMD's runtime would
 * read as a card of version 0.
 * @param {Table} table
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function withoutOwn(table, env) {
    const own = new Set([...OWN, ...table.modes.flatMap(({ environment }) => Object.keys(environment?.set ?? {}))]);
    const overrides = new Set(table.modes.map(({ targets }) => targets?.override));
    return Object.fromEntries(Object.entries(env).filter(([name, value]) => {
        return !own.has(name) && !(value === "" && overrides.has(name));
    }));
}

/**
 * What the service gets.
 * @param {Choice} choice
 * @param {NodeJS.ProcessEnv} env the user's variables, without our own
 * @param {{ table: string, proofs: string }} paths
 * @returns {NodeJS.ProcessEnv}
 */
export function serviceEnvironment({ mode, reason, proven }, env, { table, proofs }) {
    return {
        ...(proven?.environment ?? environmentOf(mode, env, {})),
        ...(proven === undefined ? {} : {
            MENTATOR_BACKEND_DEVICES: oneLine(proven.devices, LONGEST_DEVICES),
            MENTATOR_BACKEND_PROOF: proofs,
        }),
        MENTATOR_BACKEND_CHOICE: mode.name,
        MENTATOR_BACKEND_REASON: reason,
        MENTATOR_BACKEND_TABLE: table,
    };
}
