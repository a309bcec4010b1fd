/** Runs one call of a tool in a thread of its own, with an end to its time, memory and answer. */

import { Worker } from "node:worker_threads";
import { messageOf } from "../errors.js";
import { SANDBOX } from "./sandbox.js";

export interface Limits {
    readonly timeMsec: number;
    /** Of JavaScript's heap. */
    readonly memoryMb: number;
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

function faultOf(thrown: unknown, { memoryMb }: Limits): Error {
    const isMemory = (thrown as { code?: unknown }).code === "ERR_WORKER_OUT_OF_MEMORY";
    return new Error(isMemory ? `it needs more than ${memoryMb} MB` : messageOf(thrown));
}

/** @throws Error with the tool's own words or why it was ended; may hold secrets */
export async function runTool(call: Call, signal: AbortSignal, limits = LIMITS): Promise<string> {
    signal.throwIfAborted();
    const worker = new Worker(SANDBOX, {
        eval: true,
        // Nothing of the service's environment, and nothing of what it prints.
        env: {},
        argv: [],
        execArgv: [],
        stdin: true,
        stdout: true,
        stderr: true,
        resourceLimits: { maxOldGenerationSizeMb: limits.memoryMb, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 },
        workerData: {
            source: call.source,
            args: JSON.stringify(call.args ?? {}),
            secrets: JSON.stringify(call.secrets),
            mostCharacters: limits.characters,
        },
    });
    let timer: NodeJS.Timeout | undefined;
    let abort: (() => void) | undefined;
    try {
        return await new Promise<string>((resolve, reject) => {
            timer = setTimeout(() => reject(new Error(`it did not end within ${limits.timeMsec / 1000} s`)), limits.timeMsec);
            abort = () => reject(signal.reason as Error);
            signal.addEventListener("abort", abort, { once: true });
            worker.once("message", ({ text, fault }: { text?: string; fault?: string }) => {
                if (fault !== undefined) {
                    reject(new Error(fault));
                    return;
                }
                const whole = text ?? "";
                resolve(whole.length > limits.characters ? `${whole.slice(0, limits.characters)}...` : whole);
            });
            worker.once("error", (thrown) => reject(faultOf(thrown, limits)));
            worker.once("exit", () => reject(new Error("it ended without an answer")));
        });
    } finally {
        clearTimeout(timer);
        if (abort !== undefined) {
            signal.removeEventListener("abort", abort);
        }
        await worker.terminate();
    }
}
