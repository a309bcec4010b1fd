import { spawn, spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { coreFiles, promptFiles, streamOf } from "../src/http/log-files.js";
import { Log } from "../src/log.js";
import { Backlog } from "../src/store/backlog.js";
import { Database } from "../src/store/database.js";
import { LogTable } from "../src/store/logs.js";
import { PromptTable } from "../src/store/prompts.js";
import type { Exchange, Question } from "../src/store/protocol.js";
import { announce, sweep } from "../src/store/retention.js";
import { DatabaseSync } from "../src/store/sqlite.js";
import { writeOldDatabase } from "./old-database.js";

function open(content?: string, savePrompt = true) {
    const file = path.join(mkdtempSync(path.join(tmpdir(), "mentator-")), "test.db");
    if (content !== undefined) {
        writeFileSync(file, content);
    }
    const lines: string[] = [];
    const log = new Log("debug", (line) => lines.push(line));
    const threads: Worker[] = [];
    const database = new Database(file, log, (name) => {
        const thread = new Worker(new URL("../src/store/thread.js", import.meta.url), { workerData: { file: name } });
        threads.push(thread);
        return thread;
    });
    return { file, database, lines, log, threads, table: new LogTable(database), prompts: new PromptTable(database, savePrompt) };
}

/** The file as another program sees it. */
function rows(file: string, sql: string): unknown[] {
    const db = new DatabaseSync(file);
    try {
        return db.prepare(sql).all();
    } finally {
        db.close();
    }
}

const NEWEST = { afterId: 0, limit: 10 };
const row = (stamp: number, message = String(stamp)) => ({ ts: stamp, pipe: "core", kind: "info" as const, message });
const entry = { kind: "generation", requestId: "r", call: "/prompt", model: "m", code: 200, duration: { promptMsec: 1, queueMsec: 2 }, request: { a: 1 }, response: { b: 2 } } as const;

async function until(isTrue: () => boolean): Promise<void> {
    for (let count = 0; count < 400 && !isTrue(); count += 1) {
        await sleep(25);
    }
    expect(isTrue()).toBe(true);
}

/** Another process takes the write lock and keeps it until it is ended. */
async function lock(file: string): Promise<() => Promise<void>> {
    const code = `const {DatabaseSync} = require("node:sqlite"); const db = new DatabaseSync(process.argv[1]); db.exec("BEGIN IMMEDIATE"); process.stdout.write("locked"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["-e", code, file], { stdio: ["ignore", "pipe", "ignore"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    return async () => {
        const gone = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGKILL");
        await gone;
    };
}

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

describe("the database", { timeout: 30_000 }, () => {
    it("writes rows in batches to a write-ahead log, in order, and none is lost at the end", async () => {
        const { file, database, table } = open();
        for (let count = 1; count <= 2000; count += 1) {
            table.add(row(count));
        }
        await database.close();
        expect(rows(file, "PRAGMA journal_mode")).toEqual([{ journal_mode: "wal" }]);
        expect(rows(file, "SELECT count(*) AS n, min(id = ts) AS same FROM log")).toEqual([{ n: 2000, same: 1 }]);
    });

    it("reads what was written before, newest first, after and before an id", async () => {
        const { database, table } = open();
        [10, 20, 30, 40].forEach((stamp) => table.add(row(stamp)));
        const stamps = async (range: object): Promise<unknown[]> => (await table.byId({ ...NEWEST, ...range })).map((found) => found["ts"]);
        expect(await stamps({})).toEqual([40, 30, 20, 10]);
        expect(await stamps({ limit: 2 })).toEqual([40, 30]);
        expect(await stamps({ afterId: 1, beforeId: 4, limit: 1 })).toEqual([30]);
        await database.close();
    });

    it("makes statistics in SQL", async () => {
        const { file, database, prompts } = open();
        await prompts.byId(NEWEST);
        const db = new DatabaseSync(file);
        const insert = db.prepare("INSERT INTO prompt (ts, durationPromptMsec, durationQueueMsec, code) VALUES (?, ?, ?, ?)");
        for (let count = 1; count <= 100; count += 1) {
            insert.run(count, count, 2 * count, count <= 10 ? 400 : 200);
        }
        db.close();
        expect(await database.ask("statistics", { since: [0, 100, 1000] })).toEqual([
            { total: 100, success: 90, failed: 10, avgPromptDuration: 51, avgQueueDuration: 101, p95PromptDuration: 95, p95QueueDuration: 190 },
            { total: 1, success: 1, failed: 0, avgPromptDuration: 100, avgQueueDuration: 200, p95PromptDuration: 100, p95QueueDuration: 200 },
            { total: 0, success: 0, failed: 0, avgPromptDuration: 0, avgQueueDuration: 0, p95PromptDuration: 0, p95QueueDuration: 0 },
        ]);
        prompts.add(entry);
        expect(await prompts.statistics([1, 24])).toMatchObject([{ total: 1, p95QueueDuration: 2 }, { total: 1 }]);
        await database.close();
    });

    it("is asked once for statistics that many want at once", async () => {
        const { database, prompts } = open();
        let asked = 0;
        const ask = database.ask.bind(database);
        database.ask = async (kind, given) => {
            asked += 1;
            return ask(kind, given);
        };
        await Promise.all([prompts.statistics([1]), prompts.statistics([1]), prompts.statistics([1])]);
        expect(asked).toBe(1);
        await database.close();
    });

    it("gives a day of 40,000 rows and large prompts as a stream of pages, each once and in order", async () => {
        const { file, database, table, prompts } = open();
        await table.byId(NEWEST);
        const db = new DatabaseSync(file);
        db.exec("BEGIN");
        const insert = db.prepare("INSERT INTO log (ts, pipe, kind, message) VALUES (?, 'core', 'info', ?)");
        for (let count = 0; count < 40_000; count += 1) {
            insert.run(1_000_000 - Math.floor(count / 3), `line ${count} ${"x".repeat(60)}`);
        }
        db.exec("INSERT INTO prompt (ts, durationPromptMsec, durationQueueMsec, code) VALUES (5, 1, 1, 200), (5, 1, 1, 200), (5, 1, 1, 200)");
        db.prepare("INSERT INTO promptExtra (id, request, response) SELECT id, ?, '' FROM prompt").run("y".repeat(3_000_000));
        db.exec("COMMIT");
        db.close();
        let turns = 0;
        const ticking = setInterval(() => (turns += 1), 5);
        const pieces: number[] = [];
        let text = "";
        for await (const piece of await streamOf(coreFiles(table, 0, 2_000_000))) {
            pieces.push((piece as Buffer).length);
            text += String(piece);
        }
        clearInterval(ticking);
        const files = JSON.parse(text) as { filename: string; content: string }[];
        const numbers = files.flatMap(({ content }) => [...content.matchAll(/line (\d+) /g)].map(([, number]) => Number(number)));
        expect(new Set(numbers).size).toBe(40_000);
        expect(numbers).toHaveLength(40_000);
        expect(new Set(files.map(({ filename }) => filename)).size).toBe(files.length);
        expect(Math.max(...files.map(({ content }) => content.length))).toBeLessThan(1_100_000);
        expect(turns).toBeGreaterThan(10);
        const pages: number[] = [];
        for await (const found of promptFiles(prompts, 0, 10)) {
            pages.push(found.length);
        }
        expect(pages).toEqual([1, 1, 1]);
        expect((await prompts.byId(NEWEST)).map(({ id }) => id)).toEqual([3]);
        expect((await prompts.byId({ ...NEWEST, beforeId: 3 })).map(({ id }) => id)).toEqual([2]);
        await database.close();
    });

    it("keeps a fault of one row to that row", async () => {
        const { file, database, lines, prompts, table } = open();
        let deep: object = {};
        for (let count = 0; count < 100_000; count += 1) {
            deep = { deep };
        }
        prompts.add({ ...entry, request: deep });
        prompts.add(entry);
        database.write({ table: "log", row: { ...row(1), message: null as unknown as string } });
        table.add(row(2));
        expect(await prompts.byId(NEWEST)).toMatchObject([{ request: '{"a":1}' }, { request: expect.stringMatching(/could not be kept/) as string, code: 200 }]);
        expect(await table.byId(NEWEST)).toMatchObject([{ ts: 2 }]);
        expect(lines.filter((line) => line.includes("a row was not written: table log"))).toHaveLength(1);
        await database.close();
        expect(rows(file, "SELECT count(*) AS n FROM prompt")).toEqual([{ n: 2 }]);
    });

    it("keeps rows while another process has the lock, and writes them when it is free", async () => {
        const { file, database, lines, table } = open();
        table.add(row(1));
        await table.byId(NEWEST);
        const release = await lock(file);
        table.add(row(2));
        await until(() => lines.some((line) => /WARN db .*database is locked; the service goes on without it/.test(line)));
        expect(await table.byId(NEWEST)).toMatchObject([{ ts: 1 }]);
        await release();
        await until(() => lines.some((line) => line.includes("is in use again")));
        await until(() => rows(file, "SELECT ts FROM log").length === 2);
        await database.close();
    });

    it("goes on when its thread is killed, and loses no row", async () => {
        const { file, database, lines, threads, table } = open();
        table.add(row(1));
        await table.byId(NEWEST);
        table.add(row(2));
        const asked = table.byId(NEWEST);
        await threads[0]?.terminate();
        await asked.catch((thrown: unknown) => expect(String(thrown)).toMatch(/the thread ended/));
        table.add(row(3));
        await until(() => rows(file, "SELECT ts FROM log WHERE ts = 3").length === 1);
        expect(lines.filter((line) => line.includes("goes on without it")).length).toBeLessThanOrEqual(1);
        await database.close();
        expect(rows(file, "SELECT DISTINCT ts FROM log ORDER BY ts")).toEqual([{ ts: 1 }, { ts: 2 }, { ts: 3 }]);
    });

    it("does not let requests wait for ever for a disk that hangs", async () => {
        const { file } = open();
        const lines: string[] = [];
        const hung = new Database(file, new Log("debug", (line) => lines.push(line)), () => new Worker("setInterval(() => {}, 1000)", { eval: true }), 100);
        await expect(new LogTable(hung).byId(NEWEST)).rejects.toMatchObject({ statusCode: 503, retryAfterSeconds: 5, message: expect.stringContaining("cannot be used: it does not answer") as string });
        expect(await new PromptTable(hung, true).statistics([1])).toMatchObject([{ total: 0 }]);
        hung.write({ table: "log", row: row(1) });
        await hung.close();
        expect(lines.join("\n")).toMatch(/did not close/);
    });

    it("keeps rows in its bounded backlog while the thread has not written those of before", async () => {
        const asked: Question[] = [];
        const thread = Object.assign(new EventEmitter(), { postMessage: (question: Question) => asked.push(question), ref: () => undefined, unref: () => undefined, terminate: async () => Promise.resolve(0) });
        const hung = new Database("none", new Log("debug", () => undefined), () => thread as unknown as Worker, 10);
        hung.write({ table: "log", row: row(1) });
        await until(() => asked.length === 1);
        hung.write({ table: "log", row: row(2) });
        await sleep(200);
        expect(asked).toHaveLength(1);
        for (let count = 0; count < 20; count += 1) {
            hung.write({ table: "log", row: row(3) });
            await hung.ask("count", { table: "log", before: 1 }).catch(() => undefined);
        }
        expect(asked.filter(({ kind }) => kind === "write")).toHaveLength(4);
        asked.slice(0).forEach(({ id }) => thread.emit("message", { id, answer: [] }));
        await until(() => asked.filter(({ kind }) => kind === "write").length === 5);
        asked.forEach(({ id }) => thread.emit("message", { id, answer: [] }));
        const closing = hung.close();
        thread.emit("message", { id: asked.at(-1)?.id, answer: null });
        await closing;
        const written = asked.flatMap(({ kind, ask }) => (kind === "write" ? (ask as Exchange["write"]["ask"]).rows : []));
        expect(written).toHaveLength(22);
    });

    it("says once that its file is damaged, and the service goes on", async () => {
        const { database, lines, table } = open("not a database, and long enough to be read as one ".repeat(50));
        table.add(row(1));
        await expect(table.byId(NEWEST)).rejects.toThrow(/cannot be used: file is not a database/);
        table.add(row(2));
        await expect(table.byId(NEWEST)).rejects.toThrow(/cannot be used/);
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(/ERROR db .*goes on without it/);
        await database.close();
        expect(lines.at(-1)).toMatch(/2 rows could not be written/);
    });

    it("writes again when the folder can be written again", async () => {
        const { file, database, lines, table } = open();
        const folder = path.dirname(file);
        rmSync(folder, { recursive: true });
        writeFileSync(folder, "a file where the folder was");
        table.add(row(1));
        await until(() => lines.some((line) => line.includes('ERROR db')));
        rmSync(folder);
        await until(() => lines.some((line) => line.includes("is in use again")));
        expect(await table.byId(NEWEST)).toMatchObject([{ ts: 1 }]);
        await database.close();
    });

    it("says that a full disk is full, and keeps the rows", async () => {
        const { file, database, lines, threads, table } = open();
        table.add(row(1));
        await table.byId(NEWEST);
        // The file may have no more pages: for SQLite the same error as a full disk.
        const { n } = rows(file, "SELECT page_count AS n FROM pragma_page_count")[0] as { n: number };
        await threads[0]?.terminate();
        const full = new Database(file, new Log("debug", (line) => lines.push(line)), (name) => {
            const code = `import { workerData, parentPort } from "node:worker_threads"; import { DatabaseSync } from "node:sqlite";
                const open = DatabaseSync.prototype.exec; let limit = true; parentPort.on("message", (m) => { if (m === "space") limit = false; });
                DatabaseSync.prototype.exec = function (sql) { open.call(this, "PRAGMA max_page_count = " + (limit ? ${n} : 100000)); return open.call(this, sql); };
                await import(${JSON.stringify(new URL("../src/store/thread.js", import.meta.url).href)});`;
            return (threads[1] = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData: { file: name } }));
        });
        const table2 = new LogTable(full);
        table2.add(row(2, "x".repeat(200_000)));
        await until(() => lines.some((line) => /ERROR db .*full/.test(line)));
        threads[1]?.postMessage("space");
        await until(() => lines.some((line) => line.includes("is in use again")));
        await full.close();
        await database.close();
        expect(rows(file, "SELECT ts FROM log ORDER BY id")).toEqual([{ ts: 1 }, { ts: 2 }]);
    });
});

it("keeps the newest rows while nothing can be written, and counts the others", () => {
    const backlog = new Backlog(3, 1000);
    [1, 2, 3, 4, 5].forEach((stamp) => backlog.add({ table: "log", row: row(stamp) }));
    expect(backlog.take().map(({ row: { ts: stamp } }) => stamp)).toEqual([3, 4, 5]);
    expect(backlog.lost).toBe(2);
    backlog.add({ table: "log", row: row(6, "x".repeat(990)) });
    backlog.giveBack([{ table: "log", row: row(5) }]);
    expect(backlog.take().map(({ row: { ts: stamp } }) => stamp)).toEqual([6]);
});

describe("old rows", { timeout: 30_000 }, () => {
    function old() {
        const opened = open();
        writeOldDatabase(opened.file, [400, 40, 1]);
        return opened;
    }

    it("of prompts stay, as version 1.1.3 keeps them; those of the log go", async () => {
        const { database, log, lines, prompts, table } = old();
        const days = { log: 30, prompts: 0, responseHours: 24 };
        await announce(database, log, days);
        await sweep(database, log, days, true);
        expect(lines.join("\n")).toMatch(/log are kept for 30 days \(log\.liveDay\), prompts for ever/);
        expect(await prompts.byId(NEWEST)).toHaveLength(3);
        expect(await table.byId(NEWEST)).toMatchObject([{ id: 3, data: "first" }]);
        prompts.add({ ...entry, answerRaw: "raw" });
        expect(await prompts.byId({ ...NEWEST, limit: 1 })).toMatchObject([{ answerRaw: "raw", requestId: "r" }]);
        await database.close();
    });

    it("of prompts are deleted where the configuration asks for it, after the log has told, and no byte stays", async () => {
        const { file, database, log, lines, prompts } = old();
        const size = statSync(file).size;
        const days = { log: 30, prompts: 30, responseHours: 24 };
        await announce(database, log, days);
        await sweep(database, log, days, false);
        expect(await prompts.byId(NEWEST)).toHaveLength(3);
        expect(lines.join("\n")).toMatch(/WARN db .*prompts for 30 days \(log\.promptLiveDay\): 2 prompts are older and will be deleted in an hour/);
        await sweep(database, log, days, true);
        expect(await prompts.byId(NEWEST)).toHaveLength(1);
        expect(lines.join("\n")).toMatch(/deleted 2 prompts older than 30 days/);
        const left = readFileSync(file, "latin1") + readFileSync(`${file}-wal`, "latin1");
        expect(left).not.toMatch(/days400|days40"|zzzzzzzzzzzzzzzzzzzz/);
        expect(left).toContain("days1");
        expect(statSync(file).size).toBeLessThan(size);
        expect(await prompts.clear()).toBe(1);
        expect(readFileSync(file, "latin1") + readFileSync(`${file}-wal`, "latin1")).not.toContain("days1");
        await database.close();
    });
});
