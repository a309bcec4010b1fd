/** Biases of tokens, on a real model: MENTATOR_TEST_MODEL names its file. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backendFromEnvironment } from "../src/backend/backend.js";
import type { Generated, LoadedModel } from "../src/engine/engine.js";
import { LlamaEngine } from "../src/engine/llama-engine.js";
import { Log } from "../src/log.js";

const MODEL = process.env["MENTATOR_TEST_MODEL"] ?? "";
const NEVER = new AbortController().signal;
const OPTIONS = { temperature: 0, topP: 1, topK: 0, minP: 0, maxTokens: 8, repeatPenalty: 1 };

describe.skipIf(MODEL === "")("a bias of tokens", { timeout: 200_000 }, () => {
    let engine: LlamaEngine;
    let model: LoadedModel;
    /** The answer without a bias. */
    let plain: Generated;

    const ask = async (tokenBias?: Readonly<Record<string, number>>): Promise<Generated> =>
        engine.generate(model, { kind: "completion", prompt: "The capital of France is", options: { ...OPTIONS, ...(tokenBias === undefined ? {} : { tokenBias }) } }, { signal: NEVER });

    beforeAll(async () => {
        engine = new LlamaEngine(backendFromEnvironment({}).backend, 1, { slots: 1, contextSize: 0, batchSize: 64, queueSize: 1 }, new Log("error", () => undefined));
        await engine.start();
        model = await engine.load({ name: "model", file: MODEL, contextSize: 512 }, () => false, NEVER);
        plain = await ask();
    }, 100_000);
    afterAll(async () => engine.close());

    it("keeps away a text", async () => {
        expect(plain.text).toContain("Paris");
        const other = await ask({ " Paris": -100 });
        expect(other.text).not.toContain("Paris");
        expect(other.usage.completionTokens).toBe(OPTIONS.maxTokens);
    });

    it("brings a token, by its id", async () => {
        const ids = [(await ask({ 1000: 100 })).text, (await ask({ 2000: 100 })).text];
        expect(ids[0]).not.toBe(ids[1]);
        for (const text of ids) {
            // One token again and again.
            const unit = text.slice(0, text.length / OPTIONS.maxTokens);
            expect(text).toBe(unit.repeat(OPTIONS.maxTokens));
        }
    });

    it("counts for the token that ends an answer, too", async () => {
        const [ended, kept] = [await ask({ 2: 100 }), await ask({ 2: -100 })];
        expect([ended.text, ended.finishReason]).toEqual(["", "stop"]);
        expect([kept.text, kept.finishReason]).toEqual([plain.text, "length"]);
    });

    it("is refused for a token that the model does not have, and the next answer is as before", async () => {
        await expect(ask({ 49152: 1 })).rejects.toThrow("A bias is given for the token 49152, but the model's tokens are 0..49151.");
        expect((await ask()).text).toBe(plain.text);
        expect((await ask({})).text).toBe(plain.text);
    });
});
