/** Faults of the engine's process while it works with a real model: MENTATOR_TEST_MODEL names its file. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CPU } from "../src/backend/table.js";
import type { Chunk, LoadSpec } from "../src/engine/engine.js";
import { EngineProcess } from "../src/engine-process/engine-process.js";
import { engineProgram } from "../src/engine-process/program.js";
import { EngineLost } from "../src/errors.js";
import { Log } from "../src/log.js";
import { FairScheduler } from "../src/schedule/fair.js";
import { RunAgain } from "../src/schedule/run-again.js";
import { build, type Built } from "./built.js";

const MODEL = process.env["MENTATOR_TEST_MODEL"] ?? "";
const NEVER = new AbortController().signal;
const OPTIONS = { temperature: 0, topP: 1, topK: 0, minP: 0, maxTokens: 12, repeatPenalty: 1 };
const SPEC: LoadSpec = { name: "model", file: MODEL, contextSize: 1024 };
const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

describe.skipIf(MODEL === "")("a fault of the engine's process with a real model", { timeout: 400_000 }, () => {
    let built: Built;
    let engine: EngineProcess;
    let scheduler: RunAgain;
    let expected: string;

    const hit = (signal: NodeJS.Signals): void => void process.kill(engine.state.pid ?? -1, signal);

    async function answer(prompt: string, onChunk?: (chunk: Chunk) => void): Promise<unknown> {
        const request = { kind: "completion", prompt, options: OPTIONS } as const;
        const finished = await scheduler.run({ spec: SPEC, request, signal: NEVER, ...(onChunk === undefined ? {} : { onChunk }) });
        return "failure" in finished ? finished.failure : finished.result.text;
    }

    /** Whole again: the same text as before any fault. */
    async function expectWhole(): Promise<void> {
        expect(await answer("One, two, three,")).toBe(expected);
        expect(engine.state).toMatchObject({ running: true, restarts: 1 });
    }

    beforeAll(() => {
        built = build();
    }, 120_000);
    beforeEach(async () => {
        const setup = { backend: { mode: CPU, reason: "test", devices: [] }, threads: 1, settings: { slots: 4, contextSize: 0, batchSize: 32, queueSize: 1 }, logLevel: "error" } as const;
        const nothing = (): void => undefined;
        const limits = { stillSeconds: 5, silentSeconds: 120, idleStepSeconds: 60, stepSeconds: 900 };
        engine = new EngineProcess(setup, engineProgram(process.env, built.engineProgram), { log: new Log("error", nothing), witness: undefined, onNativeDeath: nothing, onGivenUp: nothing, limits });
        scheduler = new RunAgain(new FairScheduler(engine, 16));
        await engine.start();
        expected = String(await answer("One, two, three,"));
        expect(expected).not.toBe("");
    }, 200_000);
    afterEach(async () => engine.close());
    afterAll(() => built.remove());

    it("while a model is loaded", async () => {
        const loading = engine.load({ ...SPEC, contextSize: 512 }, () => false, NEVER);
        setTimeout(() => hit("SIGKILL"), 50);
        await expect(loading).rejects.toBeInstanceOf(EngineLost);
        await expectWhole();
    });

    it("while a model is unloaded", async () => {
        const busy = (): boolean => {
            hit("SIGABRT");
            return false;
        };
        await expect(engine.load({ ...SPEC, contextSize: 512 }, busy, NEVER)).rejects.toBeInstanceOf(EngineLost);
        await expectWhole();
    });

    it("while a prompt is read: the request is run again", async () => {
        const asked = answer(`${"one two three four ".repeat(60)}Then comes`);
        setTimeout(() => hit("SIGABRT"), 300);
        expect(typeof (await asked)).toBe("string");
        await expectWhole();
    });

    it("while texts are generated: what has begun fails, what has not is run again", async () => {
        let chunks = 0;
        const begun = answer("One, two, three,", () => {
            chunks += 1;
            if (chunks === 1) {
                hit("SIGSEGV");
            }
        });
        const beside = answer("One, two, three,");
        expect(await begun).toBeInstanceOf(EngineLost);
        expect(await beside).toBe(expected);
        await expectWhole();
    });

    it("while it is stopped, and a grammar is asked for", async () => {
        hit("SIGSTOP");
        await expect(engine.checkGrammar(SCHEMA)).rejects.toBeInstanceOf(EngineLost);
        expect(await engine.checkGrammar(SCHEMA)).toBe("");
        await expectWhole();
    });
});
