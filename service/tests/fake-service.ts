/** A service on a fake engine, a real catalog and a real database in a temporary folder. */

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { NamedKey } from "../src/config/api-keys.js";
import type { ChosenBackend } from "../src/backend/backend.js";
import { defaultsFor, plainOptions } from "../src/config/options.js";
import { CPU } from "../src/backend/table.js";
import type { Device, Embedded, Engine, FinishReason, Generated, GenerationRequest, LoadedModel, LoadSpec, RunOptions, TextDone, TextTask } from "../src/engine/engine.js";
import { badRequest, gpuLostError, shuttingDownError } from "../src/errors.js";
import { areSet, type Keys } from "../src/http/api-keys.js";
import { InFlight } from "../src/http/in-flight.js";
import { readiness, type Service } from "../src/http/service.js";
import { Log } from "../src/log.js";
import { figuresOf } from "../src/metrics/measured.js";
import { Metrics } from "../src/metrics/metrics.js";
import { ModelCatalog } from "../src/models/catalog.js";
import { inspectFile } from "../src/models/inspect.js";
import type { ModelKind } from "../src/models/kind.js";
import { Journal } from "../src/prompt/journal.js";
import { Prompts, type ServerTools } from "../src/prompt/prompts.js";
import { Puller } from "../src/pull/puller.js";
import { FairScheduler } from "../src/schedule/fair.js";
import { Database } from "../src/store/database.js";
import { LogTable } from "../src/store/logs.js";
import { PromptTable } from "../src/store/prompts.js";
import { ResponseTable } from "../src/store/responses.js";

/** Answers with `text` after `delayMsec`; can be aborted. */
export class FakeEngine implements Engine {
    public ready = true;
    public current: LoadedModel | undefined;
    public text = "hello";
    public finishReason: FinishReason = "stop";
    public toolCalls: Generated["toolCalls"] = [];
    /** The arguments of the first call as they are told, piece by piece. */
    public callPieces: readonly string[] = [];
    public delayMsec = 0;
    public usage: Generated["usage"] = { promptTokens: 1, completionTokens: 2, tokensPerSecond: 3 };
    /** Thrown after the last piece. */
    public failAfter: Error | undefined;
    public slots = 1;
    public readonly asked: GenerationRequest[] = [];
    public readonly tasks: TextTask[] = [];
    public stopText: string | undefined;
    public reasoning: string | undefined;

    public async start(): Promise<void> {
        await Promise.resolve();
    }

    public async device(): Promise<Device> {
        return Promise.resolve({ device: "test", totalVramMb: 0, usedVramMb: 0 });
    }

    public get loaded(): readonly LoadedModel[] {
        return this.current === undefined ? [] : [this.current];
    }

    public find(spec: LoadSpec): LoadedModel | undefined {
        return JSON.stringify(this.current?.spec) === JSON.stringify(spec) ? this.current : undefined;
    }

    public async load(spec: LoadSpec): Promise<LoadedModel> {
        const contextSize = spec.contextSize ?? 1024;
        this.current = { spec, sizeBytes: 1, loadTimestamp: 1, gpulayer: spec.gpulayer ?? 0, contextSize, trainContextSize: 8192, slots: this.slots, batchSize: 128 };
        return Promise.resolve(this.current);
    }

    public async generate(_model: LoadedModel, request: GenerationRequest, { signal, onChunk }: RunOptions): Promise<Generated> {
        this.asked.push(request);
        await this.pause(signal);
        if (this.reasoning !== undefined) {
            onChunk?.({ kind: "reasoning", text: this.reasoning, tokens: 1 });
        }
        for (const [text] of this.text.matchAll(/\s*\S+/g)) {
            onChunk?.({ kind: "text", text, tokens: 1 });
        }
        const [call] = this.toolCalls;
        this.callPieces.forEach((text, index) => onChunk?.({ kind: "call", text, tokens: 1, ...(index === 0 && call !== undefined ? { call } : {}) }));
        if (this.failAfter !== undefined) {
            throw this.failAfter;
        }
        const { text, finishReason, toolCalls } = this;
        const { reasoning, stopText } = this;
        return { text, finishReason, toolCalls, usage: this.usage, ...(reasoning === undefined ? {} : { reasoning }), ...(stopText === undefined ? {} : { stopText }) };
    }

    public async embed(_model: LoadedModel, texts: readonly string[], signal: AbortSignal): Promise<Embedded> {
        await this.pause(signal);
        return { vectors: texts.map((text) => [text.length, 0.5]), tokens: texts.length };
    }

    /** Words are tokens, numbered by their length. */
    public async doText(_model: LoadedModel, task: TextTask, signal: AbortSignal): Promise<TextDone> {
        this.tasks.push(task);
        await this.pause(signal);
        switch (task.kind) {
            case "count":
                return { count: this.usage.promptTokens };
            case "layOut":
                return { count: 1, text: JSON.stringify(task.request) };
            case "tokenize": {
                const pieces = task.text.split(" ");
                return { count: pieces.length, tokens: pieces.map(({ length }) => length), ...(task.pieces ? { pieces } : {}) };
            }
            case "detokenize":
                return { count: task.tokens.length, text: task.tokens.map((length) => "x".repeat(length)).join(" ") };
        }
    }

    private async pause(signal: AbortSignal): Promise<void> {
        signal.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
            const timer = setTimeout(resolve, this.delayMsec);
            signal.addEventListener("abort", () => {
                clearTimeout(timer);
                reject(signal.reason as Error);
            });
        });
    }

    public async checkGrammar(): Promise<string> {
        return Promise.resolve("");
    }

    public async close(): Promise<void> {
        await Promise.resolve();
    }
}

const NO_TOOLS: ServerTools = {
    choose: async (names) => (names.length > 0 ? Promise.reject(badRequest("toolServer: there are no tools")) : Promise.resolve([])),
    call: async () => Promise.resolve(""),
};

const ON_CPU: ChosenBackend = { backend: { mode: CPU, reason: "test", devices: [] }, modes: [CPU], warnings: [] };

/** Holds no model: the engine is a fake. */
const TINY = "Tiny.Q4.gguf";

export interface Fake {
    readonly service: Service;
    readonly engine: FakeEngine;
    readonly scheduler: FairScheduler;
    readonly database: Database;
    /** What was printed. */
    readonly lines: string[];
    stopping: boolean;
    /** Why the GPU is gone. */
    lost: string | undefined;
}

export function fakeService(options: { dbFile?: string; savePrompt?: boolean; queueLimit?: number; apiKey?: string; apiKeys?: NamedKey[]; corsOrigins?: string[]; allowedHosts?: string[]; serverTools?: ServerTools; chosen?: ChosenBackend; kind?: ModelKind; hosts?: string[]; endpoint?: string; token?: string; sources?: string[]; withoutKey?: boolean; liveHours?: number } = {}): Fake {
    const chosen = options.chosen ?? ON_CPU;
    const keys: Keys = { apiKey: options.apiKey ?? "", named: options.apiKeys ?? [] };
    const folder = mkdtempSync(path.join(tmpdir(), "mentator-"));
    const modelDir = path.join(folder, "models");
    mkdirSync(modelDir);
    writeFileSync(path.join(modelDir, TINY), "x");
    const lines: string[] = [];
    const log = new Log("debug", (line) => lines.push(line));
    const database = new Database(options.dbFile ?? path.join(folder, "test.db"), log);
    const logTable = new LogTable(database);
    log.attach((row) => logTable.add(row));
    const savePrompt = options.savePrompt ?? false;
    const promptTable = new PromptTable(database, savePrompt);
    const engine = new FakeEngine();
    const models = new ModelCatalog(modelDir, async (file) => (path.basename(file) === TINY ? { facts: { kind: options.kind ?? "chat", layerCount: 2 }, incomplete: false } : inspectFile(file)), log);
    const scheduler = new FairScheduler(engine, options.queueLimit ?? 256);
    const promptOptions = defaultsFor("json");
    const hosts = options.hosts ?? [];
    const puller = new Puller({ modelDir, hosts, endpoint: options.endpoint ?? "https://hub.invalid", token: options.token, tries: { most: 2, pause: 1, longestPause: 5, longestWish: 5000 } }, log, async () => models.rescanFromNow());
    const startTimestamp = Date.now();
    const refusal = (): ReturnType<Service["refusal"]> => (fake.stopping ? shuttingDownError() : fake.lost === undefined ? undefined : gpuLostError(fake.lost));
    const engineState: Service["engineState"] = () => ({ running: engine.ready, pid: null, restarts: 0, lastEnd: null, lastEndTimestamp: null, residentBytes: 0 });
    const notReady = (): ReturnType<Service["notReady"]> => readiness(engine, models, refusal(), puller.progress);
    const ready = (): boolean => notReady() === undefined;
    const metrics = new Metrics({ version: "1.2.3", backend: chosen.backend.mode.name }, figuresOf({ engine, engineState, models, scheduler, startTimestamp, ready, gpuLost: () => fake.lost }));
    const journal = new Journal(promptTable.add, metrics, log);
    const fake: Fake = {
        engine,
        scheduler,
        database,
        lines,
        stopping: false,
        lost: undefined,
        service: {
            version: "1.2.3",
            startTimestamp,
            backend: chosen.backend,
            backendNames: chosen.modes.map(({ name }) => name),
            engine,
            engineState,
            models,
            puller,
            management: { modelDir, sources: options.sources ?? [], allowed: areSet(keys) || options.withoutKey === true },
            scheduler,
            prompts: new Prompts(models, scheduler, promptOptions, options.serverTools ?? NO_TOOLS, journal, (line) => log.write("warn", "prompt", line)),
            journal,
            metrics,
            keys,
            allowedHosts: options.allowedHosts ?? [],
            corsOrigins: options.corsOrigins ?? [],
            notReady,
            logTable,
            promptTable,
            responseTable: new ResponseTable(database, options.liveHours ?? 24),
            defaultOptions: plainOptions(promptOptions),
            promptOptions,
            savePrompt,
            log,
            leaving: () => fake.stopping,
            stopping: () => fake.stopping,
            gpuLost: () => fake.lost,
            refusal,
            cut: new AbortController().signal,
            inFlight: new InFlight(),
        },
    };
    return fake;
}
