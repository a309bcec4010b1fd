/** /log/*: the service's own log and the log of prompts, as JSON. */

import { formatLine } from "../../log.js";
import { answers } from "../answers.js";
import { hourName, spanOf } from "../hours.js";
import type { Routes } from "../routes.js";

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
    properties: {
        afterId: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: "Rows after this one; absent: the newest" },
        limit: { type: "integer", minimum: 1, default: MOST_ROWS, description: `At most ${MOST_ROWS} rows come, whatever it says` },
    },
} as const;

const BY_DATE = {
    type: "object",
    required: ["date"],
    properties: {
        date: { type: "string", pattern: "^[0-9]{8}$", description: "YYYYMMDD, UTC", examples: ["20260131"] },
        hour: { type: "string", pattern: "^([01]?[0-9]|2[0-3])$", description: "00..23; absent: the whole day" },
    },
} as const;

const ID_AND_TIME = {
    id: { type: "integer" },
    ts: { type: "integer", description: "Milliseconds since the epoch" },
} as const;

const TEXT_OR_NULL = { type: ["string", "null"] } as const;

function rows(properties: object): object {
    const row = { type: "object", required: Object.keys(properties), properties };
    return { type: "object", required: ["logs"], properties: { logs: { type: "array", maxItems: MOST_ROWS, items: row } } };
}

const CORE_ROWS = rows({
    ...ID_AND_TIME,
    pipe: { type: "string" },
    kind: { type: "string", enum: ["error", "warn", "info", "debug", "trace"] },
    message: { type: "string" },
    data: { ...TEXT_OR_NULL, description: "JSON" },
});

const CHAT_ROWS = rows({
    ...ID_AND_TIME,
    durationPromptMsec: { type: "integer" },
    durationQueueMsec: { type: "integer" },
    code: { type: "integer", description: "HTTP status" },
    request: { ...TEXT_OR_NULL, description: "JSON; null unless log.savePrompt is set" },
    response: { ...TEXT_OR_NULL, description: "JSON" },
    answerRaw: { ...TEXT_OR_NULL, description: "The model's text" },
    requestId: TEXT_OR_NULL,
});

const FILES = {
    type: "array",
    items: {
        type: "object",
        required: ["filename", "content"],
        properties: { filename: { type: "string" }, content: { type: "string" } },
    },
} as const;

const DELETED = { type: "object", required: ["deleted"], properties: { deleted: { type: "integer", minimum: 0 } } } as const;

/** A call in the OpenAPI document, with the schema of its query. */
function call(summary: string, good: object, querystring?: object): { schema: object } {
    return { schema: { tags: ["log"], summary, ...(querystring === undefined ? {} : { querystring }), response: answers(good) } };
}

export const logRoutes: Routes = (server, { logTable, promptTable }) => {
    server.get<{ Querystring: ById }>("/log/core/byid", call("The service's log, oldest row first", CORE_ROWS, BY_ID), ({ query }) => ({
        logs: logTable.byId(query.afterId, Math.min(query.limit, MOST_ROWS)),
    }));

    server.get<{ Querystring: ById }>("/log/chat/byid", call("Prompts, oldest first", CHAT_ROWS, BY_ID), ({ query }) => ({
        logs: promptTable.byId(query.afterId, Math.min(query.limit, MOST_ROWS)),
    }));

    // One text an hour, like a log file.
    server.get<{ Querystring: ByDate }>("/log/core/bydate", call("The service's log as one text an hour", FILES, BY_DATE), ({ query }) => {
        const { from, to } = spanOf(query.date, query.hour);
        const files = new Map<string, string[]>();
        for (const row of logTable.between(from, to)) {
            const filename = `${hourName(row.ts)}.log`;
            files.set(filename, [...(files.get(filename) ?? []), formatLine(row)]);
        }
        return [...files].map(([filename, lines]) => ({ filename, content: lines.join("\n") + "\n" }));
    });

    // One text a prompt.
    server.get<{ Querystring: ByDate }>("/log/chat/bydate", call("Prompts as one text each", FILES, BY_DATE), ({ query }) => {
        const { from, to } = spanOf(query.date, query.hour);
        return promptTable.between(from, to).map((row) => ({
            filename: `${hourName(Number(row["ts"]))}-${String(row["id"])}.json`,
            content: JSON.stringify(row, null, 2),
        }));
    });

    server.delete("/log/chat", call("Deletes every prompt, with its times", DELETED), () => ({ deleted: promptTable.clear() }));
};
