// What one mode needs before a proof: its hardware, a plugin in the image, and kernels for the cards.
import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";

import { findHardware } from "./find.mjs";
import { compiledTargets, findPlugin } from "./image.mjs";
import { say } from "./log.mjs";
import { readIdentity, readSurface } from "./surface.mjs";

/**
 * @typedef {import("./table.mjs").Mode} Mode
 * @typedef {import("./paths.mjs").Paths} Paths
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
 * @property {boolean} integrated they are processors' own graphics
 * @property {string[]} hardware what a proof holds for
 * @property {NodeJS.ProcessEnv} env with what makes the cards fit
 * @property {{ candidate: string, plugin: string | undefined }[]} plugins in the order of preference
 */

/**
 * Whether a mode's hardware is here, and the image has a plugin and kernels for it.
 * @param {Mode} mode
 * @param {Paths} paths
 * @param {User} user
 * @returns {Promise<Ready | Impossible>}
 */
export async function lookFor(mode, { root, backends }, { env, uid }) {
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
    const fit = await fitImage(mode, cards, backends, env);
    for (const note of fit.notes) {
        say(mode.name, note);
    }
    if (!fit.fits) {
        return { possible: false, seen, finding: finding + fit.finding, remedy: fit.remedy };
    }
    const own = { ...env, ...surface.library.environment, ...fit.environment };
    const targets = cards.map(({ target }) => target);
    const hardware = [said, targets.join(" "), ...readIdentity(mode, { root, env: own, uid })];
    return { possible: true, finding: finding + fit.finding, remedy, targets, hardware, env: own, plugins, integrated: fit.integrated };
}

/**
 * Holds the cards against the image's kernels. All candidates of a mode are compiled for the same
 * targets: the build has one option for them.
 * @param {Mode} mode
 * @param {import("./kfd.mjs").Card[]} cards
 * @param {string} backends
 * @param {NodeJS.ProcessEnv} env
 */
async function fitImage(mode, cards, backends, env) {
    const { fitCards } = await import("./targets.mjs"); // late, as the proof
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
export function makeFolders(mode, data, env) {
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
