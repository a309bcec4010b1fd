/** Figures about requests, from rows of table prompt. Pure. */

export interface PromptTimes {
    readonly ts: number;
    readonly durationPromptMsec: number;
    readonly durationQueueMsec: number;
    readonly code: number;
}

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

function average(values: readonly number[]): number {
    return values.length === 0 ? 0 : Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
}

/** By nearest rank: the smallest value that 95 % of all do not exceed. */
export function percentile95(values: readonly number[]): number {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
}

/** Of the rows since `from`, milliseconds since the epoch. */
export function statistics(rows: readonly PromptTimes[], from: number): Statistics {
    const counted = rows.filter((row) => row.ts >= from);
    const success = counted.filter((row) => row.code === 200).length;
    const prompt = counted.map((row) => row.durationPromptMsec);
    const queue = counted.map((row) => row.durationQueueMsec);
    return {
        total: counted.length,
        success,
        failed: counted.length - success,
        avgPromptDuration: average(prompt),
        avgQueueDuration: average(queue),
        p95PromptDuration: percentile95(prompt),
        p95QueueDuration: percentile95(queue),
    };
}
