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
 */

/**
 * @param {Mode} mode
 * @param {Table} table
 * @param {Paths} paths
 * @param {number} limit seconds that a proof may take
 * @param {{ env: NodeJS.ProcessEnv, uid: number }} user
 * @returns {Promise<Attempt>}
 */
export async function tryMode(mode, table, paths, limit, { env, uid }) {
    const surface = await readSurface(mode, { root: paths.root, env, uid });
    const found = findHardware(mode, surface);
    if (!found.here) {
        return failed(mode, found.finding, found.remedy);
    }
    const plugins = mode.candidates.map(({ name }) => ({ candidate: name, plugin: findPlugin(paths.backends, name) }));
    if (plugins.every(({ plugin }) => plugin === undefined)) {
        return failed(mode, `${found.finding}, but this image holds no ${mode.name} backend`,
            `Use an image that was built with ${mode.name}`);
    }
    const fit = fitImage(mode, found.targets, paths.backends, env);
    for (const note of fit?.notes ?? []) {
        say(mode.name, note);
    }
    const finding = found.finding + (fit?.finding ?? "");
    if (fit?.fits === false) {
        return failed(mode, finding, fit.remedy);
    }
    say(mode.name, `found: ${finding}`);
    const { prove } = await import("./proof.mjs"); // late: a start without a GPU is sooner there
    const own = { ...env, ...fit?.environment };
    const hardware = [found.said, found.targets.join(" "), ...readIdentity(mode, { root: paths.root, env: own, uid })];
    const faults = [...(mode.faults ?? []), ...(table.faults ?? [])];
    /** @type {string[]} */
    const dropped = [];
    /** @type {string | undefined} */
    let remedy;
    for (const { candidate, plugin } of plugins) {
        /** @type {import("./memory.mjs").Proof | import("./faults.mjs").Explanation} */
        let result = { fault: "it is not in this image" };
        if (plugin !== undefined) {
            const environment = environmentOf(mode, own, makeFolders(mode, paths.data, env), plugin);
            const claim = { candidate, word: String(mode.getLlama), env: environment, hardware, targets: found.targets, faults, limit };
            result = await prove(claim, paths);
            if ("summary" in result) {
                say(candidate, `proven: ${result.summary}`);
                for (const device of result.devices.split("; ").filter((text) => text !== "")) {
                    say(candidate, `device ${device}`);
                }
                const plain = plugin.slice(paths.backends.length + 1);
                return { mode, proven: true, finding, remedy: "", dropped, environment, plugin, plain, ...result };
            }
        }
        say(candidate, `dropped: ${result.fault}`);
        dropped.push(`dropped ${candidate}: ${result.fault}`);
        remedy ??= result.remedy;
    }
    return failed(mode, [finding, ...dropped].join("; "), remedy ?? found.remedy);
}

/**
 * @param {Mode} mode
 * @param {string} finding
 * @param {string} remedy
 * @returns {Attempt}
 */
function failed(mode, finding, remedy) {
    return { mode, proven: false, finding, remedy };
}

/**
 * Holds the cards against the image's kernels. All candidates of a mode are compiled for the same
 * targets: the build has one option for them.
 * @param {Mode} mode
 * @param {string[]} cards
 * @param {string} backends
 * @param {NodeJS.ProcessEnv} env
 */
function fitImage({ targets, candidates }, cards, backends, env) {
    if (targets === undefined) {
        return undefined;
    }
    const compiled = candidates
        .map(({ name }) => compiledTargets(backends, name, targets.file))
        .find((names) => names.length > 0);
    return fitCards(targets, cards, compiled ?? [], env);
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
