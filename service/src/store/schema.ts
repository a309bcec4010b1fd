/** Opens the file and makes its tables what this version expects; also those of version 1.1.3. */

import { mkdirSync } from "node:fs";
import path from "node:path";
import { RESPONSE_TABLE } from "./response-queries.js";
import { DatabaseSync } from "./sqlite.js";

const TABLES = `
CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, pipe TEXT NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS logExtra (id INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS prompt (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, durationPromptMsec INTEGER NOT NULL, durationQueueMsec INTEGER NOT NULL, code INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS promptExtra (id INTEGER PRIMARY KEY, request TEXT, response TEXT, answerRaw TEXT);
CREATE TABLE IF NOT EXISTS promptRequestId (id INTEGER PRIMARY KEY, requestId TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS logTs ON log (ts);
CREATE INDEX IF NOT EXISTS logExtraId ON logExtra (id);
CREATE INDEX IF NOT EXISTS promptFigures ON prompt (ts, code, durationPromptMsec, durationQueueMsec);
`;

/** A statement waits this long for another process's lock; then other questions get their turn, and it is tried again. */
const BUSY_MSEC = 1000;

/** Columns that version 1.1.3 may not have: its table stays, and gets them. */
function addColumns(db: DatabaseSync): void {
    const columns = db.prepare("PRAGMA table_info(promptExtra)").all() as { name: string }[];
    if (!columns.some(({ name }) => name === "answerRaw")) {
        db.exec("ALTER TABLE promptExtra ADD COLUMN answerRaw TEXT");
    }
}

export function openDatabase(file: string): DatabaseSync {
    mkdirSync(path.dirname(file), { recursive: true });
    const db = new DatabaseSync(file);
    try {
        // First of all, since the switch to WAL may have to wait for a lock too. Node 22.15 has no option for it.
        db.exec(`PRAGMA busy_timeout = ${BUSY_MSEC}`);
        // What is deleted is overwritten.
        db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;");
        db.exec(TABLES + RESPONSE_TABLE);
        addColumns(db);
    } catch (thrown) {
        db.close();
        throw thrown;
    }
    return db;
}
