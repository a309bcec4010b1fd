/** Why the scheduler does not run a request. Pure. */

import { MemoryBusy } from "../engine/engine.js";
import { ServiceError, shuttingDownError, TimeLimitReached } from "../errors.js";
import { RETRY_UNKNOWN } from "./running.js";

/** Why a model was not loaded for a request. */
export function loadingFailed(thrown: unknown, signal: AbortSignal, draining: boolean): Error {
    if (signal.aborted) {
        return signal.reason as Error;
    }
    if (thrown instanceof MemoryBusy) {
        return draining ? shuttingDownError() : new ServiceError(503, thrown.message, RETRY_UNKNOWN);
    }
    return thrown instanceof Error ? thrown : new Error(String(thrown));
}

export function queueFull(limit: number, retryAfterSeconds: number): ServiceError {
    return new ServiceError(429, `The queue is full: ${limit} requests wait.`, retryAfterSeconds);
}

export function waitedTooLong(limitMsec: number, retryAfterSeconds: number): ServiceError {
    return new ServiceError(503, `The request waited ${limitMsec / 1000} s in the queue, which is the limit (engine.queueTimeLimit).`, retryAfterSeconds);
}

/** The limit of the request itself. */
export function ownTimeReached(limitMsec: number): TimeLimitReached {
    return new TimeLimitReached(`The time limit of ${limitMsec} ms (durationMsec) was reached.`);
}

/** The service's limit, for requests without one. */
export function timeReached(limitMsec: number): TimeLimitReached {
    return new TimeLimitReached(`The time limit of ${limitMsec / 1000} s for one answer (engine.timeLimit) was reached: ask for fewer tokens.`);
}
