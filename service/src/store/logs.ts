/** Tables log and logExtra. */

import type { LogRow } from "../log.js";
import type { Database } from "./database.js";
import { pagesOf } from "./pages.js";
import type { IdRange, Row } from "./protocol.js";

/** Another program may have written `data`. */
function requestIdIn(data: unknown): { requestId?: string } {
    try {
        const { requestId } = JSON.parse(typeof data === "string" ? data : "{}") as { requestId?: unknown };
        return typeof requestId === "string" ? { requestId } : {};
    } catch {
        return {};
    }
}

export class LogTable {
    public constructor(private readonly database: Database) {}

    public add(row: LogRow): void {
        this.database.write({ table: "log", row });
    }

    /** Newest first. */
    public async byId(range: IdRange): Promise<readonly Row[]> {
        return this.database.ask("byId", { table: "log", ...range });
    }

    /** `from` to before `to`, milliseconds since the epoch, oldest first, in pages. */
    public async *between(from: number, to: number): AsyncGenerator<LogRow[]> {
        for await (const rows of pagesOf(this.database, "log", from, to)) {
            yield rows.map(({ data, ...row }) => ({ ...(row as unknown as LogRow), ...requestIdIn(data) }));
        }
    }
}
