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

const HOUR_MSEC = 3_600_000;

/** Figures are kept this many times as long as it took to make them: pages ask every few seconds. */
const FIGURES_SHARE = 10;

export class PromptTable {
    private figures: Promise<readonly Statistics[]> | undefined;
    private figuresUntil = 0;

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

    /** Of the last hours; zeros when the database cannot be used. What took long is not asked again at once. */
    public async statistics(hours: readonly number[]): Promise<readonly Statistics[]> {
        if (this.figures === undefined || Date.now() > this.figuresUntil) {
            const started = Date.now();
            this.figuresUntil = Infinity;
            this.figures = this.database.ask("statistics", { since: hours.map((count) => started - count * HOUR_MSEC) }).catch(() => hours.map(() => NO_STATISTICS));
            void this.figures.then(() => {
                this.figuresUntil = Date.now() + FIGURES_SHARE * (Date.now() - started);
            });
        }
        return this.figures;
    }

    /** Texts and times alike. @returns how many prompts there were */
    public async clear(): Promise<number> {
        return this.database.ask("remove", { table: "prompt" });
    }
}
