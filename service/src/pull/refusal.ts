/** What a host's status means for a request here. Values in, values out. */

import type { IncomingHttpHeaders } from "node:http";
import { ServiceError } from "../errors.js";

/** A wish to come back later, in seconds: a number or a date (RFC 9110, 10.2.3). */
export function retryAfter(headers: IncomingHttpHeaders, now: number): number | undefined {
    const text = headers["retry-after"];
    if (text === undefined) {
        return undefined;
    }
    const seconds = /^\d{1,9}$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000;
    return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** As an error; one that may pass says when to try again. */
export function refusalOf(what: string, status: number, headers: IncomingHttpHeaders): ServiceError {
    // Hugging Face says in its own words why a repository cannot be read.
    const [said] = [headers["x-error-message"]].flat();
    const words = said === undefined ? "" : ` It says: ${said.slice(0, 300)}`;
    if (status === 401 || status === 403) {
        return new ServiceError(502, `${what} may not be read (status ${status}). If it needs a login, set HF_TOKEN in the service's environment and accept the terms on the model's page.${words}`);
    }
    if (status === 404 || status === 410) {
        return new ServiceError(404, `${what} does not exist there (status ${status}).${words}`);
    }
    const again = mayPass(status) ? (retryAfter(headers, Date.now()) ?? 1) : undefined;
    return new ServiceError(502, `${what} cannot be fetched: the host answers with status ${status}.${words}`, again);
}

/** Of a status that may pass. */
export function mayPass(status: number): boolean {
    return status === 408 || status === 425 || status === 429 || status >= 500;
}
