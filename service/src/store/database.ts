/**
 * The SQLite file, as the service sees it: questions to a thread, so that no statement holds the service up. Rows are
 * written in batches. A request for a model never waits for it and never fails because of it.
 */

import { Worker } from "node:worker_threads";
import { ServiceError } from "../errors.js";
import type { Log } from "../log.js";
import { Backlog } from "./backlog.js";
import type { Exchange, Kind, Question, Reply, WriteRow } from "./protocol.js";

/** Rows wait this long for others, so that they share a transaction. */
const BATCH_MSEC = 50;

/** After a failure, rows are tried again after this. */
const RETRY_MSEC = 1000;

/**
 * Writes that the thread may have at once: beyond them rows wait in the backlog, which is bounded, where the disk hangs or a
 * large file is written anew. Questions may have a few more written before them.
 */
const MOST_WRITES = { byTime: 1, byQuestion: 4 } as const;

/** What `Retry-After` says while another program has the file, seconds. */
const BUSY_SECONDS = 5;

/** A request waits this long for rows. */
const ANSWER_MSEC = 30_000;

/** At the end the last rows have this long. */
const CLOSE_MSEC = 3000;

interface Open {
    readonly settle: (reply: Reply) => void;
    /** Of a `write`: they are written later if this fails. */
    readonly rows: readonly WriteRow[];
}

/** Starts the thread. Tests keep what it gives, to end it. */
export type StartThread = (file: string) => Worker;

const startThread: StartThread = (file) => new Worker(new URL("./thread.js", import.meta.url), { workerData: { file } });

/** The reply, or this fault. */
async function within(msec: number, message: string, reply: Promise<Reply>): Promise<Reply> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Reply>((resolve) => {
        timer = setTimeout(() => resolve({ id: 0, fault: { message, busy: true } }), msec);
    });
    return Promise.race([reply, late]).finally(() => clearTimeout(timer));
}

export class Database {
    private thread: Worker | undefined;
    private readonly open = new Map<number, Open>();
    private lastId = 0;
    private readonly backlog = new Backlog();
    private timer: NodeJS.Timeout | undefined;
    private trouble = "";
    private closed = false;

    public constructor(
        private readonly file: string,
        private readonly log: Log,
        private readonly start: StartThread = startThread,
        private readonly answerMsec = ANSWER_MSEC,
    ) {}

    /** Soon, with others; a row that cannot be written is told by the log, once it is known. */
    public write(row: WriteRow): void {
        if (!this.closed) {
            this.backlog.add(row);
            this.schedule(BATCH_MSEC);
        }
    }

    /** Answers after everything that was written before. @throws ServiceError 503 while it is locked, else 500 */
    public async ask<K extends Exclude<Kind, "write" | "close">>(kind: K, ask: Exchange[K]["ask"]): Promise<Exchange[K]["answer"]> {
        this.flush(MOST_WRITES.byQuestion);
        const { answer, fault } = await within(this.answerMsec, "it does not answer: the disk may hang", this.send(kind, ask, []));
        if (fault !== undefined) {
            const message = `The log database cannot be used: ${fault.message}`;
            throw fault.busy ? new ServiceError(503, message, BUSY_SECONDS) : new ServiceError(500, message);
        }
        return answer as Exchange[K]["answer"];
    }

    /** Writes what waits, and leaves no file behind that another process would have to repair. */
    public async close(): Promise<void> {
        if (this.closed) {
            return;
        }
        clearTimeout(this.timer);
        this.flush(Infinity);
        this.closed = true;
        if (this.thread !== undefined) {
            this.thread.ref();
            const { fault } = await within(CLOSE_MSEC, `did not close within ${CLOSE_MSEC} ms`, this.send("close", {}, []));
            if (fault !== undefined) {
                this.log.printOnly("warn", "db", `${this.file}: ${fault.message}`);
            }
            await this.thread.terminate();
        }
        const left = this.backlog.take().length;
        if (left > 0) {
            this.log.printOnly("error", "db", `${this.file}: ${left} rows could not be written`);
        }
    }

    private schedule(msec: number): void {
        this.timer ??= setTimeout(() => this.flush(MOST_WRITES.byTime), msec).unref();
    }

    /** @param most writes at once, this one included */
    private flush(most: number): void {
        clearTimeout(this.timer);
        this.timer = undefined;
        if (this.closed || this.backlog.isEmpty) {
            return;
        }
        if ([...this.open.values()].filter(({ rows }) => rows.length > 0).length >= most) {
            this.schedule(BATCH_MSEC);
            return;
        }
        const rows = this.backlog.take();
        void this.send("write", { rows }, rows).then(({ answer }) => {
            ((answer ?? []) as readonly string[]).forEach((fault) => this.log.printOnly("warn", "db", `a row was not written: ${fault}`));
        });
    }

    /** Never rejects. */
    private async send(kind: Kind, ask: object, rows: readonly WriteRow[]): Promise<Reply> {
        return new Promise((resolve) => {
            this.lastId += 1;
            const question: Question = { id: this.lastId, kind, ask: ask };
            this.open.set(question.id, { settle: resolve, rows });
            try {
                this.thread ??= this.begin();
                this.thread.postMessage(question);
            } catch (thrown) {
                this.settle({ id: question.id, fault: { message: String(thrown), busy: false } });
            }
        });
    }

    private begin(): Worker {
        const thread = this.start(this.file);
        let why = "the thread ended";
        thread.on("message", (reply: Reply) => this.settle(reply));
        thread.on("error", (thrown: unknown) => {
            why = `the thread failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
        });
        thread.on("exit", () => {
            this.thread = undefined;
            [...this.open.keys()].forEach((id) => this.settle({ id, fault: { message: why, busy: false } }));
        });
        // The service's life does not depend on it.
        thread.unref();
        return thread;
    }

    private settle(reply: Reply): void {
        const open = this.open.get(reply.id);
        this.open.delete(reply.id);
        if (open === undefined) {
            return;
        }
        if (reply.fault === undefined) {
            this.recovered();
        } else {
            this.failed(reply.fault, open.rows);
        }
        open.settle(reply);
    }

    private recovered(): void {
        if (this.trouble !== "") {
            const { lost } = this.backlog;
            this.trouble = "";
            this.backlog.lost = 0;
            this.log.printOnly(lost > 0 ? "warn" : "info", "db", `${this.file} is in use again${lost > 0 ? `; ${lost} rows were lost` : ""}`);
        }
    }

    private failed({ message, busy }: NonNullable<Reply["fault"]>, rows: readonly WriteRow[]): void {
        if (message !== this.trouble) {
            this.trouble = message;
            this.log.printOnly(busy ? "warn" : "error", "db", `${this.file}: ${message}; the service goes on without it, keeps new rows and tries again every second`);
        }
        if (rows.length > 0) {
            this.backlog.giveBack(rows);
            if (!this.closed) {
                this.schedule(RETRY_MSEC);
            }
        }
    }
}
