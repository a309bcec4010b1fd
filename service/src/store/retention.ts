/** Deletes old rows, hourly. */

import type { Database } from "./database.js";

const HOUR_MSEC = 3_600_000;
const DAY_MSEC = 86_400_000;

export function deleteBefore(database: Database, ts: number): void {
    database.attempt((db) => {
        database.transaction(db, () => {
            for (const [table, extra] of [["log", "logExtra"], ["prompt", "promptExtra"], ["prompt", "promptRequestId"]]) {
                db.prepare(`DELETE FROM ${extra} WHERE id IN (SELECT id FROM ${table} WHERE ts < ?)`).run(ts);
            }
            for (const table of ["log", "prompt"]) {
                db.prepare(`DELETE FROM ${table} WHERE ts < ?`).run(ts);
            }
        });
    });
}

/** Now and every hour. @returns what ends it */
export function startRetention(database: Database, liveDay: number): () => void {
    const sweep = (): void => deleteBefore(database, Date.now() - liveDay * DAY_MSEC);
    sweep();
    const timer = setInterval(sweep, HOUR_MSEC);
    timer.unref();
    return () => clearInterval(timer);
}
