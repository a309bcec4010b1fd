/** The log: lines for people on stdout, and the same rows for whoever attaches (the database). */

export type LogLevel = "error" | "debug" | "trace";
export type Kind = "error" | "warn" | "info" | "debug" | "trace";

export interface LogRow {
    /** Milliseconds since the epoch. */
    readonly ts: number;
    readonly pipe: string;
    readonly kind: Kind;
    readonly message: string;
}

const KINDS_OF: Readonly<Record<LogLevel, ReadonlySet<Kind>>> = {
    error: new Set<Kind>(["error", "warn"]),
    debug: new Set<Kind>(["error", "warn", "info", "debug"]),
    trace: new Set<Kind>(["error", "warn", "info", "debug", "trace"]),
};

/** `timestamp LEVEL pipe message`, on one line and without control characters; the timestamp is UTC. */
export function formatLine(row: LogRow): string {
    const message = row.message.trim().replace(/\s*\n\s*/g, " | ").replace(/\p{Cc}/gu, "?");
    return `${new Date(row.ts).toISOString()} ${row.kind.toUpperCase()} ${row.pipe} ${message}`;
}

export class Log {
    private sink: ((row: LogRow) => void) | undefined;

    public constructor(
        private readonly level: LogLevel,
        private readonly print: (line: string) => void,
    ) {}

    /** From now on rows go to `sink` too. It must not throw. */
    public attach(sink: (row: LogRow) => void): void {
        this.sink = sink;
    }

    public write(kind: Kind, pipe: string, message: string): void {
        const row = this.printOnly(kind, pipe, message);
        if (row !== undefined) {
            this.sink?.(row);
        }
    }

    /** For what is wrong with the sink itself. */
    public printOnly(kind: Kind, pipe: string, message: string): LogRow | undefined {
        if (!KINDS_OF[this.level].has(kind)) {
            return undefined;
        }
        const row: LogRow = { ts: Date.now(), pipe, kind, message };
        this.print(formatLine(row));
        return row;
    }
}
