/** Loads node-llama-cpp's native part for exactly one backend. */

import type { Llama } from "node-llama-cpp";
import type { Backend } from "../backend/backend.js";
import { messageOf, StartError } from "../errors.js";
import { Proof } from "../gpu/proof.js";
import type { Kind, Log } from "../log.js";
import { type Library, loadLibrary } from "./library.js";

export interface Runtime {
    readonly library: Library;
    readonly llama: Llama;
}

/** llama.cpp logs much that is normal as a warning, so its warnings are debug messages here. */
const KIND_OF: Readonly<Record<string, Kind>> = { fatal: "error", error: "error", warn: "debug" };

function refuse(backend: Backend, why: string): StartError {
    const forgotten = new Proof(backend.proofFile).forget();
    return new StartError(3, [
        `The ${backend.mode.name} backend cannot be used: ${why}`,
        `It was chosen because: ${backend.reason}`,
        "The service does not fall back to the CPU by itself. Give the container the device and a driver that fits, or set MENTATOR_BACKEND=cpu.",
        ...(forgotten ? ["The remembered test of this backend was deleted: the next start tests it again."] : []),
    ]);
}

/**
 * @param threads for computing; node-llama-cpp's own choice looks at the machine, not at the container's quota
 * @throws StartError with exit code 3
 */
export async function openRuntime(backend: Backend, threads: number, log: Log): Promise<Runtime> {
    const library = await loadLibrary();
    let llama: Llama;
    try {
        llama = await library.getLlama({
            // Never "auto": that only looks for files, and never finds AMD.
            gpu: backend.mode.gpu,
            build: "never",
            skipDownload: true,
            usePrebuiltBinaries: true,
            progressLogs: false,
            maxThreads: threads,
            logLevel: library.LlamaLogLevel.warn,
            logger: (level, message) => log.write(KIND_OF[level] ?? "trace", "llama", message),
        });
    } catch (thrown) {
        throw refuse(backend, messageOf(thrown));
    }
    if (llama.gpu !== backend.mode.gpu) {
        const got = llama.gpu === false ? "cpu" : llama.gpu;
        await llama.dispose();
        throw refuse(backend, `the native library runs on ${got} instead`);
    }
    return { library, llama };
}
