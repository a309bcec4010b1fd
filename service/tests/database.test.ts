import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";
import { Log } from "../src/log.js";
import { Database } from "../src/store/database.js";
import { LogTable } from "../src/store/logs.js";
import { deleteBefore } from "../src/store/retention.js";

function open(content?: string): { database: Database; lines: string[]; table: LogTable } {
    const file = path.join(mkdtempSync(path.join(tmpdir(), "mentator-")), "test.db");
    if (content !== undefined) {
        writeFileSync(file, content);
    }
    const lines: string[] = [];
    const database = new Database(file, new Log("debug", (line) => lines.push(line)));
    return { database, lines, table: new LogTable(database) };
}

it("uses a write-ahead log", () => {
    const { database } = open();
    expect(database.must((db): unknown => db.prepare("PRAGMA journal_mode").get())).toEqual({ journal_mode: "wal" });
    database.close();
});

it("waits for another process's lock, but not for long", () => {
    const { database } = open();
    expect(database.must((db): unknown => db.prepare("PRAGMA busy_timeout").get())).toEqual({ timeout: 250 });
    database.close();
});

it("loads SQLite without a warning, and hides no other warning", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "mentator-"));
    const source = readFileSync(new URL("../src/store/sqlite.ts", import.meta.url), "utf8");
    const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
    const other = 'process.emitWarning("another", "ExperimentalWarning");';
    writeFileSync(path.join(folder, "sqlite.mjs"), `${outputText}\n${other}\nconsole.log(typeof DatabaseSync);\n`);
    const { stdout, stderr } = spawnSync(process.execPath, [path.join(folder, "sqlite.mjs")], { encoding: "utf8" });
    expect(stdout).toBe("function\n");
    expect(stderr).toContain("ExperimentalWarning: another");
    expect(stderr).not.toMatch(/sqlite/i);
});

it("deletes old rows, and the extra rows that belong to them", () => {
    const { database, table } = open();
    for (const ts of [10, 20, 30]) {
        table.add({ ts, pipe: "core", kind: "info", message: String(ts) });
    }
    database.must((db) => db.exec("INSERT INTO logExtra (id, data) SELECT id, 'x' FROM log"));
    deleteBefore(database, 20);
    expect(table.byId(undefined, 10)).toMatchObject([{ ts: 20, data: "x" }, { ts: 30, data: "x" }]);
    expect(database.must((db): unknown => db.prepare("SELECT count(*) AS n FROM logExtra").get())).toEqual({ n: 2 });
    database.close();
});

it("says once that its file is damaged, and the service goes on", () => {
    const { lines, table } = open("not a database, and long enough to be read as one ".repeat(50));
    table.add({ ts: 1, pipe: "core", kind: "info", message: "x" });
    table.add({ ts: 2, pipe: "core", kind: "info", message: "x" });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/ERROR db .*goes on without it/);
    expect(() => table.byId(0, 1)).toThrow(/cannot be used/);
});
