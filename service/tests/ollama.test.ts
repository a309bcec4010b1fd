/** Ollama's own client against the running service, on the fake engine. */

import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import { Ollama, type ChatResponse, type GenerateResponse } from "ollama";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createServer } from "../src/http/server.js";
import { fileNameOf, sourceOf } from "../src/ollama/request.js";
import { type Fake, fakeService } from "./fake-service.js";
import { model } from "./gguf-files.js";

let fake: Fake;
let server: FastifyInstance;
let client: Ollama;

async function use(made: Fake): Promise<void> {
    fake = made;
    server = createServer(fake.service);
    await server.listen({ host: "127.0.0.1", port: 0 });
    client = new Ollama({ host: `http://127.0.0.1:${(server.server.address() as AddressInfo).port}` });
    await fake.service.models.rescan();
}

async function end(): Promise<void> {
    await server.close();
    await fake.database.close();
}

beforeEach(async () => use(fakeService()));
afterEach(end);

const MODEL = "tiny.q4:latest";
const CHAT = { model: MODEL, messages: [{ role: "user", content: "Hi" }] };
const TOOL = { type: "function", function: { name: "add", description: "Adds", parameters: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] } } };

function asked(): unknown {
    return fake.engine.asked.at(-1);
}

async function post(url: string, payload: object | string): Promise<{ status: number; body: Record<string, unknown> }> {
    const reply = await server.inject({ method: "POST", url, headers: { "content-type": "application/json" }, payload });
    return { status: reply.statusCode, body: reply.json() };
}

describe("a chat", () => {
    it("is answered with true figures", async () => {
        fake.engine.usage = { promptTokens: 7, completionTokens: 11, tokensPerSecond: 100, firstTokenMsec: 5 };
        const before = performance.now();
        const reply = await client.chat({ ...CHAT, options: { temperature: 0.5, num_predict: 20, top_k: 3, seed: 4, stop: ["END"], repeat_last_n: 32, num_ctx: 2048, num_thread: 2 } });
        const took = (performance.now() - before) * 1e6;
        expect(reply).toMatchObject({ model: MODEL, message: { role: "assistant", content: "hello" }, done: true, done_reason: "stop", prompt_eval_count: 7, eval_count: 11, prompt_eval_duration: 5e6 });
        expect(reply.load_duration + reply.prompt_eval_duration + reply.eval_duration).toBeLessThan(took + 6e6);
        expect(reply.total_duration).toBeGreaterThan(0);
        expect(reply.total_duration).toBeLessThan(took);
        expect(asked()).toMatchObject({ kind: "chat", messages: [{ role: "user", content: "Hi" }], options: { temperature: 0.5, maxTokens: 20, topK: 3, seed: 4, repeatPenaltyNum: 32 }, stop: ["END"] });
        expect(fake.engine.current?.contextSize).toBe(2048);
    });

    it("is streamed as lines", async () => {
        fake.engine.text = "hello there";
        fake.engine.reasoning = "Well.";
        const parts: ChatResponse[] = [];
        for await (const part of await client.chat({ ...CHAT, stream: true })) {
            parts.push(part);
        }
        expect(parts.map(({ message }) => message.content).join("")).toBe("hello there");
        expect(parts.map(({ message }) => message.thinking ?? "").join("")).toBe("Well.");
        expect(parts.map(({ done }) => done)).toEqual([...parts.slice(1).map(() => false), true]);
        expect(parts.at(-1)).toMatchObject({ done_reason: "stop", eval_count: 2, message: { content: "" } });
        const silent = await client.chat({ ...CHAT, think: false });
        expect(silent.message).not.toHaveProperty("thinking");
    });

    it("calls tools, and reads their results in their order", async () => {
        fake.engine.text = "";
        fake.engine.finishReason = "tool";
        fake.engine.toolCalls = [{ id: "call_1", name: "add", arguments: '{"n":1}' }];
        const { message } = await client.chat({ ...CHAT, tools: [TOOL] });
        expect(message.tool_calls).toMatchObject([{ function: { name: "add", arguments: { n: 1 } } }]);
        expect(asked()).toMatchObject({ tools: [{ name: "add", description: "Adds" }], toolChoice: "auto" });
        const call = (n: number): { function: { name: string; arguments: { n: number } } } => ({ function: { name: "add", arguments: { n } } });
        await client.chat({
            ...CHAT,
            messages: [...CHAT.messages, { role: "assistant", content: "", tool_calls: [call(1), call(2)] }, { role: "tool", content: "one", tool_name: "add" }, { role: "tool", content: "two", tool_name: "add" }],
        });
        expect(asked()).toMatchObject({
            messages: [{ role: "user" }, { role: "assistant", toolCalls: [{ id: "call_1_0", arguments: '{"n":1}' }, { id: "call_1_1" }] }, { role: "tool", toolCallId: "call_1_0", content: "one" }, { role: "tool", toolCallId: "call_1_1", content: "two" }],
        });
    });

    it("follows a schema, or is JSON", async () => {
        fake.engine.text = '{"n": 4}';
        const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
        await client.chat({ ...CHAT, format: schema });
        expect(asked()).toMatchObject({ constraint: { kind: "schema", schema } });
        await client.chat({ ...CHAT, format: "json" });
        expect(asked()).toMatchObject({ constraint: { kind: "json" } });
    });

    it("without messages loads the model", async () => {
        expect(await client.chat({ model: MODEL })).toMatchObject({ done: true, done_reason: "load" });
        expect(fake.engine.current?.spec.name).toBe("Tiny.Q4.gguf");
        expect(fake.engine.asked).toEqual([]);
    });

    it("that fails after its begin ends with a line that says why", async () => {
        fake.engine.failAfter = new Error("broken");
        const parts: ChatResponse[] = [];
        const read = async (): Promise<void> => {
            for await (const part of await client.chat({ ...CHAT, stream: true })) {
                parts.push(part);
            }
        };
        await expect(read()).rejects.toThrow("broken");
        expect(parts.map(({ message }) => message.content)).toEqual(["hello"]);
        await expect(client.chat(CHAT)).rejects.toMatchObject({ status_code: 500 });
    });
});

describe("a text", () => {
    it("is written by the template, or from the raw prompt", async () => {
        const reply: GenerateResponse = await client.generate({ model: MODEL, prompt: "Hi", system: "Be kind." });
        expect(reply).toMatchObject({ response: "hello", done: true, done_reason: "stop" });
        expect(asked()).toMatchObject({ kind: "chat", messages: [{ role: "system", content: "Be kind." }, { role: "user", content: "Hi" }] });
        await client.generate({ model: MODEL, prompt: "Once", raw: true });
        expect(asked()).toMatchObject({ kind: "completion", prompt: "Once", options: { maxTokens: 2 ** 31 - 1 } });
        let text = "";
        for await (const { response } of await client.generate({ model: MODEL, prompt: "Hi", stream: true })) {
            text += response ?? "";
        }
        expect(text).toBe("hello");
        expect(await client.generate({ model: MODEL, prompt: "" })).toMatchObject({ done_reason: "load", response: "" });
    });

    it("that was cut says so", async () => {
        fake.engine.finishReason = "length";
        expect((await client.generate({ model: MODEL, prompt: "Hi" })).done_reason).toBe("length");
    });
});

describe("vectors", () => {
    it("come for texts, in both forms", async () => {
        expect(await client.embed({ model: MODEL, input: ["a", "bcd"] })).toMatchObject({ model: MODEL, embeddings: [[1, 0.5], [3, 0.5]], prompt_eval_count: 2 });
        expect((await client.embeddings({ model: MODEL, prompt: "abcd" })).embedding).toEqual([4, 0.5]);
        await expect(client.embed({ model: MODEL, input: "a", dimensions: 7 })).rejects.toMatchObject({ status_code: 400 });
    });
});

describe("models", () => {
    it("are listed, shown, and told when they are in memory", async () => {
        const { models } = await client.list();
        expect(models).toMatchObject([{ name: "Tiny.Q4.gguf", size: 1, details: { format: "gguf" } }]);
        expect(models[0]?.digest).toMatch(/^[0-9a-f]{64}$/);
        expect((await client.ps()).models).toEqual([]);
        await client.chat(CHAT);
        expect((await client.ps()).models).toMatchObject([{ name: "Tiny.Q4.gguf", size_vram: 0, digest: models[0]?.digest }]);
        expect(await client.version()).toEqual({ version: "1.2.3" });
        await expect(client.show({ model: "none" })).rejects.toMatchObject({ status_code: 404 });
    });

    it("show what their header says", async () => {
        writeFileSync(path.join(fake.service.management.modelDir, "real.gguf"), model("llama", { "llama.block_count": { u32: 2 }, "tokenizer.chat_template": { text: "{{ tools }}" } }));
        await fake.service.models.rescan();
        expect(await client.show({ model: "real:latest" })).toMatchObject({ details: { family: "llama" }, template: "{{ tools }}", capabilities: ["completion", "tools"], model_info: { "llama.block_count": 2 } });
    });

    it("are pulled and deleted by those who may", async () => {
        await expect(client.pull({ model: "llama3.2:1b" })).rejects.toMatchObject({ status_code: 403 });
        await expect(client.delete({ model: MODEL })).rejects.toMatchObject({ status_code: 403 });
        await end();
        await use(fakeService({ withoutKey: true }));
        await client.delete({ model: MODEL });
        expect((await client.list()).models).toEqual([]);
        await expect(client.delete({ model: MODEL })).rejects.toMatchObject({ status_code: 404 });
    });

    it.each([
        ["llama3.2:1b", "llama3.2-1b", "ollama:llama3.2:1b"],
        ["llama3.2", "llama3.2", "ollama:llama3.2"],
        ["llama3.2:latest", "llama3.2", "ollama:llama3.2:latest"],
        ["hf.co/owner/repo:Q4_0", "hf.co/owner/repo-Q4_0", "hf:owner/repo:Q4_0"],
        ["Tiny.Q4.gguf", "Tiny.Q4.gguf", "ollama:Tiny.Q4.gguf"],
    ])("are named as Ollama does: %s", (name, file, source) => {
        expect([fileNameOf(name), sourceOf(name)]).toEqual([file, source]);
    });
});

describe("faults", () => {
    it.each([
        ["/api/chat", "{", 400],
        ["/api/chat", {}, 400],
        ["/api/chat", { ...CHAT, model: "none" }, 404],
        ["/api/chat", { ...CHAT, messages: [{ role: "king", content: "x" }] }, 400],
        ["/api/chat", { ...CHAT, messages: [{ role: "user", content: "x", images: ["aGk="] }] }, 400],
        ["/api/chat", { ...CHAT, messages: [{ role: "tool", content: "x" }] }, 400],
        ["/api/chat", { ...CHAT, format: "yaml" }, 400],
        ["/api/chat", { ...CHAT, format: { type: "banana" } }, 400],
        ["/api/chat", { ...CHAT, options: { temperature: "hot" } }, 400],
        ["/api/chat", { ...CHAT, options: { temperature: 3 } }, 400],
        ["/api/chat", { ...CHAT, options: { num_predict: 0 } }, 400],
        ["/api/chat", { ...CHAT, options: { num_ctx: -1 } }, 400],
        ["/api/chat", { ...CHAT, options: { stop: [1] } }, 400],
        ["/api/chat", { ...CHAT, options: { mirostat: 2 } }, 400],
        ["/api/chat", { ...CHAT, keep_alive: 0 }, 400],
        ["/api/chat", { ...CHAT, logprobs: true }, 400],
        ["/api/generate", { model: MODEL, prompt: "x", suffix: "y" }, 400],
        ["/api/generate", { model: MODEL, prompt: "x", context: [1] }, 400],
        ["/api/generate", { model: MODEL, prompt: "x", template: "{{ x }}" }, 400],
        ["/api/generate", { model: MODEL, prompt: "x", raw: true, system: "y" }, 400],
        ["/api/embed", { model: MODEL, input: [] }, 400],
        ["/api/show", {}, 400],
    ])("%s %j", async (url, payload, status) => {
        const reply = await post(url, payload);
        expect(reply).toEqual({ status, body: { error: expect.any(String) as string } });
        expect(fake.engine.asked).toEqual([]);
    });

    it("takes what asks for nothing", async () => {
        const neutral = { keep_alive: "5m", options: { mirostat: 0, tfs_z: 1, num_keep: 4, use_mmap: true, stop: null, num_predict: -1 }, images: [], context: [], stream: false };
        expect((await post("/api/generate", { model: MODEL, prompt: "x", ...neutral })).status).toBe(200);
    });
});
