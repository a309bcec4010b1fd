// The process groups of the programs that run.mjs has started. Apart from it, since a start without a GPU
// starts none, and Node takes its time to load what starts them.

/** @type {Set<number>} the groups that are running */
export const groups = new Set();

/**
 * @param {number} group
 * @param {NodeJS.Signals} signal
 */
export function killGroup(group, signal) {
    try {
        process.kill(-group, signal);
    } catch {
        // it has ended already
    }
}

/** Kills all that is running. */
export function killAll() {
    for (const group of groups) {
        killGroup(group, "SIGKILL");
    }
}
