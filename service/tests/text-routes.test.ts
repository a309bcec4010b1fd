/** /tokenize, /detokenize and /apply-template: on the fake engine, and on a real model where MENTATOR_TEST_MODEL names its file. */

import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { backendFromEnvironment } from "../src/backend/backend.js";
import type { LoadedModel, TextDone, TextTask } from "../src/engine/engine.js";
import { LlamaEngine } from "../src/engine/llama-engine.js";
import { createServer } from "../src/http/server.js";
import { Log } from "../src/log.js";
import { type Fake, fakeService } from "./fake-service.js";

let fake: Fake;
let server: FastifyInstance;

beforeEach(async () => {
    fake = fakeService();
    await fake.service.models.rescan();
    server = createServer(fake.service);
});
afterEach(async () => {
    await server.close();
    await fake.database.close();
});

async function post(url: string, payload: object): Promise<{ status: number; body: unknown }> {
    const reply = await server.inject({ method: "POST", url, payload });
    return { status: reply.statusCode, body: reply.json() };
}

describe("the routes", () => {
    it("answer in the form of llama.cpp's server", async () => {
        expect(await post("/tokenize", { content: "a bcd" })).toEqual({ status: 200, body: { tokens: [1, 3] } });
        expect(await post("/tokenize", { content: "a bcd", with_pieces: true, model: "tiny.q4" })).toEqual({ status: 200, body: { tokens: [{ id: 1, piece: "a" }, { id: 3, piece: "bcd" }] } });
        expect(await post("/detokenize", { tokens: [1, 3] })).toEqual({ status: 200, body: { content: "x xxx" } });
        expect(await post("/apply-template", { messages: [{ role: "user", content: "Hi" }] })).toMatchObject({ status: 200, body: { prompt: expect.stringContaining('"Hi"') as string } });
        expect(fake.engine.tasks).toMatchObject([{ special: true, begin: false, pieces: false }, { pieces: true }, { kind: "detokenize" }, { kind: "layOut" }]);
        expect(fake.engine.asked).toEqual([]);
    });

    it.each([
        ["/tokenize", {}],
        ["/tokenize", { content: 1 }],
        ["/tokenize", { content: "a", model: "none" }],
        ["/detokenize", { tokens: [-1] }],
        ["/detokenize", { tokens: [1.5] }],
        ["/detokenize", { tokens: [2 ** 40] }],
        ["/detokenize", { tokens: "1" }],
        ["/apply-template", { messages: [] }],
        ["/apply-template", { messages: [{ role: "tool", content: "x" }] }],
    ])("%s refuses %j", async (url, payload) => {
        expect(await post(url, payload)).toEqual({ status: 400, body: { error: expect.any(String) as string } });
    });
});

const MODEL = process.env["MENTATOR_TEST_MODEL"] ?? "";
const NEVER = new AbortController().signal;

describe.skipIf(MODEL === "")("on a real model", { timeout: 100_000 }, () => {
    let engine: LlamaEngine;
    let model: LoadedModel;

    beforeAll(async () => {
        engine = new LlamaEngine(backendFromEnvironment({}).backend, 1, { slots: 1, contextSize: 0, batchSize: 64, queueSize: 1 }, new Log("error", () => undefined));
        await engine.start();
        model = await engine.load({ name: "model", file: MODEL, contextSize: 512 }, () => false, NEVER);
    }, 60_000);
    afterAll(async () => engine.close());

    const run = async (task: TextTask): Promise<TextDone> => engine.doText(model, task, NEVER);
    const tokenize = { kind: "tokenize", special: true, begin: false, pieces: true } as const;

    it.each(["Hello, world!", " two  spaces ", "<|im_start|>user\nHi<|im_end|>", "naïve 你好 👍", ""])("gives %j back", async (text) => {
        const { tokens = [], pieces = [], count } = await run({ ...tokenize, text });
        expect([tokens.length, pieces.length]).toEqual([count, count]);
        expect((await run({ kind: "detokenize", tokens })).text).toBe(text);
    });

    it("reads the texts of special tokens as them only where it is asked to", async () => {
        const text = "<|im_start|>";
        expect((await run({ ...tokenize, text })).count).toBe(1);
        expect((await run({ ...tokenize, text, special: false })).count).toBeGreaterThan(1);
    });

    it("lays a chat out as it is generated from", async () => {
        const request = { kind: "chat", messages: [{ role: "user", content: "Hi" }], options: { temperature: 0, topP: 1, topK: 0, minP: 0, maxTokens: 1, repeatPenalty: 1 } } as const;
        const { text, count } = await run({ kind: "layOut", request });
        expect(text).toContain("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
        expect((await engine.generate(model, request, { signal: NEVER })).usage.promptTokens).toBe(count);
    });

    it("refuses tokens that the model does not have, and texts that it could not read", async () => {
        await expect(run({ kind: "detokenize", tokens: [1, 49152] })).rejects.toThrow("There is no token 49152: the model's tokens are 0..49151.");
        await expect(run({ ...tokenize, text: "word ".repeat(2_000_000) })).rejects.toThrow("tokens");
    });
});
