/** Answers of /v1/responses that are kept, as SQL. Runs in the database's thread. */

import type { Exchange, StoredResponse } from "./protocol.js";
import type { DatabaseSync } from "./sqlite.js";

export const RESPONSE_TABLE = `
CREATE TABLE IF NOT EXISTS response (id TEXT PRIMARY KEY, ts INTEGER NOT NULL, owner TEXT NOT NULL, previous TEXT, input TEXT NOT NULL, body TEXT NOT NULL, bytes INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS responseTs ON response (ts, bytes);
`;

/** Of all that are kept; then the oldest go. */
const MOST_ROWS = 100_000;
const MOST_BYTES = 1024 ** 3;

/** Of one conversation: no context holds more. */
const MOST_TURNS = 1000;
const MOST_CHARACTERS = 4_000_000;

export function keepResponse(db: DatabaseSync, { id, ts, owner, previous, input, body }: Exchange["keepResponse"]["ask"]): null {
    const bytes = input.length + body.length;
    db.prepare("INSERT OR REPLACE INTO response (id, ts, owner, previous, input, body, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)").run(id, ts, owner, previous, input, body, bytes);
    const all = db.prepare("SELECT count(*) AS rows, coalesce(sum(bytes), 0) AS bytes FROM response").get() as { rows: number; bytes: number };
    if (all.rows > MOST_ROWS || all.bytes > MOST_BYTES) {
        // A tenth at once: this is not done again with the next one.
        db.prepare("DELETE FROM response WHERE id IN (SELECT id FROM response ORDER BY ts LIMIT ?)").run(Math.ceil(all.rows / 10));
    }
    return null;
}

/** The newest one first; empty where one of them is gone, is another client's, or is too old. */
export function conversation(db: DatabaseSync, { id, owner, since, turns }: Exchange["conversation"]["ask"]): readonly StoredResponse[] {
    const select = db.prepare("SELECT id, ts, owner, previous, input, body FROM response WHERE id = ? AND owner = ? AND ts >= ?");
    const found: StoredResponse[] = [];
    let characters = 0;
    for (let next: string | null = id; next !== null && found.length < (turns ?? MOST_TURNS); ) {
        const row = select.get(next, owner, since) as StoredResponse | undefined;
        characters += row === undefined ? 0 : row.input.length + row.body.length;
        if (row === undefined || characters > MOST_CHARACTERS) {
            return [];
        }
        found.push(row);
        next = row.previous;
    }
    return found;
}

/** @returns how many there were */
export function forgetResponses(db: DatabaseSync, { id, owner, before }: Exchange["forgetResponses"]["ask"]): number {
    const statement = id === undefined ? db.prepare("DELETE FROM response WHERE ts < ?") : db.prepare("DELETE FROM response WHERE id = ? AND owner = ?");
    return Number((id === undefined ? statement.run(before ?? 0) : statement.run(id, owner ?? "")).changes);
}
