/** /log/*: the service's own log and the log of prompts, as JSON. */

import { formatLine } from "../../log.js";
import { hourName, spanOf } from "../hours.js";
import type { Routes } from "../server.js";

/** Rows of one answer, at most. */
const MOST_ROWS = 200;

interface ById {
    readonly afterId?: number;
    readonly limit: number;
}

interface ByDate {
    readonly date: string;
    readonly hour?: string;
}

const BY_ID = {
    type: "object",
    properties: { afterId: { type: "integer", minimum: 0 }, limit: { type: "integer", minimum: 1, default: MOST_ROWS } },
} as const;

const BY_DATE = {
    type: "object",
    required: ["date"],
    properties: { date: { type: "string" }, hour: { type: "string" } },
} as const;

export const logRoutes: Routes = (server, { logTable, promptTable }) => {
    server.get<{ Querystring: ById }>("/log/core/byid", { schema: { querystring: BY_ID } }, ({ query }) => ({
        logs: logTable.byId(query.afterId, Math.min(query.limit, MOST_ROWS)),
    }));

    server.get<{ Querystring: ById }>("/log/chat/byid", { schema: { querystring: BY_ID } }, ({ query }) => ({
        logs: promptTable.byId(query.afterId, Math.min(query.limit, MOST_ROWS)),
    }));

    // One text a hour, as a log file would be.
    server.get<{ Querystring: ByDate }>("/log/core/bydate", { schema: { querystring: BY_DATE } }, ({ query }) => {
        const { from, to } = spanOf(query.date, query.hour);
        const files = new Map<string, string[]>();
        for (const row of logTable.between(from, to)) {
            const filename = `${hourName(row.ts)}.log`;
            files.set(filename, [...(files.get(filename) ?? []), formatLine(row)]);
        }
        return [...files].map(([filename, lines]) => ({ filename, content: lines.join("\n") + "\n" }));
    });

    // One text a prompt.
    server.get<{ Querystring: ByDate }>("/log/chat/bydate", { schema: { querystring: BY_DATE } }, ({ query }) => {
        const { from, to } = spanOf(query.date, query.hour);
        return promptTable.between(from, to).map((row) => ({
            filename: `${hourName(Number(row["ts"]))}-${String(row["id"])}.json`,
            content: JSON.stringify(row, null, 2),
        }));
    });

    server.delete("/log/chat", () => ({ deleted: promptTable.clear() }));
};
