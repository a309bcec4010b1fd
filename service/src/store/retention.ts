/** Deletes old rows, hourly. Prompts only where the configuration asks for it, and not before the log has told. */

import { messageOf } from "../errors.js";
import type { Log } from "../log.js";
import type { Database } from "./database.js";

const HOUR_MSEC = 3_600_000;
const DAY_MSEC = 86_400_000;

export interface Days {
    /** Rows of the service's log are kept this long. */
    readonly log: number;
    /** Prompts; 0: for ever. */
    readonly prompts: number;
    /** Answers of /v1/responses, hours; 0: none is kept. */
    readonly responseHours: number;
}

/** Rows of the log; prompts too when `withPrompts`. */
export async function sweep(database: Database, log: Log, days: Days, withPrompts: boolean): Promise<void> {
    try {
        const now = Date.now();
        await database.ask("remove", { table: "log", before: now - days.log * DAY_MSEC });
        await database.ask("forgetResponses", { before: now - days.responseHours * HOUR_MSEC });
        if (withPrompts && days.prompts > 0) {
            const removed = await database.ask("remove", { table: "prompt", before: now - days.prompts * DAY_MSEC });
            if (removed > 0) {
                log.write("info", "db", `deleted ${removed} prompts older than ${days.prompts} days (log.promptLiveDay)`);
            }
        }
    } catch (thrown) {
        log.printOnly("warn", "db", `old rows were not deleted: ${messageOf(thrown)}`);
    }
}

/** Says what will be deleted, while it can still be prevented. */
export async function announce(database: Database, log: Log, days: Days): Promise<void> {
    const kept = `rows of the log are kept for ${days.log} days (log.liveDay)`;
    if (days.prompts === 0) {
        log.write("info", "db", `${kept}, prompts for ever (log.promptLiveDay is 0)`);
        return;
    }
    const old = await database.ask("count", { table: "prompt", before: Date.now() - days.prompts * DAY_MSEC }).catch(() => 0);
    log.write(
        old > 0 ? "warn" : "info",
        "db",
        `${kept}, prompts for ${days.prompts} days (log.promptLiveDay)${old > 0 ? `: ${old} prompts are older and will be deleted in an hour; set it to 0 to keep them` : ""}`,
    );
}

/** The log's rows now, prompts in an hour, and then hourly. @returns what ends it */
export function startRetention(database: Database, log: Log, days: Days): () => void {
    void announce(database, log, days).then(() => sweep(database, log, days, false));
    const timer = setInterval(() => void sweep(database, log, days, true), HOUR_MSEC);
    timer.unref();
    return () => clearInterval(timer);
}
