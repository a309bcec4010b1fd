/** A request as the scheduler keeps it, and what it waits for. */

import type { LoadedModel } from "../engine/engine.js";
import type { Lane } from "./running.js";
import type { Job } from "./scheduler.js";

/** A slot of a model, held until the request ends. */
export interface Place {
    readonly model: LoadedModel;
    /** Whether the model was loaded for this request. */
    readonly status: "load" | "exists";
}

export interface Entry {
    readonly job: Job;
    readonly lane: Lane;
    /** Milliseconds, any clock. */
    readonly came: number;
    /** When its model first found the memory in use. */
    stuckSince: number | undefined;
    /** `Running.idleCount` when the loading was tried last. */
    triedAt: number;
    /** In the queue, from 1 on; 0: not told yet. */
    position: number;
    /** It leaves the queue; undefined: it is back again. */
    readonly begin: (at: number | undefined) => void;
    readonly go: (place: Place) => void;
    readonly refuse: (why: Error) => void;
}

/**
 * @param queueMsec after which it leaves the queue; 0: never
 * @param leave is called when it does, or when its client is gone; it is to refuse it
 * @returns the entry, and its place once it has one. @throws what it is refused with
 */
export function waiting(
    asked: Pick<Entry, "job" | "lane" | "came" | "begin">,
    queueMsec: number,
    leave: (entry: Entry, late: boolean) => void,
): readonly [Entry, Promise<Place>] {
    let resolve: (place: Place) => void = () => undefined;
    let reject: (why: Error) => void = () => undefined;
    const promise = new Promise<Place>((...both) => {
        [resolve, reject] = both;
    });
    const { signal } = asked.job;
    const onAbort = (): void => leave(entry, false);
    const timer = queueMsec === 0 ? undefined : setTimeout(() => leave(entry, true), queueMsec);
    const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
    };
    const entry: Entry = {
        ...asked,
        stuckSince: undefined,
        triedAt: -1,
        position: 0,
        go: (place) => {
            settle();
            resolve(place);
        },
        refuse: (why) => {
            settle();
            reject(why);
        },
    };
    signal.addEventListener("abort", onAbort, { once: true });
    return [entry, promise];
}
