/** Tokens that the corrected native part chooses and computes by itself, on a real model: MENTATOR_TEST_MODEL names its file. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { backendFromEnvironment } from "../src/backend/backend.js";
import type { CompletionRequest, Generated, LoadedModel } from "../src/engine/engine.js";
import { LlamaEngine } from "../src/engine/llama-engine.js";
import { Log } from "../src/log.js";
import { addonOf, intercept } from "./native.js";

const MODEL = process.env["MENTATOR_TEST_MODEL"] ?? "";
const CONTEXT = 512;
const NEVER = new AbortController().signal;
const OPTIONS = { temperature: 0, topP: 1, topK: 0, minP: 0, maxTokens: 48, repeatPenalty: 1 };

function story(about: string, more: Partial<CompletionRequest> = {}): CompletionRequest {
    return { kind: "completion", prompt: `A long story about ${about}. Once upon a time`, options: OPTIONS, ...more };
}

describe.skipIf(MODEL === "")("several tokens at once", { timeout: 400_000 }, () => {
    let engine: LlamaEngine;
    let model: LoadedModel;
    /** Tokens of each sequence in each answer of the native part. */
    let given: number[][] = [];

    async function freshModel(slots = 1): Promise<void> {
        await engine.close();
        engine = new LlamaEngine(backendFromEnvironment({}).backend, 1, { slots, contextSize: 0, batchSize: 64, queueSize: 1 }, new Log("error", () => undefined));
        await engine.start();
        model = await engine.load({ name: "model", file: MODEL, contextSize: CONTEXT }, () => false, NEVER);
        given = [];
        intercept(addonOf(engine), "decodeBatch", (original) => async (...call) => {
            const chosen = await original(...call);
            given.push(chosen.map((tokens) => (tokens instanceof Error ? 0 : tokens.length)));
            return chosen;
        });
    }

    /** One token for each call, as with the stock native part. */
    function oneByOne(): void {
        intercept(addonOf(engine), "decodeBatch", (original) => async (indexes, samplers, most) => original(indexes, samplers, most, 0));
    }

    const run = async (request: CompletionRequest, signal = NEVER): Promise<Generated> => engine.generate(model, request, { signal });
    const several = (): boolean => given.some((tokens) => tokens.some((count) => count > 1));
    const computed = (): number => addonOf(engine).getSequenceKvCacheMaxPosition(0) + 1;

    beforeAll(() => {
        engine = new LlamaEngine(backendFromEnvironment({}).backend, 1, { slots: 1, contextSize: 0, batchSize: 64, queueSize: 1 }, new Log("error", () => undefined));
    });
    beforeEach(async () => freshModel(), 60_000);
    afterAll(async () => engine.close());

    it("has the corrected native part", () => {
        expect(addonOf(engine).mentatorSteps).toBeTypeOf("function");
    });

    it.each([
        ["the most likely token", OPTIONS],
        ["a random token", { ...OPTIONS, temperature: 0.9, topK: 40, topP: 0.95, minP: 0.01, seed: 7 }],
    ])("gives the same text as one by one: %s", async (_name, options) => {
        const together = await run(story("the sea", { options }));
        expect(several()).toBe(true);
        await freshModel();
        oneByOne();
        const alone = await run(story("the sea", { options }));
        expect(several()).toBe(false);
        expect(together.text).toBe(alone.text);
        expect(together.usage.completionTokens).toBe(alone.usage.completionTokens);
    });

    it("returns the first token alone, and no more tokens than allowed", async () => {
        const { usage, finishReason } = await run(story("the sea", { options: { ...OPTIONS, maxTokens: 11 } }));
        expect([usage.completionTokens, finishReason]).toEqual([11, "length"]);
        expect(given.find((tokens) => tokens.length > 0)).toEqual([1]);
        // The last token is only chosen: no token follows, so it need not be computed.
        expect(computed()).toBe(usage.promptTokens + 10);
    });

    it("returns each token at once where a token takes longer than a client should wait", async () => {
        // No token of this model is computed in a tenth of a millisecond.
        intercept(addonOf(engine), "decodeBatch", (original) => async (indexes, samplers, most) => original(indexes, samplers, most, 0.1));
        await run(story("the sea"));
        expect(several()).toBe(false);
    });

    it("fills the whole context", async () => {
        const { usage, finishReason } = await run(story("the sea", { options: { ...OPTIONS, maxTokens: 4096 } }));
        expect([usage.promptTokens + usage.completionTokens, finishReason]).toEqual([CONTEXT - 1, "length"]);
        expect(computed()).toBeLessThan(CONTEXT);
    });

    it("forgets tokens that were computed after a stop text", async () => {
        const whole = await run(story("the sea"));
        const [, stop = ""] = whole.text.trim().split(" ");
        await freshModel();
        const stopped = await run(story("the sea", { stop: [stop] }));
        expect(stopped.text.length).toBeLessThan(whole.text.length);
        // Its slot keeps what the request shares, and nothing of the rest.
        const again = await run(story("the sea"));
        expect(again.usage.cachedTokens).toBeGreaterThan(0);
        expect(again.text).toBe(whole.text);
        expect(again.usage.completionTokens).toBe(OPTIONS.maxTokens);
    });

    it("chooses one token at a time where each changes how the next is chosen", async () => {
        await run(story("the sea", { options: { ...OPTIONS, repeatPenalty: 1.1 } }));
        expect(several()).toBe(false);
        const schema = { type: "object", properties: { name: { type: "string", maxLength: 20 } }, required: ["name"] };
        const { text } = await run(story("a king", { constraint: { kind: "schema", schema } }));
        expect(several()).toBe(false);
        expect(JSON.parse(text)).toHaveProperty("name");
    });

    it("starts no more batches once it is aborted", async () => {
        const abort = new AbortController();
        const why = new Error("enough");
        intercept(addonOf(engine), "decodeBatch", (original) => async (...call) => {
            if (call[2].some((most) => most > 1)) {
                setTimeout(() => abort.abort(why), 1);
            }
            return original(...call);
        });
        await expect(run(story("the sea", { options: { ...OPTIONS, maxTokens: 400 } }), abort.signal)).rejects.toBe(why);
        const then = computed();
        expect(then).toBeLessThan(100);
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(computed()).toBe(then);
        expect((await run(story("the sea"))).usage.completionTokens).toBe(OPTIONS.maxTokens);
    });

    it("serves a request that comes during another, and both get their own answers", async () => {
        await freshModel(3);
        const lengths = [90, 20, 5];
        const answers = await Promise.all(
            lengths.map(async (maxTokens, index) => {
                await new Promise((resolve) => setTimeout(resolve, index * 100));
                return run(story(["the sea", "a dog", "the sun"][index] ?? "", { options: { ...OPTIONS, maxTokens } }));
            }),
        );
        expect(answers.map(({ usage }) => usage.completionTokens)).toEqual(lengths);
        expect(given.some((tokens) => tokens.length > 1)).toBe(true);
    });
});
