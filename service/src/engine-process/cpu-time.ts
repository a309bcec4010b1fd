/** How long a process has computed, as Linux tells it. */

import { readFileSync } from "node:fs";

/** Of a tick of /proc: 100 a second on every Linux that Node runs on (`getconf CLK_TCK`). */
const TICK_MSEC = 10;

/** @param stat what /proc/PID/stat holds; the name in it may have spaces and brackets */
export function parseStat(stat: string): number | undefined {
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // After the name: utime is the 12th field, stime the 13th, of all threads.
    const ticks = Number(fields[11]) + Number(fields[12]);
    return Number.isFinite(ticks) ? ticks * TICK_MSEC : undefined;
}

/** Milliseconds of all its threads; undefined where that cannot be read. */
export function processorMsec(pid: number): number | undefined {
    try {
        return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
    } catch {
        return undefined;
    }
}
