/** The models of the operator's list: pulled in the background at the start, and tried again where a host is not there. */

import { setTimeout } from "node:timers/promises";
import { messageOf, ServiceError } from "../errors.js";
import type { Log } from "../log.js";
import type { Puller } from "./puller.js";
import { hideSecrets, keyOf } from "./source.js";

/** Until the next try, doubled each time, milliseconds. */
const FIRST_AGAIN = 30_000;
const LAST_AGAIN = 600_000;

/** Statuses of faults that may pass: a host's, too many pulls, no space. */
const MAY_PASS = new Set([429, 502, 507]);

/** Never rejects. @param firstAgain milliseconds */
export async function provide(puller: Puller, sources: readonly string[], log: Log, signal: AbortSignal, firstAgain = FIRST_AGAIN): Promise<void> {
    // One after the other: the first one of the list is the one to be there first.
    let left = [...new Set(sources)];
    for (let wait = firstAgain; left.length > 0 && !signal.aborted; wait = Math.min(LAST_AGAIN, wait * 2)) {
        const failed: string[] = [];
        for (const source of left) {
            if (await fails(puller, source, log, signal, wait)) {
                failed.push(source);
            }
        }
        left = failed;
        if (left.length > 0) {
            await setTimeout(wait, undefined, { signal, ref: false }).catch(() => undefined);
        }
    }
}

/** @returns whether another try may succeed */
async function fails(puller: Puller, source: string, log: Log, signal: AbortSignal, wait: number): Promise<boolean> {
    const shown = hideSecrets(source);
    try {
        if ((await puller.records.complete(keyOf(source))) !== undefined) {
            log.write("debug", "models", `${shown} is there`);
            return false;
        }
        await puller.pull(source, signal, () => undefined);
        return false;
    } catch (thrown) {
        if (signal.aborted) {
            return false;
        }
        const again = thrown instanceof ServiceError && MAY_PASS.has(thrown.statusCode);
        log.write("warn", "models", `${shown} was not pulled: ${messageOf(thrown)} The service goes on with what is there${again ? `, and tries again in ${Math.round(wait / 1000)} s` : ""}.`);
        return again;
    }
}
