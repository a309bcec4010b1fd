/** Runs a script in its own thread, with limits on its time and memory. */

import { Worker } from "node:worker_threads";
import { messageOf } from "./errors.js";

export interface ThreadLimits {
    readonly timeMsec: number;
    /** Of JavaScript's heap. */
    readonly memoryMb: number;
}

function faultOf(thrown: unknown, { memoryMb }: ThreadLimits): Error {
    const isMemory = (thrown as { code?: unknown }).code === "ERR_WORKER_OUT_OF_MEMORY";
    return new Error(isMemory ? `it needs more than ${memoryMb} MB` : messageOf(thrown));
}

/**
 * @param script a module; reads `workerData` and posts `{text}` or `{fault}` once
 * @throws Error with the fault or why it was stopped; `signal.reason` when aborted
 */
export async function runInThread(script: URL, workerData: object, limits: ThreadLimits, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const worker = new Worker(script, {
        // The script gets nothing of the service's environment, and its output is not printed.
        env: {},
        argv: [],
        stdin: true,
        stdout: true,
        stderr: true,
        resourceLimits: { maxOldGenerationSizeMb: limits.memoryMb, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 },
        workerData,
    });
    let timer: NodeJS.Timeout | undefined;
    let abort: (() => void) | undefined;
    try {
        return await new Promise<string>((resolve, reject) => {
            timer = setTimeout(() => reject(new Error(`it did not end within ${limits.timeMsec / 1000} s`)), limits.timeMsec);
            abort = () => reject(signal.reason as Error);
            signal.addEventListener("abort", abort, { once: true });
            worker.once("message", ({ text, fault }: { text?: string; fault?: string }) => {
                if (fault === undefined) {
                    resolve(text ?? "");
                } else {
                    reject(new Error(fault));
                }
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
