/** Faults of the engine's process, which is a real one here: tests/fake-engine.mjs, which computes nothing. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { CPU, type Mode } from "../src/backend/table.js";
import { type Chunk, type LoadedModel, MemoryBusy } from "../src/engine/engine.js";
import { EngineProcess } from "../src/engine-process/engine-process.js";
import { engineProgram } from "../src/engine-process/program.js";
import { ContextOverflow, EngineLost, StartError } from "../src/errors.js";
import { Log } from "../src/log.js";
import { FairScheduler } from "../src/schedule/fair.js";
import { RunAgain } from "../src/schedule/run-again.js";

const FILE = fileURLToPath(new URL("fake-engine.mjs", import.meta.url));
const NEVER = new AbortController().signal;
const OPTIONS = { temperature: 0, topP: 1, topK: 0, minP: 0, maxTokens: 8, repeatPenalty: 1 };
const GPU: Mode = { ...CPU, name: "cuda", gpu: "cuda" };

/** Judged ten times a second: 6 s and 20 s, as a busy machine lets a process wait for seconds. */
const LIMITS = { stillSeconds: 60, silentSeconds: 200, idleStepSeconds: 200, stepSeconds: 60 };

interface Started {
    readonly engine: EngineProcess;
    readonly scheduler: RunAgain;
    readonly lines: string[];
    readonly deaths: string[];
    readonly witnessed: string[];
    readonly givenUp: StartError[];
    readonly environment: NodeJS.ProcessEnv;
}

const open: Started[] = [];
/** Of all processes that were started. */
const pids = new Set<number>();
const folder = mkdtempSync(path.join(tmpdir(), "mentator-"));
let count = 0;

function prepare(word = "", mode = CPU): Started {
    count += 1;
    const lines: string[] = [];
    const deaths: string[] = [];
    const witnessed: string[] = [];
    const givenUp: StartError[] = [];
    const backend = { mode, reason: "test", devices: [] };
    const setup = { backend, threads: 1, settings: { slots: 0, contextSize: 0, batchSize: 0, queueSize: 1 }, logLevel: "debug" } as const;
    const environment = { ...process.env, FAKE_ENGINE: word, FAKE_ONCE: path.join(folder, String(count)), NODE_OPTIONS: "--max-old-space-size=64" };
    const engine = new EngineProcess(setup, { file: FILE, environment }, {
        log: new Log("debug", (line) => lines.push(line)),
        witness: { onSuccess: () => witnessed.push("success"), onFailure: () => witnessed.push("failure"), look: async () => Promise.resolve() },
        onNativeDeath: (why) => deaths.push(why),
        onGivenUp: (why) => givenUp.push(why),
        limits: LIMITS,
        judgeEveryMsec: 100,
    });
    const started = { engine, scheduler: new RunAgain(new FairScheduler(engine, 16)), lines, deaths, witnessed, givenUp, environment };
    open.push(started);
    return started;
}

async function start(word = "", mode = CPU): Promise<Started> {
    const started = prepare(word, mode);
    await started.engine.start();
    return started;
}

function isThere(pid: number): boolean {
    try {
        return process.kill(pid, 0);
    } catch {
        return false;
    }
}

afterEach(async () => {
    const started = open.splice(0);
    started.forEach(({ engine }) => pids.add(engine.state.pid ?? 0));
    await Promise.all(started.map(async ({ engine }) => engine.close()));
});

afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    expect([...pids].filter((pid) => pid > 0 && isThere(pid))).toEqual([]);
});

const spec = (file = "model"): { name: string; file: string } => ({ name: file, file });
const ask = (prompt: string) => ({ kind: "completion", prompt, options: OPTIONS }) as const;
const load = async ({ engine }: Started, file = "model"): Promise<LoadedModel> => engine.load(spec(file), () => false, NEVER);

/** What the scheduler's caller sees: a text, or an error. */
async function text({ scheduler }: Started, prompt: string, onChunk?: (chunk: Chunk) => void): Promise<unknown> {
    const finished = await scheduler.run({ spec: spec(), request: ask(prompt), signal: NEVER, ...(onChunk === undefined ? {} : { onChunk }) });
    return "failure" in finished ? finished.failure : finished.result.text;
}

describe("the engine in its own process", () => {
    it("loads, generates, embeds and checks", async () => {
        const started = await start();
        const { engine } = started;
        expect(engine.ready).toBe(true);
        const model = await load(started);
        expect(engine.find(spec())).toBe(model);
        expect(engine.loaded).toEqual([model]);
        const chunks: Chunk[] = [];
        expect(await engine.generate(model, ask("hi"), { signal: NEVER, onChunk: (chunk) => chunks.push(chunk) })).toMatchObject({ text: "hi" });
        expect(chunks).toEqual([{ kind: "text", text: "a", tokens: 1 }, { kind: "reasoning", text: "b", tokens: 2 }]);
        expect(await engine.embed(model, ["a", "abc"], NEVER)).toEqual({ vectors: [[1, 0.5], [3, 0.5]], tokens: 2 });
        expect(await engine.checkGrammar({})).toBe("");
    });

    it("passes on the engine's errors as what they are", async () => {
        const started = await start();
        const model = await load(started);
        await expect(started.engine.generate(model, ask("overflow"), { signal: NEVER })).rejects.toMatchObject({ of: "prompt", statusCode: 400 });
        await expect(started.engine.generate(model, ask("overflow"), { signal: NEVER })).rejects.toBeInstanceOf(ContextOverflow);
        await expect(load(started, "busy")).rejects.toBeInstanceOf(MemoryBusy);
    });

    it("rejects an aborted call with the signal's reason, once the engine has let it go", async () => {
        const started = await start();
        const model = await load(started);
        const abort = new AbortController();
        const why = new Error("enough");
        const call = started.engine.generate(model, ask("wait"), { signal: abort.signal, onChunk: () => abort.abort(why) });
        await expect(call).rejects.toBe(why);
    });

    it("unloads no model that a request runs on, and gives none to one that it unloads", async () => {
        const started = await start();
        const first = await load(started);
        const second = await started.engine.load(spec("second"), (model) => model === first, NEVER);
        expect(started.engine.loaded).toEqual([second, first]);
        const third = await started.engine.load(spec("third"), () => false, NEVER);
        expect(started.engine.loaded).toEqual([third]);
        await expect(started.engine.generate(first, ask("hi"), { signal: NEVER })).rejects.toBeInstanceOf(EngineLost);
    });

    it("takes a prompt of 16 MB in both widths of characters", async () => {
        const started = await start();
        const model = await load(started);
        for (const prompt of ["a".repeat(16_000_000), "\u4e00".repeat(16_000_000)]) {
            expect((await started.engine.generate(model, ask(prompt), { signal: NEVER })).text === prompt).toBe(true);
        }
    }, 120_000);

    it("has what the entrypoint exports in its environment, and not the service's secrets", () => {
        const { environment, file } = engineProgram({ MENTATOR_API_KEY: "secret", HF_TOKEN: "secret", MENTATOR_MODELS: "secret", https_proxy: "secret", UV_THREADPOOL_SIZE: "1" });
        expect(Object.entries(environment).filter(([, value]) => value !== undefined)).toEqual([["UV_THREADPOOL_SIZE", "1"]]);
        expect(path.basename(file)).toBe("child.js");
    });
});

const MOMENTS = ["load", "prompt", "generation", "grammar", "embed"] as const;
const FAULTS = ["kill", "abort", "segv", "heap", "exit", "throw", "stop", "close", "garbage", "long", "unknown", "unkind", "broken"] as const;

async function provoke(started: Started, moment: (typeof MOMENTS)[number], word: string): Promise<unknown> {
    const { engine } = started;
    switch (moment) {
        case "load":
            return load(started, word);
        case "grammar":
            return engine.checkGrammar({ title: word });
        case "embed":
            return engine.embed(await load(started), [word], NEVER);
        case "prompt":
        case "generation":
            return engine.generate(await load(started), ask(word), { signal: NEVER });
    }
}

describe.each(MOMENTS)("a fault at the moment %s", { timeout: 120_000 }, (moment) => {
    it.each(FAULTS)("%s costs one restart and that call", async (fault) => {
        const started = await start();
        await expect(provoke(started, moment, `${moment}:${fault}`)).rejects.toBeInstanceOf(EngineLost);
        expect(started.engine.loaded).toEqual([]);
        expect(await text(started, "after")).toBe("after");
        expect(started.engine.state).toMatchObject({ running: true, restarts: 1 });
        expect(started.engine.state.lastEnd).not.toBeNull();
        expect(started.lines.join("\n")).toContain("the engine's process is gone: it ");
    });
});

describe("a fault of the engine's process", { timeout: 120_000 }, () => {
    it("while a model is unloaded costs one restart", async () => {
        const started = await start("unload:abort:once");
        await load(started);
        await expect(load(started, "second")).rejects.toBeInstanceOf(EngineLost);
        expect((await load(started, "second")).spec.name).toBe("second");
    });

    it("runs a request again of which the client has seen nothing", async () => {
        for (const word of ["prompt:kill:once", "generation:abort:once", "prompt:stop:once"]) {
            const started = await start();
            expect(await text(started, word)).toBe(word);
            expect(started.engine.state.restarts).toBe(1);
        }
    });

    it("lets a model alone that ends it whenever it is loaded, and goes on with others", async () => {
        const started = await start();
        for (let index = 0; index < 6; index += 1) {
            const why = index < 2 ? { name: "ServiceError", statusCode: 503 } : { statusCode: 503, message: expect.stringMatching(/ended each time that it loaded load:abort, so it is not loaded for \d+ s/) as string };
            await expect(load(started, "load:abort")).rejects.toMatchObject(why);
        }
        expect(started.engine.state).toMatchObject({ restarts: 2 });
        expect(await text(started, "after")).toBe("after");
        expect(started.givenUp).toEqual([]);
        const replaced = { ...spec("load:abort"), modifiedMs: 7 };
        await expect(started.engine.load(replaced, () => false, NEVER)).rejects.toBeInstanceOf(EngineLost);
    });

    it("does not run a request again of which the client has seen a part", async () => {
        const started = await start();
        const chunks: Chunk[] = [];
        expect(await text(started, "generation:kill:once", (chunk) => chunks.push(chunk))).toBeInstanceOf(EngineLost);
        expect(chunks).toHaveLength(2);
    });

    it("runs a request again once and not twice", async () => {
        const started = await start();
        expect(await text(started, "prompt:kill")).toMatchObject({ twice: true, statusCode: 503 });
        expect(started.engine.state.restarts).toBe(2);
        expect(await text(started, "after")).toBe("after");
    });

    it("lets the requests beside it be answered", async () => {
        const started = await start();
        const answers = await Promise.all(["one", "prompt:abort:once", "two", "three", "generation:kill:once"].map(async (prompt) => text(started, prompt)));
        expect(answers).toEqual(["one", "prompt:abort:once", "two", "three", "generation:kill:once"]);
    });

    it("does not hold up a call that waits for the restart and is aborted", async () => {
        const started = await start();
        await expect(started.engine.checkGrammar({ title: "grammar:kill" })).rejects.toBeInstanceOf(EngineLost);
        const why = new Error("gone");
        await expect(started.engine.load(spec(), () => false, AbortSignal.abort(why))).rejects.toBe(why);
    });

    it("is a sign against the driver only where the native part or a driver can be its cause", async () => {
        for (const [fault, native] of [["abort", true], ["segv", true], ["stop", true], ["kill", false], ["exit", false], ["heap", false], ["garbage", false]] as const) {
            const started = await start("", GPU);
            await expect(started.engine.checkGrammar({ title: `grammar:${fault}` })).rejects.toBeInstanceOf(EngineLost);
            expect([fault, started.deaths.length > 0, started.witnessed.includes("failure")]).toEqual([fault, native, native]);
        }
    });

    it("says what it was in one line", async () => {
        for (const [fault, said] of [["abort", /SIGABRT \(the native part or a driver gave up\)/], ["exit", /ended with code 7/], ["throw", /nobody catches this/], ["heap", /JavaScript's memory was used up/], ["stop", /has not answered for \d+ s, and does not compute/], ["long", /it sent a message of 4294967295 bytes/]] as const) {
            const started = await start();
            await expect(started.engine.checkGrammar({ title: `grammar:${fault}` })).rejects.toBeInstanceOf(EngineLost);
            expect(started.engine.state.lastEnd).toMatch(said);
        }
    });

    it("is an endless loop, too", async () => {
        const started = await start();
        await expect(started.engine.checkGrammar({ title: "grammar:loop" })).rejects.toBeInstanceOf(EngineLost);
        expect(started.engine.state.lastEnd).toContain("it has not answered for");
    });
});

describe("the supervisor", { timeout: 120_000 }, () => {
    it("gives up after five restarts, with an exit code of its own", async () => {
        const started = await start();
        for (let index = 0; index < 6; index += 1) {
            await expect(started.engine.checkGrammar({ title: "grammar:kill" })).rejects.toBeInstanceOf(EngineLost);
        }
        await expect(started.engine.checkGrammar({})).rejects.toBeInstanceOf(StartError);
        expect(started.givenUp).toMatchObject([{ exitCode: 5 }]);
        expect(started.engine.state).toMatchObject({ running: false, restarts: 5 });
    });

    it("fails at once where the backend cannot be used", async () => {
        const started = prepare("refuse");
        await expect(started.engine.start()).rejects.toMatchObject({ exitCode: 3, lines: ["no device", "none at all"] });
        expect(started.engine.state.restarts).toBe(0);
    });

    it("tries again where the system has no room for another process", async () => {
        const started = await start();
        // A variable that no system takes: the call that starts the process throws at once, as where memory is used up.
        started.environment["NO_ROOM"] = "\0";
        await expect(started.engine.checkGrammar({ title: "grammar:kill" })).rejects.toBeInstanceOf(EngineLost);
        await vi.waitFor(() => expect(started.engine.state.lastEnd).toContain("its start failed: "), { timeout: 20_000 });
        delete started.environment["NO_ROOM"];
        expect(await text(started, "hi")).toBe("hi");
        expect(started.engine.state.restarts).toBe(2);
    });

    it("is told of it by an error where no more files can be opened", () => {
        const { outputText } = ts.transpileModule(readFileSync(new URL("../src/engine-process/program.ts", import.meta.url), "utf8"), { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
        const script = path.join(folder, "files.mjs");
        const open = 'import { openSync } from "node:fs"; try { for (;;) openSync("/dev/null"); } catch {}';
        writeFileSync(script, `${outputText}\n${open}\ntry { spawnProgram({ file: "none", environment: {} }); } catch ({ message }) { setImmediate(() => console.log(message)); }\n`);
        const { stdout, stderr, status } = spawnSync("sh", ["-c", 'ulimit -n 64; exec "$0" "$1"', process.execPath, script], { encoding: "utf8" });
        expect([stdout, stderr, status]).toEqual(["too many files are open for another process\n", "", 0]);
    });

    it("starts again what ends during its start", async () => {
        const started = await start("start:abort:once");
        expect(started.engine.state.restarts).toBe(1);
        expect(await text(started, "hi")).toBe("hi");
    });

    it("ends the process, even one that hangs, and leaves none behind", async () => {
        for (const word of ["", "end:stop", "end:loop"]) {
            const started = await start(word);
            const { pid } = started.engine.state;
            await started.engine.close();
                        expect(isThere(pid ?? 0)).toBe(false);
        }
    });

    it("ends the process while it starts", async () => {
        const started = prepare("start:stop");
        const starting = started.engine.start();
        const failed = expect(starting).rejects.toThrow("shutting down");
        await new Promise((resolve) => setTimeout(resolve, 100));
        await started.engine.close();
        await failed;
        expect(started.engine.state.restarts).toBe(0);
    });
});
