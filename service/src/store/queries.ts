/** The questions of `protocol.ts` as SQL. Runs in the database's thread. */

import type { LogRow } from "../log.js";
import type { Exchange, Kind, Page, PromptRow, Row, Table } from "./protocol.js";
import { conversation, forgetResponses, keepResponse } from "./response-queries.js";
import type { DatabaseSync } from "./sqlite.js";
import { statistics } from "./statistics.js";

/** Rows of one page. */
const PAGE_ROWS = 500;

/** Characters of one page, beyond its last row. */
const PAGE_CHARACTERS = 2_000_000;

/** A file with fewer free pages than this part of all is not written anew. */
const VACUUM_FROM = 0.25;

/** Bytes of what stays: a larger file would be locked for too long. */
const VACUUM_MOST_BYTES = 1024 ** 3;

const SELECT: Readonly<Record<Table, string>> = {
    // Version 1.1.3 may have several rows of logExtra for one of log.
    log: "SELECT log.id, ts, pipe, kind, message, (SELECT data FROM logExtra WHERE logExtra.id = log.id LIMIT 1) AS data FROM log",
    prompt:
        "SELECT prompt.id, ts, durationPromptMsec, durationQueueMsec, code, request, response, answerRaw, requestId " +
        "FROM prompt LEFT JOIN promptExtra ON promptExtra.id = prompt.id LEFT JOIN promptRequestId ON promptRequestId.id = prompt.id",
};

const EXTRAS: Readonly<Record<Table, readonly string[]>> = { log: ["logExtra"], prompt: ["promptExtra", "promptRequestId"] };

/** Errors of the file or of a lock, not of one row: the first byte of SQLite's code. */
const NOT_A_ROWS = new Set([5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 22, 26]);
const BUSY = new Set([5, 6]);

function codeOf(thrown: unknown): number {
    const { errcode } = thrown as { errcode?: unknown };
    return typeof errcode === "number" ? errcode & 0xff : -1;
}

export function isBusy(thrown: unknown): boolean {
    return BUSY.has(codeOf(thrown));
}

function transaction<T>(db: DatabaseSync, work: () => T): T {
    db.exec("BEGIN IMMEDIATE");
    try {
        const result = work();
        db.exec("COMMIT");
        return result;
    } catch (thrown) {
        try {
            db.exec("ROLLBACK");
        } catch {
            // A full disk has rolled it back already.
        }
        throw thrown;
    }
}

function addLog(db: DatabaseSync, row: LogRow): void {
    const { lastInsertRowid } = db.prepare("INSERT INTO log (ts, pipe, kind, message) VALUES (?, ?, ?, ?)").run(row.ts, row.pipe, row.kind, row.message);
    if (row.requestId !== undefined) {
        db.prepare("INSERT INTO logExtra (id, data) VALUES (?, ?)").run(lastInsertRowid, JSON.stringify({ requestId: row.requestId }));
    }
}

function addPrompt(db: DatabaseSync, { ts, promptMsec, queueMsec, code, requestId, texts }: PromptRow): void {
    const { lastInsertRowid } = db
        .prepare("INSERT INTO prompt (ts, durationPromptMsec, durationQueueMsec, code) VALUES (?, ?, ?, ?)")
        .run(ts, promptMsec, queueMsec, code);
    // Another service's rows of before may have left some behind under this number.
    db.prepare("INSERT OR REPLACE INTO promptRequestId (id, requestId) VALUES (?, ?)").run(lastInsertRowid, requestId);
    if (texts !== undefined) {
        db.prepare("INSERT OR REPLACE INTO promptExtra (id, request, response, answerRaw) VALUES (?, ?, ?, ?)").run(lastInsertRowid, texts.request, texts.response, texts.answerRaw);
    }
}

/** All rows in one transaction; one that cannot be written leaves nothing behind. */
function write(db: DatabaseSync, { rows }: Exchange["write"]["ask"]): string[] {
    return transaction(db, () => {
        const faults: string[] = [];
        for (const { table, row } of rows) {
            db.exec("SAVEPOINT row");
            try {
                if (table === "log") {
                    addLog(db, row);
                } else {
                    addPrompt(db, row);
                }
            } catch (thrown) {
                if (NOT_A_ROWS.has(codeOf(thrown))) {
                    throw thrown;
                }
                db.exec("ROLLBACK TO row");
                faults.push(`table ${table}: ${thrown instanceof Error ? thrown.message : "unknown"}`);
            }
            db.exec("RELEASE row");
        }
        return faults;
    });
}

/** Rows until they have `PAGE_CHARACTERS` together; at least one, where there is one. */
function readPage(found: Iterable<unknown>): { rows: Row[]; isCut: boolean } {
    const rows: Row[] = [];
    let characters = 0;
    for (const next of found) {
        if (characters > PAGE_CHARACTERS) {
            return { rows, isCut: true };
        }
        const row = next as Row;
        rows.push(row);
        characters += Object.values(row).reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length : 8), 0);
    }
    return { rows, isCut: false };
}

function byId(db: DatabaseSync, { table, afterId, beforeId = Number.MAX_SAFE_INTEGER, limit }: Exchange["byId"]["ask"]): Row[] {
    const select = db.prepare(`${SELECT[table]} WHERE ${table}.id > ? AND ${table}.id < ? ORDER BY ${table}.id DESC LIMIT ?`);
    return readPage(select.iterate(afterId, beforeId, limit)).rows;
}

function between(db: DatabaseSync, { table, from, to, after }: Exchange["between"]["ask"]): Page {
    const select = db.prepare(`${SELECT[table]} WHERE ts >= ? AND ts < ? AND (ts, ${table}.id) > (?, ?) ORDER BY ts, ${table}.id LIMIT ?`);
    const { rows, isCut } = readPage(select.iterate(after?.ts ?? from, to, after?.ts ?? from, after?.id ?? -1, PAGE_ROWS));
    const last = rows.at(-1);
    return last === undefined || (!isCut && rows.length < PAGE_ROWS) ? { rows } : { rows, next: { ts: Number(last["ts"]), id: Number(last["id"]) } };
}

/** Deleted pages stay in the file and in the write-ahead log until this. */
function shrink(db: DatabaseSync): void {
    const pragma = (name: string): number => Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
    const [all, free, size] = [pragma("page_count"), pragma("freelist_count"), pragma("page_size")];
    if (free > all * VACUUM_FROM && (all - free) * size < VACUUM_MOST_BYTES) {
        db.exec("VACUUM");
    }
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

function remove(db: DatabaseSync, { table, before }: Exchange["remove"]["ask"]): number {
    const old = before ?? Number.MAX_SAFE_INTEGER;
    const removed = transaction(db, () => {
        for (const extra of EXTRAS[table]) {
            db.prepare(`DELETE FROM ${extra} WHERE id IN (SELECT id FROM ${table} WHERE ts < ?)`).run(old);
        }
        return Number(db.prepare(`DELETE FROM ${table} WHERE ts < ?`).run(old).changes);
    });
    if (removed > 0) {
        shrink(db);
    }
    return removed;
}

function count(db: DatabaseSync, { table, before }: Exchange["count"]["ask"]): number {
    return (db.prepare(`SELECT count(*) AS n FROM ${table} WHERE ts < ?`).get(before) as { n: number }).n;
}

type Queries = { readonly [K in Exclude<Kind, "close">]: (db: DatabaseSync, ask: Exchange[K]["ask"]) => Exchange[K]["answer"] };

export const QUERIES: Queries = {
    write,
    byId,
    between,
    remove,
    count,
    keepResponse,
    conversation,
    forgetResponses: (db, ask) => {
        const forgotten = forgetResponses(db, ask);
        if (forgotten > 0 && ask.before !== undefined) {
            shrink(db);
        }
        return forgotten;
    },
    statistics: (db, { since }) => since.map((from) => statistics(db, from)),
};
