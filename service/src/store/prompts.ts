/** Tables prompt, promptExtra and promptRequestId. */

import { messageOf } from "../errors.js";
import type { Recorder } from "../prompt/journal.js";
import type { Database } from "./database.js";
import { pagesOf } from "./pages.js";
import type { IdRange, Row } from "./protocol.js";
import { NO_STATISTICS, type Statistics } from "./statistics.js";

/** A body that no JSON can be made of (too deep, for one) is its row's fault: the row says so. */
function jsonOf(body: object): string {
    try {
        return JSON.stringify(body);
    } catch (thrown) {
        return JSON.stringify({ error: `This body could not be kept: ${messageOf(thrown)}` });
    }
}

export class PromptTable {
    public constructor(
        private readonly database: Database,
        /** Whether texts are kept; times always are. */
        private readonly savePrompt: boolean,
    ) {}

    public readonly add: Recorder = ({ requestId, duration, code, request, response, answerRaw }) => {
        const texts = { request, response };
        this.database.write({
            table: "prompt",
            row: {
                ts: Date.now(),
                promptMsec: duration.promptMsec,
                queueMsec: duration.queueMsec,
                code,
                requestId,
                ...(this.savePrompt ? { texts: { request: jsonOf(texts.request), response: jsonOf(texts.response), answerRaw: answerRaw ?? null } } : {}),
            },
        });
    };

    /** Newest first. */
    public async byId(range: IdRange): Promise<readonly Row[]> {
        return this.database.ask("byId", { table: "prompt", ...range });
    }

    /** `from` to before `to`, milliseconds since the epoch, oldest first, in pages. */
    public between(from: number, to: number): AsyncGenerator<readonly Row[]> {
        return pagesOf(this.database, "prompt", from, to);
    }

    /** One for each time, milliseconds since the epoch; zeros when the database cannot be used. */
    public async statistics(since: readonly number[]): Promise<readonly Statistics[]> {
        return this.database.ask("statistics", { since }).catch(() => since.map(() => NO_STATISTICS));
    }

    /** Texts and times alike. @returns how many prompts there were */
    public async clear(): Promise<number> {
        return this.database.ask("remove", { table: "prompt" });
    }
}
