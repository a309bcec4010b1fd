/** A database as version 1.1.3 leaves it: `promptExtra` without `answerRaw`, `logExtra` without a key. */

import { DatabaseSync } from "../src/store/sqlite.js";

const TABLES = `
CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, pipe TEXT NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL);
CREATE INDEX idx_log_ts ON log(ts);
CREATE TABLE logExtra (id INTEGER NOT NULL, data TEXT NOT NULL, FOREIGN KEY (id) REFERENCES log(id) ON DELETE CASCADE);
CREATE TABLE prompt (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, durationPromptMsec INTEGER NOT NULL, durationQueueMsec INTEGER NOT NULL, code INTEGER NOT NULL);
CREATE INDEX idx_prompt_ts ON prompt(ts);
CREATE TABLE promptExtra (id INTEGER PRIMARY KEY, request TEXT NOT NULL, response TEXT NOT NULL, FOREIGN KEY (id) REFERENCES prompt(id));
`;

const DAY_MSEC = 86_400_000;

/** @param ages in days, of one row of the log and one prompt each; the texts of the older ones are large */
export function writeOldDatabase(file: string, ages: readonly number[]): void {
    const db = new DatabaseSync(file);
    db.exec("PRAGMA journal_mode = WAL");
    db.exec(TABLES);
    for (const days of ages) {
        const ts = Date.now() - days * DAY_MSEC;
        const { lastInsertRowid } = db.prepare("INSERT INTO log (ts, pipe, kind, message) VALUES (?, 'CORE', 'debug', ?)").run(ts, `old line of ${days} days`);
        db.prepare("INSERT INTO logExtra (id, data) VALUES (?, 'first'), (?, 'second')").run(lastInsertRowid, lastInsertRowid);
        const prompt = db.prepare("INSERT INTO prompt (ts, durationPromptMsec, durationQueueMsec, code) VALUES (?, 1, 1, 200)").run(ts);
        const request = JSON.stringify({ secret: `days${days}`, fill: "z".repeat(days === 1 ? 10 : 100_000) });
        db.prepare("INSERT INTO promptExtra (id, request, response) VALUES (?, ?, '{}')").run(prompt.lastInsertRowid, request);
    }
    db.close();
}
