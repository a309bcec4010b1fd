/** Tables log and logExtra. */

import type { LogRow } from "../log.js";
import type { Database, Row } from "./database.js";

const SELECT = "SELECT log.id, ts, pipe, kind, message, data FROM log LEFT JOIN logExtra ON logExtra.id = log.id";

/** Another program may have written `data`. */
function requestIdIn(data: string | null): { requestId?: string } {
    try {
        const { requestId } = JSON.parse(data ?? "{}") as { requestId?: unknown };
        return typeof requestId === "string" ? { requestId } : {};
    } catch {
        return {};
    }
}

export class LogTable {
    public constructor(private readonly database: Database) {}

    public add(row: LogRow): void {
        this.database.attempt((db) => {
            const insert = db.prepare("INSERT INTO log (ts, pipe, kind, message) VALUES (?, ?, ?, ?)");
            const { lastInsertRowid } = insert.run(row.ts, row.pipe, row.kind, row.message);
            if (row.requestId !== undefined) {
                db.prepare("INSERT INTO logExtra (id, data) VALUES (?, ?)").run(lastInsertRowid, JSON.stringify({ requestId: row.requestId }));
            }
        });
    }

    /** Rows after `afterId`, oldest first; without it the newest ones, oldest first too. */
    public byId(afterId: number | undefined, limit: number): Row[] {
        return this.database.must((db) =>
            afterId === undefined
                ? (db.prepare(`${SELECT} ORDER BY log.id DESC LIMIT ?`).all(limit) as Row[]).reverse()
                : (db.prepare(`${SELECT} WHERE log.id > ? ORDER BY log.id LIMIT ?`).all(afterId, limit) as Row[]),
        );
    }

    /** `from` to before `to`, milliseconds since the epoch. */
    public between(from: number, to: number): LogRow[] {
        const rows = this.database.must(
            (db) => db.prepare(`${SELECT} WHERE ts >= ? AND ts < ? ORDER BY log.id`).all(from, to) as unknown as (LogRow & { data: string | null })[],
        );
        return rows.map(({ data, ...row }) => ({ ...row, ...requestIdIn(data) }));
    }
}
