import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BODY_LIMIT, createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

let fake: Fake;
let server: FastifyInstance;

function use(made: Fake): void {
    fake = made;
    server = createServer(fake.service);
}

beforeEach(() => use(fakeService()));
afterEach(async () => {
    await server.close();
    await fake.database.close();
});

interface Answer {
    readonly status: number;
    readonly body: Record<string, unknown>;
    readonly retryAfter: unknown;
}

async function call(method: "GET" | "POST" | "DELETE", url: string, payload?: object): Promise<Answer> {
    const reply = await server.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
    return { status: reply.statusCode, body: reply.json(), retryAfter: reply.headers["retry-after"] };
}

const PROMPT = { model: "tiny.q4", message: { user: "Hi" }, durationMsec: 5000 };
const SCHEMA = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };

describe("state", () => {
    it("tells version, models and state", async () => {
        expect((await call("GET", "/state/version")).body).toEqual({ version: "1.2.3" });
        await fake.service.models.rescan();
        expect((await call("GET", "/state/models")).body).toEqual({
            models: [{ name: "Tiny.Q4.gguf", relativeFileName: "Tiny.Q4.gguf", sizeKb: 1, kind: "chat", layerCount: 2 }],
            pulls: [],
            mayChange: false,
        });
        const { body } = await call("GET", "/state");
        expect(body).toMatchObject({ currentModel: null, queueSize: 0, savePromptEnabled: false, gpuInfo: { type: "cpu", title: "CPU", reason: "test" } });
    });

    it("counts prompts", async () => {
        await call("POST", "/prompt", PROMPT);
        await call("POST", "/prompt", { ...PROMPT, model: "none" });
        const { body } = await call("GET", "/state");
        expect(body["stats1h"]).toMatchObject({ total: 2, success: 1, failed: 1 });
        expect(body["currentModel"]).toMatchObject({ name: "Tiny.Q4.gguf", contextSize: 1024 });
    });

    it("is ready with an engine and a model", async () => {
        expect((await call("GET", "/health")).status).toBe(200);
        expect((await call("GET", "/ready")).status).toBe(503);
        await fake.service.models.rescan();
        expect((await call("GET", "/ready")).status).toBe(200);
        fake.engine.ready = false;
        expect(await call("GET", "/ready")).toMatchObject({ status: 503, retryAfter: "1" });
    });
});

describe("POST /prompt", () => {
    it("answers text", async () => {
        const { status, body } = await call("POST", "/prompt", { ...PROMPT, message: { user: "Hi", system: "Be brief" }, options: { topK: 3 } });
        expect(status).toBe(200);
        expect(body["result"]).toEqual({ loadModelStatus: "load", data: "hello", usage: { promptTokens: 1, completionTokens: 2, tokensPerSecond: 3 } });
        expect(body["duration"]).toEqual({ promptMsec: expect.any(Number) as number, queueMsec: expect.any(Number) as number });
        expect(fake.engine.asked).toMatchObject([
            { messages: [{ role: "system", content: "Be brief" }, { role: "user", content: "Hi" }], options: { topK: 3, maxTokens: 4096 } },
        ]);
    });

    it("reloads only for another contextSize", async () => {
        const status = async (extra: object): Promise<unknown> => (await call("POST", "/prompt", { ...PROMPT, ...extra })).body["result"];
        expect(await status({})).toMatchObject({ loadModelStatus: "load" });
        expect(await status({ contextSize: null })).toMatchObject({ loadModelStatus: "exists" });
        expect(await status({ contextSize: 512 })).toMatchObject({ loadModelStatus: "load" });
        expect(await status({ contextSize: 512, gpulayer: 0 })).toMatchObject({ loadModelStatus: "load" });
    });

    it("answers JSON, with a grammar when asked to", async () => {
        fake.engine.text = '```json\n{"n": 4}\n```';
        const plain = await call("POST", "/prompt", { ...PROMPT, format: { useGrammar: false, jsonSchema: SCHEMA } });
        expect(plain.body["result"]).toMatchObject({ data: { n: 4 } });
        await call("POST", "/prompt", { ...PROMPT, format: { useGrammar: true, jsonSchema: SCHEMA } });
        expect(fake.engine.asked.map(({ constraint }) => constraint)).toEqual([undefined, { kind: "schema", schema: SCHEMA }]);
    });

    it("is not held up by a client's pattern that would take JavaScript for ever", async () => {
        fake.engine.text = JSON.stringify(`${"a".repeat(4000)}!`);
        const jsonSchema = { type: "string", pattern: "^(a+)+$" };
        expect((await call("POST", "/check/jsonresponse", { schema: jsonSchema })).body).toEqual({ error: "" });
        const started = performance.now();
        const answer = await call("POST", "/prompt", { ...PROMPT, format: { useGrammar: false, jsonSchema } });
        expect(answer).toMatchObject({ status: 400, body: { error: expect.stringMatching(/not valid.*must match pattern/) as string } });
        expect(performance.now() - started).toBeLessThan(2000);
    });

    it("refuses a schema of 16 MB at once, and one that no grammar keeps to by its keyword and place", async () => {
        const large = { type: "integer", pattern: "x", default: new Array<number>(7_000_000).fill(0) };
        const format = (jsonSchema: object, useGrammar = true): object => ({ ...PROMPT, format: { useGrammar, jsonSchema } });
        expect(await call("POST", "/prompt", format(large, false))).toMatchObject({ status: 400, body: { error: expect.stringContaining("too large") as string } });
        expect(await call("POST", "/check/gbnf", { schema: large })).toMatchObject({ body: { error: expect.stringContaining("too large") as string } });
        const schema = { type: "object", properties: { a: { not: { type: "null" } } } };
        const error = expect.stringContaining('"not" at #/properties/a is not supported') as string;
        expect(await call("POST", "/prompt", format(schema))).toMatchObject({ status: 400, body: { error } });
        expect(await call("POST", "/check/gbnf", { schema })).toMatchObject({ status: 200, body: { error } });
        expect(await call("POST", "/check/jsonresponse", { schema })).toMatchObject({ body: { error: "" } });
        expect(fake.engine.asked).toEqual([]);
    });

    it.each([
        ["an unknown model", { model: "none" }, /Available: Tiny\.Q4\.gguf/],
        ["an invalid schema", { format: { useGrammar: true, jsonSchema: { type: "banana" } } }, /cannot be used as a JSON Schema/],
        ["an answer that is not JSON", { format: { useGrammar: false, jsonSchema: SCHEMA } }, /not JSON/],
        ["no user message", { message: {} }, /user/],
        ["a text for a number", { durationMsec: "5" }, /durationMsec must be integer/],
        ["options that are none", { options: "hot" }, /options must be/],
        ["a small context", { contextSize: 511 }, /contextSize must be >= 512/],
        ["tools", { toolServer: ["*"] }, /toolServer/],
    ])("refuses %s", async (_, extra, message) => {
        const { status, body } = await call("POST", "/prompt", { ...PROMPT, ...extra });
        expect(status).toBe(400);
        expect(body).toEqual({ error: expect.stringMatching(message) as string, duration: expect.any(Object) as object });
    });

    it("calls the service's tools until the model answers", async () => {
        const called: unknown[] = [];
        const tool = { name: "add", file: "add", definition: { name: "add", description: "Adds" }, code: "" };
        use(
            fakeService({
                serverTools: {
                    choose: async () => Promise.resolve([tool]),
                    call: async (_tool, args) => {
                        called.push(args);
                        fake.engine.finishReason = "stop";
                        fake.engine.text = '{"n": 5}';
                        return Promise.resolve("5");
                    },
                },
            }),
        );
        fake.engine.text = "";
        fake.engine.finishReason = "tool";
        fake.engine.toolCalls = [{ id: "c1", name: "add", arguments: '{"a":2,"b":3}' }];
        const { body } = await call("POST", "/prompt", { ...PROMPT, toolServer: ["*"], format: { useGrammar: true, jsonSchema: SCHEMA } });
        expect(body["result"]).toMatchObject({ usedTools: ["add"], data: { n: 5 }, usage: { completionTokens: 6 } });
        expect(called).toEqual([{ a: 2, b: 3 }]);
        expect(fake.engine.asked).toMatchObject([
            { tools: [{ name: "add" }], toolChoice: "auto" },
            { tools: [{ name: "add" }], messages: [{ role: "user" }, { role: "assistant", toolCalls: [{ id: "c1" }] }, { role: "tool", toolCallId: "c1", content: "5" }] },
            { constraint: { kind: "schema" } },
        ]);
    });

    it("stops at the time limit", async () => {
        fake.engine.delayMsec = 5000;
        const { status, body } = await call("POST", "/prompt", { ...PROMPT, durationMsec: 30 });
        expect(status).toBe(400);
        expect(body["error"]).toMatch(/30 ms/);
    });

    it("queues requests, reports the wait, and limits the queue", async () => {
        use(fakeService({ queueLimit: 1 }));
        fake.engine.delayMsec = 60;
        const replies = await Promise.all([1, 2, 3].map(() => call("POST", "/prompt", PROMPT)));
        expect(replies.map(({ status }) => status)).toEqual([200, 200, 429]);
        expect(replies[2]?.retryAfter).toBe("5");
        const { queueMsec } = replies[1]?.body["duration"] as { queueMsec: number };
        expect(queueMsec).toBeGreaterThanOrEqual(50);
    });

    it("finishes running requests and refuses waiting ones when it stops", async () => {
        fake.engine.delayMsec = 300;
        const replies = [call("POST", "/prompt", PROMPT), call("POST", "/prompt", PROMPT)];
        await vi.waitFor(() => expect(fake.scheduler.waiting).toBe(1));
        await fake.scheduler.drain(1000);
        expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([200, 503]);
        fake.stopping = true;
        expect(await call("POST", "/prompt", PROMPT)).toMatchObject({ status: 503, retryAfter: "10" });
    });

    it("refuses requests for a model once the GPU is lost, and says why", async () => {
        fake.lost = "/dev/nvidia0: it is not there any more";
        const error = "The GPU was lost: /dev/nvidia0: it is not there any more. The service ends, so that it is started again.";
        expect(await call("POST", "/prompt", PROMPT)).toMatchObject({ status: 503, retryAfter: "60", body: { error } });
        expect(await call("POST", "/embedding", { model: "tiny.q4", message: "Hi" })).toMatchObject({ status: 503 });
        expect(await call("POST", "/v1/completions", { model: "tiny.q4", prompt: "Hi" })).toMatchObject({ status: 503, body: { error: { message: error } } });
        expect(await call("GET", "/health")).toMatchObject({ status: 503, body: { error } });
        expect(await call("GET", "/ready")).toMatchObject({ status: 503, body: { error } });
        expect(await call("GET", "/state/version")).toMatchObject({ status: 200 });
        expect(await call("GET", "/state")).toMatchObject({ status: 200, body: { gpuInfo: { lost: fake.lost } } });
        expect((await server.inject("/metrics")).body).toContain("mentator_gpu_lost 1");
        expect(fake.engine.asked).toHaveLength(0);
    });

    it("aborts requests that do not finish in time when it stops", async () => {
        fake.engine.delayMsec = 60_000;
        const reply = call("POST", "/prompt", PROMPT);
        await vi.waitFor(() => expect(fake.engine.asked).toHaveLength(1));
        await fake.scheduler.drain(20);
        expect((await reply).status).toBe(503);
    });
});

describe("errors", () => {
    it("have the same form everywhere", async () => {
        expect(await call("GET", "/none")).toMatchObject({ status: 404, body: { error: "There is no GET /none." } });
        const broken = await server.inject({ method: "POST", url: "/prompt", payload: "{", headers: { "content-type": "application/json" } });
        expect(broken.statusCode).toBe(400);
        const large = await call("POST", "/prompt", { ...PROMPT, message: { user: "x".repeat(BODY_LIMIT) } });
        expect(large.status).toBe(413);
        expect(large.body["error"]).toEqual(expect.any(String));
    });
});

describe("checks and examples", () => {
    it("say whether something would be accepted", async () => {
        expect((await call("POST", "/check/jsonresponse", { schema: SCHEMA })).body).toEqual({ error: "" });
        expect((await call("POST", "/check/gbnf", { schema: SCHEMA })).body).toEqual({ error: "" });
        expect((await call("POST", "/check/jsonresponse", { schema: { type: 3 } })).body["error"]).not.toBe("");
        expect((await call("POST", "/check/options", { options: { topK: 1 } })).body).toMatchObject({ error: "", options: { topK: 1, maxTokens: 4096 } });
    });

    it("give examples that are accepted", async () => {
        const { body } = await call("GET", "/helper/example/jsonresponse");
        const schema = JSON.parse(body["schema"] as string) as object;
        expect((await call("POST", "/check/jsonresponse", { schema })).body).toEqual({ error: "" });
        const { body: options } = await call("GET", "/helper/example/options");
        expect((await call("POST", "/check/options", { options })).body["error"]).toBe("");
    });
});

describe("logs", () => {
    const today = new Date().toLocaleDateString("sv").replaceAll("-", "");

    it("keep no texts by default", async () => {
        await call("POST", "/prompt", PROMPT);
        const { body } = await call("GET", "/log/chat/byid");
        expect(body["logs"]).toMatchObject([{ code: 200, request: null, answerRaw: null }]);
        expect(fake.lines.join("\n")).not.toContain("hello");
    });

    it("keep texts when log.savePrompt is set", async () => {
        use(fakeService({ savePrompt: true }));
        await call("POST", "/prompt", PROMPT);
        const { body } = await call("GET", "/log/chat/byid?afterId=0&limit=500");
        expect(body["logs"]).toMatchObject([{ answerRaw: "hello", request: JSON.stringify(PROMPT) }]);
        const files = await server.inject(`/log/chat/bydate?date=${today}`);
        expect(files.json()).toHaveLength(1);
        expect((await call("DELETE", "/log/chat")).body).toEqual({ deleted: 1 });
        expect((await call("GET", "/log/chat/byid")).body).toEqual({ logs: [] });
    });

    it("can be read from an id on, and by hour", async () => {
        for (const message of ["one", "two", "three"]) {
            fake.service.log.write("info", "core", message);
        }
        const messages = async (query: string): Promise<unknown[]> =>
            ((await call("GET", `/log/core/byid${query}`)).body["logs"] as { message: string }[]).map(({ message }) => message);
        expect(await messages("?limit=2")).toEqual(["three", "two"]);
        expect(await messages("?afterId=0")).toEqual(["three", "two", "one"]);
        expect(await messages("?afterId=&limit=&beforeId=")).toEqual(["three", "two", "one"]);
        expect(await messages("?afterId=1")).toEqual(["three", "two"]);
        expect(await messages("?afterId=1&beforeId=3")).toEqual(["two"]);
        const files = (await server.inject(`/log/core/bydate?date=${today}`)).json<{ content: string }[]>();
        expect(files.map(({ content }) => content).join("")).toMatch(/INFO core one\n/);
        expect((await call("GET", "/log/core/bydate?date=x&hour=1")).status).toBe(400);
        expect((await call("GET", "/log/core/byid?limit=x")).status).toBe(400);
    });
});
