/** What is computed, token by token, on a real model: MENTATOR_TEST_MODEL names its file. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { backendFromEnvironment } from "../src/backend/backend.js";
import type { ChatRequest, Generated, LoadedModel } from "../src/engine/engine.js";
import { LlamaEngine } from "../src/engine/llama-engine.js";
import { Log } from "../src/log.js";
import { addonOf, intercept } from "./native.js";

const MODEL = process.env["MENTATOR_TEST_MODEL"] ?? "";
const BATCH = 64;
const SLOTS = 8;
const NEVER = new AbortController().signal;
const OPTIONS = { temperature: 0, topP: 1, topK: 0, minP: 0, maxTokens: 8, repeatPenalty: 1 };

/** About `tokens` tokens without repetition. */
function words(tokens: number, seed = 0): string {
    return Array.from({ length: tokens / 3 }, (_, index) => `word${(index * 7919 + seed) % 97} `).join("");
}

function ask(user: string, more: Partial<ChatRequest> = {}): ChatRequest {
    return { kind: "chat", messages: [{ role: "user", content: user }], options: OPTIONS, ...more };
}

/** What goes to llama.cpp: a part of a batch. */
interface Fed {
    readonly sequence: number;
    readonly tokens: number;
}

describe.skipIf(MODEL === "")("the engine with a real model", { timeout: 400_000 }, () => {
    let engine: LlamaEngine;
    let model: LoadedModel;
    let fed: Fed[] = [];
    let onFed: (part: Fed) => void = () => undefined;

    async function freshModel(): Promise<void> {
        await engine.close();
        await engine.start();
        model = await engine.load({ name: "model", file: MODEL, contextSize: 4096 }, () => false, NEVER);
        intercept(addonOf(engine), "addToBatch", (original) => (sequence, first, tokens, logits) => {
            const part = { sequence, tokens: tokens.length };
            fed.push(part);
            onFed(part);
            return original(sequence, first, tokens, logits);
        });
    }

    beforeAll(() => {
        // One thread: several wait for each other at every step, which takes very long on a busy machine.
        engine = new LlamaEngine(backendFromEnvironment({}).backend, 1, { slots: SLOTS, contextSize: 0, batchSize: BATCH, queueSize: 1 }, new Log("error", () => undefined));
    });
    beforeEach(async () => {
        await freshModel();
        fed = [];
        onFed = () => undefined;
    }, 60_000);
    afterAll(async () => engine.close());

    const run = async (request: ChatRequest, signal = NEVER): Promise<Generated> => engine.generate(model, request, { signal });

    it("stops reading a prompt within one batch, and continues from there later", async () => {
        const long = ask(words(2000));
        const fresh = await run(long);
        await freshModel();
        fed = [];

        const beside = [1, 2, 3].map(async (seed) => run(ask(words(30, seed), { options: { ...OPTIONS, maxTokens: 60 } })));
        // They have their slots before the long prompt comes.
        const others = new Set<number>();
        await new Promise<void>((resolve) => {
            onFed = ({ sequence }) => {
                others.add(sequence);
                if (others.size === 3) {
                    resolve();
                }
            };
        });
        const abort = new AbortController();
        const why = new Error("enough");
        let read = 0;
        let after = 0;
        onFed = ({ sequence, tokens }) => {
            if (!others.has(sequence)) {
                read += tokens;
                after += abort.signal.aborted ? tokens : 0;
                // In the middle of a queued piece: beside others it gets half of each batch.
                if (read >= 500 && read % BATCH !== 0) {
                    abort.abort(why);
                }
            }
        };
        await expect(run(long, abort.signal)).rejects.toBe(why);
        const stopped = read;
        // The batch that was being prepared is the last one.
        expect(after).toBe(0);
        expect(stopped).toBeLessThan(1000);
        await Promise.all(beside);
        expect(read).toBe(stopped);

        const again = await run(long);
        expect(again.usage.promptTokens).toBeGreaterThan(1900);
        // Everything that was computed is kept, and it is right.
        expect(again.usage.cachedTokens).toBe(stopped);
        expect(again.text).toBe(fresh.text);
    });

    it("stops in the last piece of a prompt, too", async () => {
        const abort = new AbortController();
        onFed = () => abort.abort(new Error("enough"));
        await expect(run(ask(words(50)), abort.signal)).rejects.toThrow("enough");
        onFed = () => undefined;
        expect((await run(ask(words(50)))).text).not.toBe("");
    });

    it("reads the common start of simultaneous requests only once", async () => {
        const system = words(1000);
        const chat = (user: string): ChatRequest => ask("", { messages: [{ role: "system", content: system }, { role: "user", content: user }] });
        const answers = await Promise.all(Array.from({ length: SLOTS }, async (_, index) => run(chat(`Question ${index % 2}?`))));
        const [{ usage }] = answers as [Generated];
        const prompts = fed.filter(({ tokens }) => tokens > 1).reduce((sum, { tokens }) => sum + tokens, 0);
        expect(usage.promptTokens).toBeGreaterThan(900);
        // Each request reads its own last piece, and its question.
        expect(prompts).toBeLessThanOrEqual(usage.promptTokens + (SLOTS - 1) * 2 * BATCH);
        expect(new Set(answers.filter((_, index) => index % 2 === 0).map(({ text }) => text)).size).toBe(1);
    });

    it("reads the common start itself when the request that was reading it has left", async () => {
        const abort = new AbortController();
        onFed = () => abort.abort(new Error("gone"));
        const [first, second] = await Promise.allSettled([run(ask(words(600)), abort.signal), run(ask(words(600)))]);
        expect(first.status).toBe("rejected");
        expect(second).toMatchObject({ status: "fulfilled" });
    });

    it("rejects a request whose sampler fails, and no other one beside it", async () => {
        // The native part takes no such temperature; requests with it are refused before they come here.
        const broken = ask("One", { options: { ...OPTIONS, temperature: "hot" as unknown as number } });
        const ends = await Promise.allSettled([run(ask("Two")), run(broken), run(ask("Three"))]);
        expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
        expect((await run(ask("Four"))).text).not.toBe("");
    });

    it("adds no system message to a chat without one", async () => {
        const { usage } = await run(ask("Hi"));
        // The template's own is "You are a helpful AI assistant named SmolLM, trained by Hugging Face".
        expect(usage.promptTokens).toBeLessThanOrEqual(31);
        const told = await run(ask("Hi", { messages: [{ role: "system", content: "S" }, { role: "user", content: "Hi" }] }));
        expect(told.usage.promptTokens).toBeLessThan(20);
    });
});
