/** The log: lines on stdout, and the same rows for the database. */

export type LogLevel = "error" | "debug" | "trace";
export type Kind = "error" | "warn" | "info" | "debug" | "trace";

export interface LogRow {
    /** Milliseconds since the epoch. */
    readonly ts: number;
    readonly pipe: string;
    readonly kind: Kind;
    readonly message: string;
    /** Of the HTTP request that it is about. */
    readonly requestId?: string;
}

export type LogFormat = "text" | "json";

const KINDS_OF: Readonly<Record<LogLevel, ReadonlySet<Kind>>> = {
    error: new Set<Kind>(["error", "warn"]),
    debug: new Set<Kind>(["error", "warn", "info", "debug"]),
    trace: new Set<Kind>(["error", "warn", "info", "debug", "trace"]),
};

const utc = (ts: number): string => new Date(ts).toISOString();

/** `timestamp LEVEL pipe message`, on one line and without control characters; the timestamp is UTC by default. */
export function formatLine(row: LogRow, timestamp: (ts: number) => string = utc): string {
    // Without a pattern for white space around line ends: its time grows with the square of a client's spaces.
    const lines = row.message.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    const message = lines.join(" | ").replace(/\p{Cc}/gu, "?");
    const about = row.requestId === undefined ? "" : ` (request ${row.requestId})`;
    return `${timestamp(row.ts)} ${row.kind.toUpperCase()} ${row.pipe} ${message}${about}`;
}

/** One JSON object on one line. */
export function jsonLine({ ts, kind, pipe, message, requestId }: LogRow): string {
    return JSON.stringify({ time: new Date(ts).toISOString(), level: kind, pipe, message: message.trim(), requestId });
}

const LINE_OF: Readonly<Record<LogFormat, (row: LogRow) => string>> = { text: (row) => formatLine(row), json: jsonLine };

export class Log {
    private sink: ((row: LogRow) => void) | undefined;

    public constructor(
        private readonly level: LogLevel,
        private readonly print: (line: string) => void,
        private readonly format: LogFormat = "text",
    ) {}

    /** From now on rows go to `sink` too, which must not throw. */
    public attach(sink: (row: LogRow) => void): void {
        this.sink = sink;
    }

    public write(kind: Kind, pipe: string, message: string, requestId?: string): void {
        const row = this.printOnly(kind, pipe, message, requestId);
        if (row !== undefined) {
            this.sink?.(row);
        }
    }

    /** For faults of the sink itself. */
    public printOnly(kind: Kind, pipe: string, message: string, requestId?: string): LogRow | undefined {
        if (!KINDS_OF[this.level].has(kind)) {
            return undefined;
        }
        const row: LogRow = { ts: Date.now(), pipe, kind, message, ...(requestId === undefined ? {} : { requestId }) };
        this.print(LINE_OF[this.format](row));
        return row;
    }
}
