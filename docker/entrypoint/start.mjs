// Chooses the backend and becomes the service, with the same PID. Reads and exports what the head of
// start-docker.sh says.
import { tryMode } from "./attempt.mjs";
import { withBarrier } from "./barrier.mjs";
import { choose, serviceEnvironment, skipReason, withoutOwn } from "./choose.mjs";
import { collectDeaths, noteRun } from "./deaths.mjs";
import { readDemand } from "./demand.mjs";
import { findPlugin } from "./image.mjs";
import { say } from "./log.mjs";
import { pathsBelow } from "./paths.mjs";
import { readText } from "./files.mjs";
import { lastResort, provableModes, readTable } from "./table.mjs";

/** @typedef {{ execve?: (file: string, args: string[], env: NodeJS.ProcessEnv) => void }} WithExecve */

const paths = pathsBelow(process.env["MENTATOR_SYSTEM_ROOT"] ?? "");

/** @returns {Promise<NodeJS.ProcessEnv>} what the service gets */
async function chooseBackend() {
    const table = readTable(paths.table);
    const demand = readDemand(process.env, table.modes.map(({ name }) => name));
    const modes = provableModes(table);
    const held = modes.flatMap(({ candidates }) => candidates)
        .filter(({ name }) => findPlugin(paths.backends, name) !== undefined);
    say("image", `holds the backends ${[...held, lastResort(table)].map(({ name }) => name).join(", ")}`);
    const env = withoutOwn(table, process.env);
    const deaths = collectDeaths(paths.proofs, paths.deaths);
    /** @type {import("./choose.mjs").Attempt[]} */
    const attempts = [];
    for (const mode of modes) {
        const skipped = skipReason(mode, demand.mode, attempts);
        if (skipped !== undefined) {
            say(mode.name, `not looked at: ${skipped}`);
            continue;
        }
        const conditions = { demand: demand.mode, limit: demand.limit, deaths };
        const attempt = await tryMode(mode, table, paths, conditions, { env, uid: process.getuid?.() ?? 0 });
        attempts.push(attempt);
        if (!attempt.proven) {
            say(mode.name, `not possible: ${attempt.finding}`);
            if (attempt.seen && attempt.remedy !== "") {
                say(mode.name, `next: ${attempt.remedy}`);
            }
        }
    }
    const choice = choose(table, demand.mode, attempts);
    if (choice.proven !== undefined) {
        noteRun(paths.deaths, deaths, choice.proven.candidate, choice.proven.key);
    }
    say("chosen", choice.mode.name + (choice.proven === undefined ? "" : ` with ${choice.proven.plugin}`));
    const barrier = withBarrier(serviceEnvironment(choice, env, paths), paths.barrier);
    say("barrier", barrier.finding);
    return barrier.env;
}

/**
 * The time since start-docker.sh began, which notes the machine's uptime in seconds.
 * @returns {string}
 */
function elapsed() {
    const began = seconds(process.env["MENTATOR_ENTRYPOINT_START"] ?? "");
    const now = seconds(readText(`${paths.root}/proc/uptime`));
    return Number.isNaN(now - began) ? "unknown" : `${Math.round((now - began) * 100) * 10} ms`;
}

/**
 * The first number of /proc/uptime; NaN where it is not one.
 * @param {string} uptime
 */
function seconds(uptime) {
    return Number(/^(\d{1,12}(?:\.\d+)?)(?:\s|$)/.exec(uptime)?.[1] ?? NaN);
}

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
function becomeService(args, env) {
    // Its warning that it is experimental is never printed: that would be in the next turn of this Node.
    const self = /** @type {WithExecve} */ (/** @type {unknown} */ (process));
    if (self.execve === undefined) {
        throw new Error(`Node ${process.version} has no process.execve: it takes 22.15 or later`);
    }
    self.execve(process.execPath, ["node", "distjs/index.js", ...args], env);
}

/** @param {string[]} args the service's */
export async function start(args) {
    const env = await chooseBackend();
    say("time", `${elapsed()} in this script`);
    await new Promise(setImmediate); // a signal that has arrived is handled first
    becomeService(args, env);
}
