/** Figures about requests, from rows of table prompt, by SQL. */

import type { DatabaseSync } from "./sqlite.js";

/** Durations in milliseconds. */
export interface Statistics {
    readonly total: number;
    readonly success: number;
    readonly failed: number;
    readonly avgPromptDuration: number;
    readonly avgQueueDuration: number;
    readonly p95PromptDuration: number;
    readonly p95QueueDuration: number;
}

export const NO_STATISTICS: Statistics = {
    total: 0,
    success: 0,
    failed: 0,
    avgPromptDuration: 0,
    avgQueueDuration: 0,
    p95PromptDuration: 0,
    p95QueueDuration: 0,
};

/** Of the rows since `from`, milliseconds since the epoch. */
export function statistics(db: DatabaseSync, from: number): Statistics {
    const { total, success, prompt, queue } = db
        .prepare(
            "SELECT count(*) AS total, coalesce(sum(code = 200), 0) AS success, coalesce(avg(durationPromptMsec), 0) AS prompt, " +
                "coalesce(avg(durationQueueMsec), 0) AS queue FROM prompt WHERE ts >= ?",
        )
        .get(from) as { total: number; success: number; prompt: number; queue: number };
    /** By nearest rank: the smallest value that 95 % of all do not exceed. From the top, SQLite sorts only 5 % of them. */
    const percentile95 = (column: "durationPromptMsec" | "durationQueueMsec"): number => {
        const found = db
            .prepare(`SELECT ${column} AS value FROM prompt WHERE ts >= ? ORDER BY ${column} DESC LIMIT 1 OFFSET ?`)
            .get(from, total - Math.ceil(total * 0.95)) as { value: number } | undefined;
        return found?.value ?? 0;
    };
    return {
        total,
        success,
        failed: total - success,
        avgPromptDuration: Math.round(prompt),
        avgQueueDuration: Math.round(queue),
        p95PromptDuration: percentile95("durationPromptMsec"),
        p95QueueDuration: percentile95("durationQueueMsec"),
    };
}
