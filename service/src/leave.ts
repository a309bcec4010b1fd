/** The time between the signal and the stop, for services behind a balancer. */

import { setTimeout as pause } from "node:timers/promises";
import type { StopTimes } from "./start-environment.js";

/** Milliseconds between two looks at the queue. */
const LOOK_MSEC = 50;

/**
 * Waits for the notice, and then until no request waits: a stop refuses those, but they were accepted.
 * @param waiting requests in the queue
 * @returns ms of the drain that are left for the requests that run
 */
export async function serveOn({ noticeMsec, drainMsec }: StopTimes, waiting: () => number): Promise<number> {
    await pause(noticeMsec);
    const begin = performance.now();
    const left = (): number => Math.max(0, Math.round(drainMsec - (performance.now() - begin)));
    while (waiting() > 0 && left() > 0) {
        await pause(Math.min(LOOK_MSEC, left()));
    }
    return left();
}
