/** Runs one call of a tool in its own thread, with limits on its time, memory and answer. */

import { runInThread } from "../thread.js";
import { type Access, NO_FILES } from "./access.js";
import type { SandboxCall } from "./sandbox.js";

export interface Limits {
    readonly timeMsec: number;
    /** Of the tool's values. */
    readonly memoryMb: number;
    /** Of the answer; more is cut. */
    readonly characters: number;
}

export const LIMITS: Limits = { timeMsec: 30_000, memoryMb: 64, characters: 65_536 };

/** Of the thread's own JavaScript heap: texts that go in and out. */
const THREAD_MB = 128;

export interface Call {
    /** An expression that gives the tool's function; see `functionSource`. */
    readonly source: string;
    readonly args: unknown;
    /** By name. */
    readonly secrets: object;
    readonly access?: Access;
}

/** @throws Error with the tool's own message or why it was stopped; may contain secrets */
export async function runTool(call: Call, signal: AbortSignal, limits = LIMITS): Promise<string> {
    const given: SandboxCall = {
        source: call.source,
        args: JSON.stringify(call.args ?? {}),
        secrets: JSON.stringify(call.secrets),
        access: call.access ?? NO_FILES,
        mostCharacters: limits.characters,
        memoryMb: limits.memoryMb,
        timeMsec: limits.timeMsec,
    };
    const thread = { timeMsec: limits.timeMsec, memoryMb: THREAD_MB };
    const text = await runInThread(new URL("./worker.js", import.meta.url), given, thread, signal);
    return text.length > limits.characters ? `${text.slice(0, limits.characters)}...` : text;
}
