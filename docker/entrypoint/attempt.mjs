// Tries one mode: looks for its hardware, then proves its candidates in order until one computes.
import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";

import { environmentOf } from "./choose.mjs";
import { findHardware } from "./find.mjs";
import { compiledTargets, findPlugin } from "./image.mjs";
import { say } from "./log.mjs";
import { readIdentity, readSurface } from "./surface.mjs";
import { fitCards } from "./targets.mjs";

/**
 * @typedef {import("./table.mjs").Mode} Mode
 * @typedef {import("./table.mjs").Table} Table
 * @typedef {import("./paths.mjs").Paths} Paths
 * @typedef {import("./choose.mjs").Attempt} Attempt
 *
 * @typedef {{ env: NodeJS.ProcessEnv, uid: number }} User who starts the container, and the variables
 *
 * @typedef {object} Impossible
 * @property {false} possible
 * @property {string} finding why
 * @property {string} remedy
 * @property {boolean} seen there is a card
 *
 * @typedef {object} Ready
 * @property {true} possible
 * @property {string} finding what was found
 * @property {string} remedy what helps in general
 * @property {string[]} targets of the cards
 * @property {string[]} hardware what a proof holds for
 * @property {NodeJS.ProcessEnv} env with what makes the cards fit
 * @property {{ candidate: string, plugin: string | undefined }[]} plugins in the order of preference
 */

/**
 * @param {Mode} mode
 * @param {Table} table
 * @param {Paths} paths
 * @param {number} limit seconds that a proof may take
 * @param {User} user
 * @returns {Promise<Attempt>}
 */
export async function tryMode(mode, table, paths, limit, user) {
    const ready = await lookFor(mode, paths, user);
    if (!ready.possible) {
        return failure(mode, ready);
    }
    say(mode.name, `found: ${ready.finding}`);
    const faults = [...(mode.faults ?? []), ...table.faults];
    const words = { word: String(mode.getLlama), deviceLine: mode.deviceLine };
    /** @type {string[]} */
    const dropped = [];
    /** @type {string | undefined} */
    let remedy;
    for (const { candidate, plugin } of ready.plugins) {
        const environment = environmentOf(mode, ready.env, makeFolders(mode, paths.data, user.env), plugin);
        const claim = { ...ready, ...words, candidate, env: environment, faults, limit };
        const result = await proveCandidate(claim, plugin, paths);
        if ("summary" in result && plugin !== undefined) {
            const plain = plugin.slice(paths.backends.length + 1);
            const { finding } = ready;
            return { mode, proven: true, finding, remedy: "", dropped, environment, plugin, plain, ...result };
        }
        if ("fault" in result) {
            dropped.push(`dropped ${candidate}: ${result.fault}`);
            remedy ??= result.remedy;
        }
    }
    return failure(mode, { finding: [ready.finding, ...dropped].join("; "), remedy: remedy ?? ready.remedy, seen: true });
}

/**
 * Whether a mode's hardware is here, and the image has a plugin and kernels for it.
 * @param {Mode} mode
 * @param {Paths} paths
 * @param {User} user
 * @returns {Promise<Ready | Impossible>}
 */
async function lookFor(mode, { root, backends }, { env, uid }) {
    const surface = await readSurface(mode, { root, env, uid });
    const { here, seen, finding, remedy, cards, said } = findHardware(mode, surface);
    const plugins = mode.candidates.map(({ name }) => ({ candidate: name, plugin: findPlugin(backends, name) }));
    const lacking = plugins.every(({ plugin }) => plugin === undefined) && remedy !== "";
    if (lacking && seen) {
        return {
            possible: false,
            seen,
            finding: `${finding}, but this image holds no ${mode.name} backend`,
            remedy: `Use an image that was built with ${mode.name}`,
        };
    }
    if (!here) {
        return { possible: false, seen, finding, remedy };
    }
    const fit = fitImage(mode, cards, backends, env);
    for (const note of fit.notes) {
        say(mode.name, note);
    }
    if (!fit.fits) {
        return { possible: false, seen, finding: finding + fit.finding, remedy: fit.remedy };
    }
    const own = { ...env, ...surface.library.environment, ...fit.environment };
    const targets = cards.map(({ target }) => target);
    const hardware = [said, targets.join(" "), ...readIdentity(mode, { root, env: own, uid })];
    return { possible: true, finding: finding + fit.finding, remedy, targets, hardware, env: own, plugins };
}

/**
 * Proves a candidate, and says what came of it.
 * @param {import("./proof.mjs").Claim} claim
 * @param {string | undefined} plugin
 * @param {Paths} paths
 */
async function proveCandidate(claim, plugin, paths) {
    const { prove } = await import("./proof.mjs"); // late: a start without a GPU is sooner there
    const result = plugin === undefined ? { fault: "it is not in this image" } : await prove(claim, paths);
    if ("summary" in result) {
        say(claim.candidate, `proven: ${result.summary}`);
        for (const device of result.devices.split("; ").filter((text) => text !== "")) {
            say(claim.candidate, `device ${device}`);
        }
    } else {
        say(claim.candidate, `dropped: ${result.fault}`);
    }
    return result;
}

/**
 * @param {Mode} mode
 * @param {{ finding: string, remedy: string, seen: boolean }} why
 * @returns {Attempt}
 */
function failure(mode, { finding, remedy, seen }) {
    return { mode, proven: false, finding, remedy, seen };
}

/**
 * Holds the cards against the image's kernels. All candidates of a mode are compiled for the same
 * targets: the build has one option for them.
 * @param {Mode} mode
 * @param {import("./kfd.mjs").Card[]} cards
 * @param {string} backends
 * @param {NodeJS.ProcessEnv} env
 */
function fitImage(mode, cards, backends, env) {
    const file = mode.targets?.file;
    const compiled = (file === undefined ? [] : mode.candidates)
        .map(({ name }) => compiledTargets(backends, name, file ?? ""))
        .find((names) => names.length > 0);
    return fitCards(mode, cards, compiled ?? [], env, env["MENTATOR_BACKEND"] === mode.name);
}

/**
 * Makes the folders below the data folder that the mode wants, where the user has not set another one.
 * @param {Mode} mode
 * @param {string} data
 * @param {NodeJS.ProcessEnv} env
 * @returns {Record<string, string>} variables and their folders
 */
function makeFolders(mode, data, env) {
    const wanted = Object.entries(mode.environment?.folders ?? {}).filter(([name]) => !env[name]);
    return Object.fromEntries(wanted.flatMap(([name, folder]) => {
        const path = join(data, folder);
        try {
            mkdirSync(path, { recursive: true });
            accessSync(path, constants.W_OK);
            return [[name, path]];
        } catch {
            return []; // what would be kept there lasts as long as the container
        }
    }));
}
