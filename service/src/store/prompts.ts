/** Tables prompt and promptExtra. */

import type { Recorder } from "../prompt/journal.js";
import type { Database, Row } from "./database.js";
import type { PromptTimes } from "./statistics.js";

const SELECT =
    "SELECT prompt.id, ts, durationPromptMsec, durationQueueMsec, code, request, response, answerRaw, requestId " +
    "FROM prompt LEFT JOIN promptExtra ON promptExtra.id = prompt.id LEFT JOIN promptRequestId ON promptRequestId.id = prompt.id";

export class PromptTable {
    public constructor(
        private readonly database: Database,
        /** Whether texts are kept; times always are. */
        private readonly savePrompt: boolean,
    ) {}

    public readonly add: Recorder = ({ requestId, duration, code, request, response, answerRaw }) => {
        this.database.attempt((db) => {
            this.database.transaction(db, () => {
                const { lastInsertRowid } = db
                    .prepare("INSERT INTO prompt (ts, durationPromptMsec, durationQueueMsec, code) VALUES (?, ?, ?, ?)")
                    .run(Date.now(), duration.promptMsec, duration.queueMsec, code);
                db.prepare("INSERT INTO promptRequestId (id, requestId) VALUES (?, ?)").run(lastInsertRowid, requestId);
                if (this.savePrompt) {
                    db.prepare("INSERT INTO promptExtra (id, request, response, answerRaw) VALUES (?, ?, ?, ?)").run(
                        lastInsertRowid,
                        JSON.stringify(request),
                        JSON.stringify(response),
                        answerRaw ?? null,
                    );
                }
            });
        });
    };

    /** Rows after `afterId`, oldest first; without it the newest ones, oldest first too. */
    public byId(afterId: number | undefined, limit: number): Row[] {
        return this.database.must((db) =>
            afterId === undefined
                ? (db.prepare(`${SELECT} ORDER BY prompt.id DESC LIMIT ?`).all(limit) as Row[]).reverse()
                : (db.prepare(`${SELECT} WHERE prompt.id > ? ORDER BY prompt.id LIMIT ?`).all(afterId, limit) as Row[]),
        );
    }

    /** `from` to before `to`, milliseconds since the epoch. */
    public between(from: number, to: number): Row[] {
        return this.database.must((db) => db.prepare(`${SELECT} WHERE ts >= ? AND ts < ? ORDER BY prompt.id`).all(from, to) as Row[]);
    }

    /** What statistics are made of; empty when the database cannot be used. */
    public times(from: number): PromptTimes[] {
        return (
            this.database.attempt(
                (db) =>
                    db.prepare("SELECT ts, durationPromptMsec, durationQueueMsec, code FROM prompt WHERE ts >= ?").all(from) as unknown as PromptTimes[],
            ) ?? []
        );
    }

    /** Texts and times alike. @returns how many prompts there were */
    public clear(): number {
        return this.database.must((db) => {
            let deleted = 0;
            this.database.transaction(db, () => {
                db.exec("DELETE FROM promptExtra; DELETE FROM promptRequestId;");
                deleted = Number(db.prepare("DELETE FROM prompt").run().changes);
            });
            return deleted;
        });
    }
}
