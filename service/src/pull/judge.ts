/** What to do with a server's answer to a request for the rest of a file. Values in, values out. */

import type { IncomingHttpHeaders } from "node:http";
import type { Note } from "./partial.js";
import { mayPass, refusalOf, retryAfter } from "./refusal.js";
import { badGateway, type Wanted } from "./wanted.js";

export type Verdict =
    /** The body begins at byte `from`. */
    | { readonly kind: "receive"; readonly from: number; readonly note: Note }
    /** Nothing is missing. */
    | { readonly kind: "complete" }
    /** What is here cannot be continued: ask for all of it. */
    | { readonly kind: "restart"; readonly why: string }
    /** The same request may succeed later. */
    | { readonly kind: "later"; readonly why: string; readonly seconds?: number }
    | { readonly kind: "refused"; readonly error: Error };

export interface Answer {
    readonly status: number;
    readonly headers: IncomingHttpHeaders;
}

export interface Have {
    /** Bytes that are here, from the first on; more than 0 only together with their note. */
    readonly bytes: number;
    readonly note: Note | undefined;
    /** What they must be of. */
    readonly of: string;
}

/** Headers that ask for the rest. A sum in the end tells more than a validator on the way. */
export function rangeHeaders({ bytes, note }: Have, wanted: Wanted): Record<string, string> {
    if (bytes === 0) {
        return {};
    }
    const etag = note?.etag;
    // RFC 9110, 13.1.5: no weak validators.
    const validator = wanted.sha256 === undefined && etag?.startsWith('"') === true ? { "if-range": etag } : {};
    return { range: `bytes=${bytes}-`, ...validator };
}

export function judge({ status, headers }: Answer, have: Have, wanted: Wanted, now: number): Verdict {
    if (mayPass(status)) {
        const seconds = retryAfter(headers, now);
        return { kind: "later", why: `${wanted.url.host} answers with status ${status}`, ...(seconds === undefined ? {} : { seconds }) };
    }
    if (status === 200 && (headers["content-encoding"] ?? "identity") !== "identity") {
        return { kind: "refused", error: badGateway(`${wanted.url.host} sends ${wanted.name} compressed, which cannot be continued.`) };
    }
    switch (status) {
        case 200:
            return whole(headers, have, wanted);
        case 206:
            return rest(headers, have, wanted);
        case 416:
            return beyond(headers, have, wanted);
        default:
            return { kind: "refused", error: refusalOf(wanted.name, status, headers) };
    }
}

function noteOf(headers: IncomingHttpHeaders, of: string, total: number | undefined): Note {
    const { etag, "last-modified": modified } = headers;
    return { of, ...(etag === undefined ? {} : { etag }), ...(modified === undefined ? {} : { modified }), ...(total === undefined ? {} : { total }) };
}

/** Nothing that both name differs, and at least one thing is named by both. */
function isSame(note: Note, headers: IncomingHttpHeaders): boolean {
    const pairs = [[note.etag, headers.etag], [note.modified, headers["last-modified"]]].filter(([a, b]) => a !== undefined && b !== undefined);
    return pairs.length > 0 && pairs.every(([a, b]) => a === b);
}

function whole(headers: IncomingHttpHeaders, have: Have, wanted: Wanted): Verdict {
    const length = /^\d{1,15}$/.test(headers["content-length"] ?? "") ? Number(headers["content-length"]) : undefined;
    const total = wanted.size ?? have.note?.total;
    const { bytes, note } = have;
    // Some proxies answer a request for the rest with status 200 and the rest: its length says so.
    if (bytes > 0 && note !== undefined && total !== undefined && length === total - bytes && length !== total && (wanted.sha256 !== undefined || isSame(note, headers))) {
        return { kind: "receive", from: bytes, note };
    }
    if (wanted.size !== undefined && length !== undefined && length !== wanted.size) {
        const error = badGateway(`${wanted.url.host} offers ${length} bytes for ${wanted.name} instead of ${wanted.size}: a proxy or a login page may have answered.`);
        return { kind: "refused", error };
    }
    return { kind: "receive", from: 0, note: noteOf(headers, have.of, wanted.size ?? length) };
}

function rest(headers: IncomingHttpHeaders, have: Have, wanted: Wanted): Verdict {
    const [, start, size] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(headers["content-range"] ?? "") ?? [];
    const total = size === undefined || size === "*" ? undefined : Number(size);
    const known = wanted.size ?? have.note?.total;
    const { note } = have;
    if (note === undefined || start === undefined || Number(start) !== have.bytes) {
        return { kind: "restart", why: "the server sends another range than the one that was asked for" };
    }
    const differs = (a: string | number | undefined, b: string | number | undefined): boolean => a !== undefined && b !== undefined && a !== b;
    if (differs(total, known) || (wanted.sha256 === undefined && (differs(note.etag, headers.etag) || differs(note.modified, headers["last-modified"])))) {
        return { kind: "restart", why: "the file on the server has changed" };
    }
    return { kind: "receive", from: have.bytes, note: { ...note, ...(total === undefined ? {} : { total }) } };
}

function beyond(headers: IncomingHttpHeaders, have: Have, wanted: Wanted): Verdict {
    const [, size] = /^bytes \*\/(\d{1,15})$/.exec(headers["content-range"] ?? "") ?? [];
    const total = size === undefined ? (wanted.size ?? have.note?.total ?? have.bytes) : Number(size);
    return total === have.bytes ? { kind: "complete" } : { kind: "restart", why: "the file on the server has changed" };
}
