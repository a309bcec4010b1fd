/** Rows that wait to be written. Bounded: while the database cannot be used, the oldest ones go. Pure. */

import type { WriteRow } from "./protocol.js";

/** Characters of texts, about. */
function sizeOf({ row }: WriteRow): number {
    const texts = Object.values("texts" in row ? { ...row, ...row.texts } : row);
    return texts.reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length : 8), 0);
}

export class Backlog {
    private rows: WriteRow[] = [];
    private size = 0;
    /** Rows that had to go. */
    public lost = 0;

    public constructor(
        private readonly mostRows = 20_000,
        private readonly mostCharacters = 32_000_000,
    ) {}

    public get isEmpty(): boolean {
        return this.rows.length === 0;
    }

    public add(row: WriteRow): void {
        this.rows.push(row);
        this.size += sizeOf(row);
        this.trim();
    }

    public take(): readonly WriteRow[] {
        const taken = this.rows;
        this.rows = [];
        this.size = 0;
        return taken;
    }

    /** Rows that could not be written after all: they are the oldest. */
    public giveBack(rows: readonly WriteRow[]): void {
        this.rows = [...rows, ...this.rows];
        this.size += rows.reduce((sum, row) => sum + sizeOf(row), 0);
        this.trim();
    }

    private trim(): void {
        let drop = 0;
        while (this.rows.length - drop > 1 && (this.rows.length - drop > this.mostRows || this.size > this.mostCharacters)) {
            const row = this.rows[drop];
            this.size -= row === undefined ? 0 : sizeOf(row);
            drop += 1;
        }
        if (drop > 0) {
            this.rows.splice(0, drop);
            this.lost += drop;
        }
    }
}
