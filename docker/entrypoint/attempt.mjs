// Tries one mode: looks for its hardware, then proves its candidates.
import { say } from "./log.mjs";
import { lookFor } from "./ready.mjs";

/**
 * @param {import("./table.mjs").Mode} mode
 * @param {import("./table.mjs").Table} table
 * @param {import("./paths.mjs").Paths} paths
 * @param {import("./candidates.mjs").Conditions} conditions
 * @param {import("./ready.mjs").User} user
 * @returns {Promise<import("./choose.mjs").Attempt>}
 */
export async function tryMode(mode, table, paths, conditions, user) {
    const ready = await lookFor(mode, paths, user);
    if (!ready.possible) {
        const { finding, remedy, seen } = ready;
        return { mode, proven: false, finding, remedy, seen };
    }
    say(mode.name, `found: ${ready.finding}`);
    const { tryCandidates } = await import("./candidates.mjs"); // late: a start without a GPU is sooner there
    return tryCandidates(ready, mode, table, paths, conditions, user);
}
