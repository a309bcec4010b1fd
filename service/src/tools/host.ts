/** What a tool's code may ask of Node: values of JSON in, a value of JSON out. Everything is bounded. */

import { createHash, createHmac, randomBytes, randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Access } from "./access.js";
import { askFiles } from "./file-access.js";

/** Characters of one question, and bytes of one answer. */
export const MOST = 1_048_576;

/** What `setTimeout` takes. */
const LONGEST_MSEC = 2_147_483_647;

const PATHS = ["join", "normalize", "resolve", "basename", "dirname", "extname", "relative", "isAbsolute", "parse", "format"] as const;

type Encoding = "utf8" | "latin1" | "base64" | "base64url" | "hex";

const ENCODINGS: Readonly<Record<string, Encoding>> = {
    "utf8": "utf8",
    "utf-8": "utf8",
    "latin1": "latin1",
    "binary": "latin1",
    "ascii": "latin1",
    "base64": "base64",
    "base64url": "base64url",
    "hex": "hex",
};

function encodingOf(name: unknown): Encoding {
    const found = typeof name === "string" && Object.hasOwn(ENCODINGS, name.toLowerCase()) ? ENCODINGS[name.toLowerCase()] : undefined;
    if (found === undefined) {
        throw new Error(`there is no encoding ${String(name).slice(0, 40)}`);
    }
    return found;
}

function text(value: unknown): string {
    if (typeof value !== "string") {
        throw new Error(`a text is needed, not ${typeof value}`);
    }
    return value;
}

async function readBody(response: Response): Promise<string> {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        bytes += part.length;
        if (bytes > MOST) {
            throw new Error(`the answer is larger than ${MOST} bytes`);
        }
        parts.push(part);
    }
    return Buffer.concat(parts).toString("utf8");
}

async function request([url, method, headers, body]: readonly unknown[], access: Access): Promise<object> {
    if (!access.http) {
        throw new Error("it may not reach the network: the configuration says tools.http: false");
    }
    const sent = body === undefined || body === null ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(text(url), { method: text(method), headers: headers as Record<string, string>, ...(sent === undefined ? {} : { body: sent }) });
    const { ok, status, statusText } = response;
    return { ok, status, statusText, url: response.url, headers: Object.fromEntries(response.headers), text: await readBody(response) };
}

/** Questions that are answered at once. @throws Error for the tool */
export function answerNow(name: string, given: readonly unknown[], access: Access): unknown {
    const [first, second, third, fourth] = given;
    switch (name) {
        case "recode":
            return Buffer.from(text(first), encodingOf(second)).toString(encodingOf(third));
        case "hash":
            return createHash(text(first)).update(text(second), "latin1").digest(encodingOf(third) as "hex");
        case "hmac":
            return createHmac(text(first), Buffer.from(text(second), "latin1")).update(text(third), "latin1").digest(encodingOf(fourth) as "hex");
        case "uuid":
            return randomUUID();
        case "random":
            if (!Number.isInteger(first) || (first as number) < 0 || (first as number) > 65_536) {
                throw new Error("0 to 65536 random bytes come at once");
            }
            return randomBytes(first as number).toString("latin1");
        case "path": {
            const method = PATHS.find((known) => known === first) ?? "join";
            const rest = given.slice(1);
            // The service's own folder is nobody's business.
            const rooted = method === "resolve" ? ["/", ...rest] : method === "relative" ? rest.map((part) => path.posix.resolve("/", text(part))) : rest;
            return (path.posix[method] as (...given: unknown[]) => unknown)(...rooted);
        }
        case "fs":
            return askFiles(text(first), text(second), given.slice(2), access);
        default:
            throw new Error(`there is no ${name}`);
    }
}

/** Questions that take time. */
export async function answerLater(name: string, given: readonly unknown[], access: Access): Promise<unknown> {
    switch (name) {
        case "fetch":
            return request(given, access);
        case "sleep":
            return sleep(Math.min(Math.max(Number(given[0]) || 0, 0), LONGEST_MSEC), null);
        default:
            throw new Error(`there is no ${name}`);
    }
}
