/** /log/*: the service's own log and the log of prompts, as JSON. */

import type { FastifyReply } from "fastify";
import type { IdRange } from "../../store/protocol.js";
import { answers, PLAIN_ERRORS } from "../answers.js";
import { spanOf } from "../hours.js";
import { coreFiles, type LogFile, promptFiles, streamOf } from "../log-files.js";
import type { Routes } from "../routes.js";

/** Rows of one answer, at most. */
const MOST_ROWS = 200;

/** An empty text is as good as none: forms send it. */
interface ById {
    readonly afterId?: number | "";
    readonly beforeId?: number | "";
    readonly limit?: number | "";
}

interface ByDate {
    readonly date: string;
    readonly hour?: string;
}

const ID = { anyOf: [{ type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER }, { const: "" }] } as const;

const BY_ID = {
    type: "object",
    properties: {
        afterId: { ...ID, description: "Rows after this one; absent, empty or 0: all" },
        beforeId: { ...ID, description: "And before this one, to read on backwards" },
        limit: { anyOf: [{ type: "integer", minimum: 1 }, { const: "" }], description: `The newest of them; at most ${MOST_ROWS}, whatever it says, and fewer where their texts are large: beforeId reads on` },
    },
} as const;

function rangeOf({ afterId, beforeId, limit }: ById): IdRange {
    const given = (value: number | "" | undefined): number | undefined => (value === "" || value === 0 ? undefined : value);
    const before = given(beforeId);
    return { afterId: given(afterId) ?? 0, ...(before === undefined ? {} : { beforeId: before }), limit: Math.min(given(limit) ?? MOST_ROWS, MOST_ROWS) };
}

const BY_DATE = {
    type: "object",
    required: ["date"],
    properties: {
        date: { type: "string", pattern: "^[0-9]{8}$", description: "YYYYMMDD, local time: that of the variable TZ", examples: ["20260131"] },
        hour: { type: "string", pattern: "^([01]?[0-9]|2[0-3])?$", description: "00..23; absent or empty: the whole day" },
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
function call(summary: string, good: object, querystring?: object): { config: { operator: true }; schema: object } {
    return { config: { operator: true }, schema: { tags: ["log"], summary, ...(querystring === undefined ? {} : { querystring }), response: answers(good, [...PLAIN_ERRORS, 503]) } };
}

export const logRoutes: Routes = (server, { logTable, promptTable }) => {
    const files = async ({ date, hour }: ByDate, read: (from: number, to: number) => AsyncGenerator<LogFile[]>, reply: FastifyReply): Promise<FastifyReply> => {
        const { from, to } = spanOf(date, hour);
        return reply.type("application/json; charset=utf-8").send(await streamOf(read(from, to)));
    };

    server.get<{ Querystring: ById }>("/log/core/byid", call("The service's log, newest row first", CORE_ROWS, BY_ID), async ({ query }) => ({
        logs: await logTable.byId(rangeOf(query)),
    }));

    server.get<{ Querystring: ById }>("/log/chat/byid", call("Prompts, newest first", CHAT_ROWS, BY_ID), async ({ query }) => ({
        logs: await promptTable.byId(rangeOf(query)),
    }));

    server.get<{ Querystring: ByDate }>("/log/core/bydate", call("The service's log as one text an hour", FILES, BY_DATE), async ({ query }, reply) =>
        files(query, (from, to) => coreFiles(logTable, from, to), reply),
    );

    server.get<{ Querystring: ByDate }>("/log/chat/bydate", call("Prompts as one text each", FILES, BY_DATE), async ({ query }, reply) =>
        files(query, (from, to) => promptFiles(promptTable, from, to), reply),
    );

    server.delete("/log/chat", call("Deletes every prompt, with its times", DELETED), async () => ({ deleted: await promptTable.clear() }));
};
