/** Runs work with a time limit, and stops waiting for work that does not end. */

import { withAnyOf } from "./abort.js";

interface TimeLimit {
    /** Absent or 0: none. */
    readonly msec: number | undefined;
    /** What is thrown when it is reached. */
    readonly error: (msec: number) => Error;
}

/**
 * @param signal aborts the work too
 * @throws the limit's error, `signal.reason`
 */
export async function withTimeLimit<Result>(work: (signal: AbortSignal) => Promise<Result>, { msec = 0, error }: TimeLimit, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted();
    if (msec === 0) {
        return work(signal);
    }
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(error(msec)), msec);
    try {
        return await withAnyOf([signal, limit.signal], work);
    } finally {
        clearTimeout(timer);
    }
}

/** The result of `work`, or the signal's reason as soon as it is aborted: the end of the work is not waited for then. */
export async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
    let leave: () => void = () => undefined;
    const aborted = new Promise<never>((_, reject) => {
        leave = () => reject(signal.reason as Error);
        signal.addEventListener("abort", leave, { once: true });
    });
    try {
        return await Promise.race([work, aborted]);
    } finally {
        signal.removeEventListener("abort", leave);
    }
}
