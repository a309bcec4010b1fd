/** What the service asks the database's thread, and what comes back. Only plain values. */

import type { LogRow } from "../log.js";
import type { Statistics } from "./statistics.js";

export type Row = Readonly<Record<string, string | number | null>>;

export interface PromptRow {
    /** Milliseconds since the epoch. */
    readonly ts: number;
    readonly promptMsec: number;
    readonly queueMsec: number;
    /** HTTP status. */
    readonly code: number;
    readonly requestId: string;
    /** Only where texts are kept; the first two are JSON. */
    readonly texts?: { readonly request: string; readonly response: string; readonly answerRaw: string | null };
}

export type WriteRow = { readonly table: "log"; readonly row: LogRow } | { readonly table: "prompt"; readonly row: PromptRow };

/** The tables that are read. */
export type Table = "log" | "prompt";

export interface IdRange {
    /** Rows after this one. */
    readonly afterId: number;
    /** And before this one. */
    readonly beforeId?: number;
    /** The newest of them, at most; fewer where their texts are large. */
    readonly limit: number;
}

/** Where a page of a span begins: after this row. */
export interface Cursor {
    readonly ts: number;
    readonly id: number;
}

export interface Page {
    readonly rows: readonly Row[];
    /** Absent on the last page. */
    readonly next?: Cursor;
}

/** An answer of /v1/responses with what it answered, both as JSON. */
export interface StoredResponse {
    readonly id: string;
    /** Milliseconds since the epoch. */
    readonly ts: number;
    /** The name of the key that asked; empty where keys have none. */
    readonly owner: string;
    readonly previous: string | null;
    readonly input: string;
    readonly body: string;
}

/** Each kind of question with its answer. */
export interface Exchange {
    /** @returns why rows could not be written; each fault is its row's only */
    readonly write: { ask: { readonly rows: readonly WriteRow[] }; answer: readonly string[] };
    /** The newest rows of a range, newest first. */
    readonly byId: { ask: { readonly table: Table } & IdRange; answer: readonly Row[] };
    /** `from` to before `to`, oldest first, a page. */
    readonly between: { ask: { readonly table: Table; readonly from: number; readonly to: number; readonly after?: Cursor }; answer: Page };
    readonly statistics: { ask: { readonly since: readonly number[] }; answer: readonly Statistics[] };
    /** How many rows are older. */
    readonly count: { ask: { readonly table: Table; readonly before: number }; answer: number };
    /** Rows older than `before`, or all. @returns how many there were */
    readonly remove: { ask: { readonly table: Table; readonly before?: number }; answer: number };
    readonly keepResponse: { ask: StoredResponse; answer: null };
    /** An answer and those before it, the newest first, at most so many. */
    readonly conversation: { ask: { readonly id: string; readonly owner: string; readonly since: number; readonly turns?: number }; answer: readonly StoredResponse[] };
    /** One, or all that are older. @returns how many there were */
    readonly forgetResponses: { ask: { readonly id?: string; readonly owner?: string; readonly before?: number }; answer: number };
    readonly close: { ask: object; answer: null };
}

export type Kind = keyof Exchange;

export interface Question {
    readonly id: number;
    readonly kind: Kind;
    readonly ask: Exchange[Kind]["ask"];
}

export interface Reply {
    readonly id: number;
    readonly answer?: Exchange[Kind]["answer"];
    readonly fault?: { readonly message: string; readonly busy: boolean };
}
