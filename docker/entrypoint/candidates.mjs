// Proves the candidates of one mode in order, until one serves all cards. Loaded late: a start without a GPU
// needs none of it.
import { environmentOf } from "./choose.mjs";
import { deathsOf } from "./deaths.mjs";
import { describeLeft } from "./devices.mjs";
import { say } from "./log.mjs";
import { makeKey } from "./memory.mjs";
import { prove } from "./proof.mjs";
import { makeFolders } from "./ready.mjs";
import { lastResort } from "./table.mjs";

/**
 * @typedef {import("./table.mjs").Mode} Mode
 * @typedef {import("./table.mjs").Table} Table
 * @typedef {import("./paths.mjs").Paths} Paths
 * @typedef {import("./choose.mjs").Attempt} Attempt
 * @typedef {import("./choose.mjs").Proven} Proven
 * @typedef {import("./ready.mjs").Ready} Ready
 * @typedef {import("./ready.mjs").User} User
 *
 * @typedef {object} Conditions
 * @property {string} demand
 * @property {number} limit seconds that a proof may take
 * @property {string} deaths of earlier runs: the file's text
 *
 * @typedef {Ready["plugins"][number] & { key: string, died: number }} Candidate
 */

const LOOK = "Look into .backend-probe-*.log in the data folder, which has all that was said";
const DELETE = "Delete .backend-deaths in the data folder to try it again at once";

/**
 * @param {Ready} ready
 * @param {Mode} mode
 * @param {Table} table
 * @param {Paths} paths
 * @param {Conditions} conditions
 * @param {User} user
 * @returns {Promise<Attempt>}
 */
export async function tryCandidates(ready, mode, table, paths, conditions, user) {
    /** @type {string[]} */
    const dropped = [];
    /** @type {string | undefined} */
    let remedy;
    /** @type {Proven | undefined} */
    let best;
    const demanded = conditions.demand === mode.name;
    for (const candidate of inOrder(ready, paths, conditions, mode)) {
        const { candidate: name, plugin, key } = candidate;
        const environment = environmentOf(mode, ready.env, makeFolders(mode, paths.data, user.env), plugin);
        const claim = {
            ...ready,
            word: String(mode.getLlama),
            deviceLine: mode.deviceLine,
            select: mode.select,
            selections: selectionsOf(mode),
            // What is demanded is not measured against the processor, so its proof says less than another one.
            integratedLine: demanded ? undefined : mode.integrated?.line,
            candidate: name,
            key: demanded && mode.integrated !== undefined ? `${key}-demanded` : key,
            env: environment,
            cpu: environmentOf(lastResort(table), user.env, {}),
            faults: [...(mode.faults ?? []), ...table.faults],
            limit: conditions.limit,
        };
        const result = await proveCandidate(claim, candidate, paths, demanded);
        if ("fault" in result) {
            dropped.push(`dropped ${name}: ${result.fault}`);
            remedy ??= result.remedy; // empty where nothing helps
            continue;
        }
        const proven = {
            mode, proven: /** @type {const} */ (true), finding: ready.finding, remedy: "", dropped, candidate: name, key,
            environment: { ...environment, ...result.environment },
            plugin: plugin ?? "",
            plain: (plugin ?? "").slice(paths.backends.length + 1),
            summary: result.summary, devices: result.devices, left: result.left,
        };
        if (best === undefined || proven.left.length < best.left.length) {
            best = proven;
        }
        if (proven.left.length === 0) {
            break; // else another one may serve all cards
        }
    }
    if (best === undefined) {
        return {
            mode, proven: false, finding: [ready.finding, ...dropped].join("; "), remedy: remedy ?? LOOK, seen: true,
        };
    }
    const without = best.left.length === 0 ? [] : [`without ${describeLeft(best.left)}`];
    return { ...best, dropped: [...dropped, ...without] };
}

/**
 * The candidates. One with which runs have died is passed over, or comes last where the user wants its mode and
 * no other.
 * @param {Ready} ready
 * @param {Paths} paths
 * @param {Conditions} conditions
 * @param {Mode} mode
 * @returns {Candidate[]}
 */
function inOrder({ plugins, hardware }, paths, { deaths, demand }, mode) {
    const now = Date.now() / 1000;
    const all = plugins.map((candidate) => {
        const key = candidate.plugin === undefined ? "" : makeKey(paths, candidate.candidate, hardware);
        return { ...candidate, key, died: deathsOf(deaths, candidate.candidate, key, now) };
    });
    return demand === mode.name ? [...all.filter(({ died }) => died === 0), ...all.filter(({ died }) => died > 0)] : all;
}

/** @param {Mode} mode */
function selectionsOf({ select = "", targets }) {
    return targets?.selections.find((names) => names.includes(select)) ?? [select];
}

/**
 * Proves a candidate, and says what came of it.
 * @param {import("./proof.mjs").Claim} claim
 * @param {Candidate} candidate
 * @param {Paths} paths
 * @param {boolean} demanded
 * @returns {Promise<import("./memory.mjs").Proof | import("./faults.mjs").Explanation>}
 */
async function proveCandidate(claim, { plugin, died }, paths, demanded) {
    if (died > 0) {
        say(claim.candidate, `its runs have died ${died} times in the native part within a day`);
    }
    const result = plugin === undefined
        ? { fault: "it is not in this image" }
        : died > 0 && !demanded
            ? { fault: `its runs have died ${died} times in the native part within a day`, remedy: DELETE }
            : await prove(claim, paths);
    if ("fault" in result) {
        say(claim.candidate, `dropped: ${result.fault}`);
        return result;
    }
    say(claim.candidate, `proven: ${result.summary}`);
    for (const device of result.devices.split("; ").filter((text) => text !== "")) {
        say(claim.candidate, `device ${device}`);
    }
    if (result.left.length > 0) {
        const selection = Object.entries(result.environment).map(([name, value]) => `${name}=${value}`).join(" ");
        say(claim.candidate, `${selection}: without ${describeLeft(result.left)}`);
    }
    return result;
}
