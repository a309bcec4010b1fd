/** Named API keys of a configuration: their form, and what is wrong with one. Pure. */

import { createHash } from "node:crypto";

/** A key of one client, beside the operator's `apiKey`. */
export interface NamedKey {
    /** In metrics and the log; never the key itself. */
    readonly name: string;
    /** SHA-256 of the key, 64 hexadecimal digits in lower case. */
    readonly sha256: string;
    /** May do what `apiKey` may: read logs, pull and delete models. */
    readonly operator: boolean;
    /** POST requests within a minute; 0: no limit. */
    readonly requestsPerMinute: number;
    /** POST requests that are not answered yet; 0: no limit. */
    readonly requestsAtOnce: number;
}

/** A row of the list as it is written. */
interface Written {
    readonly name?: unknown;
    readonly key?: unknown;
    readonly sha256?: unknown;
    readonly operator?: unknown;
    readonly requestsPerMinute?: unknown;
    readonly requestsAtOnce?: unknown;
}

const FIELDS = new Set(["name", "key", "sha256", "operator", "requestsPerMinute", "requestsAtOnce"]);
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const KEY = /^[\x21-\x7e]+$/;
const SHA256 = /^[0-9a-f]{64}$/i;
const MOST = 1_000_000;

/** Each name is a label of the metrics, which a monitoring system keeps for ever. */
const MOST_KEYS = 1000;

/** SHA-256, hexadecimal. */
export function digestOf(key: string): string {
    return createHash("sha256").update(key).digest("hex");
}

function isLimit(value: unknown): boolean {
    return value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MOST);
}

/** Without the key, which is a secret. */
function faultOfRow(row: unknown): string | undefined {
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
        return "must be an object with name and key";
    }
    const { name, key, sha256, operator, requestsPerMinute, requestsAtOnce } = row as Written;
    const unknown = Object.keys(row).find((field) => !FIELDS.has(field));
    if (unknown !== undefined) {
        return `has a field ${JSON.stringify(unknown.slice(0, 50))}, which is not known; the fields are ${[...FIELDS].join(", ")}`;
    }
    if (typeof name !== "string" || !NAME.test(name)) {
        return "needs a name: up to 64 letters, digits and . _ -";
    }
    if ((key === undefined) === (sha256 === undefined)) {
        return "needs either key or sha256";
    }
    if (key !== undefined && (typeof key !== "string" || !KEY.test(key))) {
        return "needs a key without spaces and control characters";
    }
    if (sha256 !== undefined && (typeof sha256 !== "string" || !SHA256.test(sha256))) {
        return "needs a sha256 of 64 hexadecimal digits";
    }
    if (operator !== undefined && typeof operator !== "boolean") {
        return "needs true or false for operator";
    }
    if (!isLimit(requestsPerMinute) || !isLimit(requestsAtOnce)) {
        return `needs integers 0..${MOST} for requestsPerMinute and requestsAtOnce`;
    }
    return undefined;
}

/** Why the list cannot be used; undefined when it can. */
export function faultOfKeys(value: unknown): string | undefined {
    if (!Array.isArray(value)) {
        return "must be a list of objects with name and key";
    }
    if (value.length > MOST_KEYS) {
        return `must hold at most ${MOST_KEYS} keys`;
    }
    for (const [index, row] of value.entries()) {
        const fault = faultOfRow(row);
        if (fault !== undefined) {
            return `item ${index + 1} ${fault}`;
        }
    }
    const keys = namedKeys(value);
    for (const field of ["name", "sha256"] as const) {
        const index = keys.findIndex((key, at) => keys.findIndex((other) => other[field] === key[field]) < at);
        if (index >= 0) {
            return `item ${index + 1} has the same ${field === "name" ? "name" : "key"} as one before it`;
        }
    }
    return undefined;
}

/** @param value a list without a fault */
export function namedKeys(value: unknown): NamedKey[] {
    return (value as Written[]).map(({ name, key, sha256, operator, requestsPerMinute, requestsAtOnce }) => ({
        name: name as string,
        sha256: key === undefined ? (sha256 as string).toLowerCase() : digestOf(key as string),
        operator: operator === true,
        requestsPerMinute: (requestsPerMinute ?? 0) as number,
        requestsAtOnce: (requestsAtOnce ?? 0) as number,
    }));
}
