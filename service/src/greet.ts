/** The first lines of the log: what runs here, on what. */

import { arch, platform } from "node:os";
import type { Log } from "./log.js";

interface Facts {
    readonly version: string;
    /** With the reason why. */
    readonly backend: string;
    readonly threads: number;
    /** Of the database. */
    readonly data: string;
    readonly models: string;
    /** Of the configuration. */
    readonly notes: readonly string[];
}

export function greet(log: Log, { version, backend, threads, data, models, notes }: Facts): void {
    log.write("info", "core", `mentator-llm-service ${version}, Node ${process.versions.node}, ${platform()} ${arch()}`);
    log.write("info", "core", `backend ${backend}`);
    log.write("info", "core", `${threads} threads, data in ${data}, models in ${models}`);
    notes.forEach((note) => log.write("info", "core", note));
}
