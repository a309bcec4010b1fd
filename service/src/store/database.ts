/** The SQLite file. Opens it, and opens it again after a failure. A request for a model never fails because of it. */

import { mkdirSync } from "node:fs";
import path from "node:path";
import { messageOf, ServiceError } from "../errors.js";
import type { Log } from "../log.js";
import { DatabaseSync } from "./sqlite.js";

const TABLES = `
CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, pipe TEXT NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS logExtra (id INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS prompt (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, durationPromptMsec INTEGER NOT NULL, durationQueueMsec INTEGER NOT NULL, code INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS promptExtra (id INTEGER PRIMARY KEY, request TEXT, response TEXT, answerRaw TEXT);
CREATE TABLE IF NOT EXISTS promptRequestId (id INTEGER PRIMARY KEY, requestId TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS logTs ON log (ts);
CREATE INDEX IF NOT EXISTS promptTs ON prompt (ts);
`;

/** A statement waits this long for another process's lock. The whole service waits with it. */
const BUSY_MSEC = 250;

/** After a failure the file is left alone this long. */
const RETRY_MSEC = 60_000;

export type Row = Readonly<Record<string, string | number | null>>;

export class Database {
    private handle: DatabaseSync | undefined;
    private retryAt = 0;
    private trouble = "";

    public constructor(
        private readonly file: string,
        private readonly log: Log,
    ) {}

    /** Runs `work` on the database. A failure is logged once, until it is over. @returns undefined when it failed */
    public attempt<T>(work: (database: DatabaseSync) => T): T | undefined {
        if (this.handle === undefined && Date.now() < this.retryAt) {
            return undefined;
        }
        try {
            this.handle ??= this.open();
            const result = work(this.handle);
            if (this.trouble !== "") {
                this.trouble = "";
                this.log.printOnly("info", "db", `${this.file} is in use again`);
            }
            return result;
        } catch (thrown) {
            this.fail(messageOf(thrown));
            return undefined;
        }
    }

    /** Like `attempt`, for requests that need the rows. @throws ServiceError 500 */
    public must<T>(work: (database: DatabaseSync) => T): T {
        const box = this.attempt((database) => ({ value: work(database) }));
        if (box === undefined) {
            throw new ServiceError(500, `The log database cannot be used: ${this.trouble}`);
        }
        return box.value;
    }

    /** All or nothing. */
    public transaction(database: DatabaseSync, work: () => void): void {
        database.exec("BEGIN IMMEDIATE");
        try {
            work();
            database.exec("COMMIT");
        } catch (thrown) {
            database.exec("ROLLBACK");
            throw thrown;
        }
    }

    public close(): void {
        const handle = this.handle;
        this.handle = undefined;
        this.retryAt = Number.POSITIVE_INFINITY;
        try {
            handle?.close();
        } catch (thrown) {
            this.log.printOnly("warn", "db", `${this.file}: ${messageOf(thrown)}`);
        }
    }

    private open(): DatabaseSync {
        mkdirSync(path.dirname(this.file), { recursive: true });
        const database = new DatabaseSync(this.file);
        try {
            // First of all, since the switch to WAL may have to wait for a lock too. Node 22.15 has no option for it.
            database.exec(`PRAGMA busy_timeout = ${BUSY_MSEC}`);
            database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
            database.exec(TABLES);
        } catch (thrown) {
            database.close();
            throw thrown;
        }
        return database;
    }

    private fail(why: string): void {
        if (why !== this.trouble) {
            this.trouble = why;
            this.log.printOnly("error", "db", `${this.file}: ${why}; the service goes on without it and tries again after a minute`);
        }
        try {
            this.handle?.close();
        } catch {
            // A damaged file may not even close. The handle is not used again in any case.
        }
        this.handle = undefined;
        this.retryAt = Date.now() + RETRY_MSEC;
    }
}
