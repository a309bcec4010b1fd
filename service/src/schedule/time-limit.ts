/** Runs work with a time limit, and stops waiting for work that does not end. */

import { badRequest } from "../errors.js";
import { withAnyOf } from "./abort.js";

/**
 * @param limitMsec of the request; absent: none
 * @param signal aborts the work too
 * @throws ServiceError when the limit is reached, `signal.reason`
 */
export async function withTimeLimit<Result>(work: (signal: AbortSignal) => Promise<Result>, limitMsec: number | undefined, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted();
    if (limitMsec === undefined) {
        return work(signal);
    }
    const limit = new AbortController();
    const late = (): void => limit.abort(badRequest(`The time limit of ${limitMsec} ms (durationMsec) was reached.`));
    const timer = setTimeout(late, limitMsec);
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
