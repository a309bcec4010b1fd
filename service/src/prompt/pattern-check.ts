/**
 * Checks values against schemas with patterns, in a thread that can be stopped: a pattern like ^(a+)+$ may take
 * longer than the service runs, and cannot be stopped in its own thread.
 */

import { badRequest, messageOf } from "../errors.js";
import { runInThread } from "../thread.js";
import { Turns } from "../tools/turns.js";

/** Most of the time is the start of the thread, about 0.1 s; more on a busy machine. */
const LIMITS = { timeMsec: 5000, memoryMb: 64 } as const;

/** Threads at once: the model needs the processors. */
const MOST_AT_ONCE = 2;

/** workerData: where to look for ajv, its module and settings; schema and value as JSON. */
const SCRIPT = String.raw`
"use strict";
const { parentPort, workerData } = require("node:worker_threads");
const { from, module, settings, schema, value } = workerData;
const Ajv = require("node:module").createRequire(from)(module).default;
const ajv = new Ajv(settings);
const check = ajv.compile(JSON.parse(schema));
parentPort.postMessage({ text: check(JSON.parse(value)) ? "" : ajv.errorsText(check.errors, { dataVar: "answer", separator: "; " }) });
`;

const KEYWORDS = new Set(["pattern", "patternProperties"]);

const turns = new Turns(MOST_AT_ONCE);

/** Also true where the word is not used as a keyword: the check then takes longer, and is still right. */
export function hasPattern(schema: unknown): boolean {
    if (typeof schema !== "object" || schema === null) {
        return false;
    }
    return Object.entries(schema).some(([key, value]) => KEYWORDS.has(key) || hasPattern(value));
}

/** Of ajv. */
interface Dialect {
    readonly module: string;
    readonly settings: object;
}

/** Why the value is not valid, or "". @throws ServiceError 400 when that takes too long, `signal.reason` */
export async function checkPatterns({ module, settings }: Dialect, schema: object, value: unknown, signal: AbortSignal): Promise<string> {
    const given = { from: import.meta.url, module, settings, schema: JSON.stringify(schema), value: JSON.stringify(value) };
    try {
        return await turns.take(signal, async () => runInThread(SCRIPT, given, LIMITS, signal));
    } catch (thrown) {
        signal.throwIfAborted();
        throw badRequest(`The answer cannot be checked against format.jsonSchema: ${messageOf(thrown)}. A pattern may take too long: make it simpler.`);
    }
}
