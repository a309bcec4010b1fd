/** Runs one call of a tool in its own thread, with limits on its time, memory and answer. */

import { runInThread, type ThreadLimits } from "../thread.js";
import { SANDBOX } from "./sandbox.js";

export interface Limits extends ThreadLimits {
    /** Of the answer; more is cut. */
    readonly characters: number;
}

export const LIMITS: Limits = { timeMsec: 30_000, memoryMb: 64, characters: 65_536 };

export interface Call {
    /** An expression that gives the tool's function; see `functionSource`. */
    readonly source: string;
    readonly args: unknown;
    /** By name. */
    readonly secrets: object;
}

/** @throws Error with the tool's own message or why it was stopped; may contain secrets */
export async function runTool(call: Call, signal: AbortSignal, limits = LIMITS): Promise<string> {
    const given = {
        source: call.source,
        args: JSON.stringify(call.args ?? {}),
        secrets: JSON.stringify(call.secrets),
        mostCharacters: limits.characters,
    };
    const text = await runInThread(SANDBOX, given, limits, signal);
    return text.length > limits.characters ? `${text.slice(0, limits.characters)}...` : text;
}
