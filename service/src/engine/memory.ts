/** Memory that this process may use: main memory, and that of the GPUs. */

import { readFileSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import type { Llama } from "node-llama-cpp";

export interface Memory {
    /** Bytes: the machine's, or the container's limit. */
    readonly total: number;
    /** Bytes: of these, what is left. */
    readonly free: number;
}

/** Left free for Node, buffers and the kernel. */
const MARGIN_BYTES = 128 * 1024 ** 2;

/**
 * @param machine total and available (caches count as available), bytes
 * @param limit of the container, bytes; 0, or more than the machine has: no limit
 * @param resident what the processes of the service hold, bytes
 */
export function memoryOf(machine: Memory, limit: number, resident: number): Memory {
    const limited = limit > 0 && limit < machine.total;
    const free = limited ? Math.min(machine.free, limit - resident) : machine.free;
    return { total: limited ? limit : machine.total, free: Math.max(0, free - MARGIN_BYTES) };
}

/** Resident memory, bytes. @param status what /proc/PID/status holds; 0 where it does not say */
export function residentOf(status: string): number {
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Of the process that started this one: the service, which a container's limit counts as well. */
function residentOfParent(): number {
    try {
        return residentOf(readFileSync(`/proc/${process.ppid}/status`, "latin1"));
    } catch {
        return 0;
    }
}

export function memoryOfThisProcess(): Memory {
    const machine = { total: totalmem(), free: freemem() };
    return memoryOf(machine, process.constrainedMemory(), process.memoryUsage.rss() + residentOfParent());
}

/** What a model computes in. */
export async function memoryFor(llama: Llama, onGpu: boolean): Promise<Memory> {
    return onGpu ? llama.getVramState() : memoryOfThisProcess();
}

/** For messages. */
export function megabytes(bytes: number): string {
    return `${Math.ceil(bytes / 1024 ** 2)} MB`;
}
