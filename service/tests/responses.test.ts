/** OpenAI's own client against /v1/responses, on the fake engine. */

import { mkdtempSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import OpenAI, { type APIError } from "openai";
import type { ResponseStreamEvent } from "openai/resources/responses/responses";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { namedKeys } from "../src/config/api-keys.js";
import type { Chunk } from "../src/engine/engine.js";
import { ResponseEvents } from "../src/responses/form.js";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

let fake: Fake;
let server: FastifyInstance;
let client: OpenAI;

async function use(made: Fake): Promise<void> {
    fake = made;
    server = createServer(fake.service);
    await server.listen({ host: "127.0.0.1", port: 0 });
    client = as("any");
    await fake.service.models.rescan();
}

function as(apiKey: string): OpenAI {
    return new OpenAI({ apiKey, baseURL: `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/v1`, maxRetries: 0 });
}

async function end(): Promise<void> {
    await server.close();
    await fake.database.close();
}

beforeEach(async () => use(fakeService()));
afterEach(end);

const BODY = { model: "tiny.q4", input: "Hi" };
const SCHEMA = { type: "object", properties: { n: { type: "integer" } }, required: ["n"], additionalProperties: false };
const TOOL = { type: "function", name: "add", description: "Adds", parameters: SCHEMA, strict: true } as const;
const USER = { type: "message", role: "user", content: "Hi" } as const;

function asked(): unknown {
    return fake.engine.asked.at(-1);
}

async function post(payload: object | string): Promise<{ status: number; error: unknown }> {
    const reply = await server.inject({ method: "POST", url: "/v1/responses", headers: { "content-type": "application/json" }, payload });
    return { status: reply.statusCode, error: reply.json<{ error: unknown }>().error };
}

describe("an answer", () => {
    it("comes to a text", async () => {
        fake.engine.usage = { promptTokens: 30, cachedTokens: 20, completionTokens: 2, tokensPerSecond: 3 };
        const response = await client.responses.create({ ...BODY, instructions: "Be kind.", temperature: 0.5, max_output_tokens: 20, metadata: { a: "b" } });
        expect(response).toMatchObject({
            object: "response",
            status: "completed",
            model: "Tiny.Q4.gguf",
            output: [{ type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text: "hello", annotations: [] }] }],
            output_text: "hello",
            instructions: "Be kind.",
            metadata: { a: "b" },
            store: true,
            usage: { input_tokens: 30, input_tokens_details: { cached_tokens: 20 }, output_tokens: 2, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 32 },
        });
        expect(response.id).toMatch(/^resp_[0-9a-f]{32}$/);
        expect(asked()).toMatchObject({ messages: [{ role: "system", content: "Be kind." }, { role: "user", content: "Hi" }], options: { temperature: 0.5, maxTokens: 20 } });
    });

    it("comes to items", async () => {
        await client.responses.create({
            ...BODY,
            input: [
                { role: "developer", content: "Be brief." },
                { role: "user", content: [{ type: "input_text", text: "Add 1" }] },
                { type: "reasoning", id: "rs_1", summary: [] },
                { type: "message", id: "msg_1", role: "assistant", status: "completed", content: [{ type: "output_text", text: "I add.", annotations: [] }] },
                { type: "function_call", call_id: "a", name: "add", arguments: '{"n":1}' },
                { type: "function_call", call_id: "b", name: "add", arguments: '{"n":2}' },
                { type: "function_call_output", call_id: "a", output: "one" },
                { type: "function_call_output", call_id: "b", output: "two" },
            ],
            tools: [TOOL],
        });
        expect(asked()).toMatchObject({
            messages: [
                { role: "system", content: "Be brief." },
                { role: "user", content: "Add 1" },
                { role: "assistant", content: "I add.", toolCalls: [{ id: "a", name: "add", arguments: '{"n":1}' }, { id: "b" }] },
                { role: "tool", toolCallId: "a", content: "one" },
                { role: "tool", toolCallId: "b", content: "two" },
            ],
        });
    });

    it("that was cut says so", async () => {
        fake.engine.finishReason = "length";
        expect(await client.responses.create(BODY)).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, output: [{ status: "incomplete" }] });
    });

    it("has what a reasoning model thought before it, and counts it", async () => {
        fake.engine.reasoning = "Well I think";
        fake.engine.usage = { promptTokens: 3, completionTokens: 9, tokensPerSecond: 3 };
        const response = await client.responses.create(BODY);
        expect(response.output).toMatchObject([{ type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "Well I think" }] }, { type: "message" }]);
        expect(response.usage?.output_tokens_details.reasoning_tokens).toBe(3);
    });

    it("follows a schema, which the client parses", async () => {
        fake.engine.text = '{"n": 4}';
        const parsed = await client.responses.parse({ ...BODY, text: { format: { type: "json_schema", name: "n", schema: SCHEMA, strict: true } } });
        expect(parsed.output_parsed).toEqual({ n: 4 });
        expect(asked()).toMatchObject({ constraint: { kind: "schema", schema: SCHEMA } });
        await client.responses.create({ ...BODY, text: { format: { type: "json_object" } } });
        expect(asked()).toMatchObject({ constraint: { kind: "json" } });
        fake.engine.text = "no";
        await expect(client.responses.create({ ...BODY, text: { format: { type: "json_schema", name: "n", schema: SCHEMA } } })).rejects.toMatchObject({ code: "invalid_answer" });
    });

    it.each([
        ["auto", "auto"],
        ["required", "required"],
        [{ type: "function", name: "add" }, { name: "add" }],
        [{ type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "add" }] }, "required"],
    ] as const)("calls functions as tool_choice %j says", async (choice, wanted) => {
        fake.engine.text = "";
        fake.engine.finishReason = "tool";
        fake.engine.toolCalls = [{ id: "call_1", name: "add", arguments: '{"n":1}' }, { id: "call_2", name: "add", arguments: '{"n":2}' }];
        const response = await client.responses.create({ ...BODY, tools: [TOOL], tool_choice: choice as "auto" });
        expect(response).toMatchObject({ status: "completed", output: [{ type: "function_call", call_id: "call_1", name: "add", arguments: '{"n":1}' }, { call_id: "call_2" }] });
        expect(asked()).toMatchObject({ tools: [{ name: "add", parameters: SCHEMA }], toolChoice: wanted });
        expect((await client.responses.create({ ...BODY, tools: [TOOL], parallel_tool_calls: false })).output).toHaveLength(1);
    });
});

describe("a stream", () => {
    async function read(body: object): Promise<ResponseStreamEvent[]> {
        const events: ResponseStreamEvent[] = [];
        for await (const event of await client.responses.create({ ...BODY, ...body, stream: true })) {
            events.push(event);
        }
        expect(events.map(({ sequence_number: number }) => number)).toEqual(events.map((_, index) => index));
        return events;
    }

    it("has the events in their order, and the whole answer at its end", async () => {
        fake.engine.reasoning = "Well.";
        fake.engine.text = "hello there";
        const events = await read({});
        expect(events.map(({ type }) => type)).toEqual([
            "response.created",
            "response.in_progress",
            "response.output_item.added", "response.content_part.added", "response.reasoning_text.delta", "response.reasoning_text.done", "response.content_part.done", "response.output_item.done",
            "response.output_item.added", "response.content_part.added", "response.output_text.delta", "response.output_text.delta", "response.output_text.done", "response.content_part.done", "response.output_item.done",
            "response.completed",
        ]);
        const last = events.at(-1) as Extract<ResponseStreamEvent, { type: "response.completed" }>;
        expect(await client.responses.retrieve(last.response.id)).toMatchObject({ ...last.response });
        const final = await client.responses.stream(BODY).finalResponse();
        expect(final.output_text).toBe("hello there");
    });

    it("has calls of functions, whole or in pieces", async () => {
        fake.engine.text = "I add";
        fake.engine.finishReason = "tool";
        fake.engine.toolCalls = [{ id: "call_1", name: "add", arguments: '{"n":1}' }];
        const whole = await read({ tools: [TOOL] });
        expect(whole.at(-1)).toMatchObject({ response: { output: [{ type: "message" }, { type: "function_call", arguments: '{"n":1}' }] } });
        fake.engine.text = "";
        fake.engine.callPieces = ['{"n"', ":1}"];
        const pieces = await read({ tools: [TOOL], tool_choice: "required" });
        expect(pieces.filter(({ type }) => type === "response.function_call_arguments.delta").map((event) => (event as { delta: string }).delta)).toEqual(['{"n"', ":1}"]);
        expect(pieces.find(({ type }) => type === "response.function_call_arguments.done")).toMatchObject({ arguments: '{"n":1}', name: "add" });
        expect(pieces.at(-1)).toMatchObject({ type: "response.completed", response: { output: [{ type: "function_call", call_id: "call_1", arguments: '{"n":1}' }] } });
    });

    it("says when it was cut, and when it failed after its begin", async () => {
        fake.engine.finishReason = "length";
        expect((await read({})).at(-1)).toMatchObject({ type: "response.incomplete", response: { status: "incomplete" } });
        fake.engine.failAfter = new Error("broken");
        expect((await read({})).at(-1)).toMatchObject({ type: "response.failed", response: { status: "failed", error: { message: "broken" } } });
        await expect(read({ model: "none" })).rejects.toMatchObject({ status: 404 });
    });
});

it.each([
    [true, 2],
    [false, 1],
])("streams several calls only where they are wanted: %s", (severalCalls, count) => {
    const events = new ResponseEvents({ id: "resp_1", createdAt: 0, body: BODY, store: false }, severalCalls);
    const chunks: readonly Chunk[] = [
        { kind: "call", text: "{}", call: { id: "a", name: "add" }, tokens: 1 },
        { kind: "call", text: "{}", call: { id: "b", name: "add" }, place: 1, tokens: 1 },
    ];
    expect(chunks.flatMap((chunk) => events.piece(chunk)).filter(({ type }) => type === "response.output_item.added")).toHaveLength(count);
});

describe("a conversation", () => {
    it("goes on after an answer that is kept", async () => {
        const first = await client.responses.create({ ...BODY, instructions: "Only now." });
        const second = await client.responses.create({ ...BODY, input: "And then?", previous_response_id: first.id });
        await client.responses.create({ ...BODY, input: "Ah.", previous_response_id: second.id });
        expect((asked() as { messages: object[] }).messages).toEqual([
            { role: "user", content: "Hi" },
            { role: "assistant", content: "hello" },
            { role: "user", content: "And then?" },
            { role: "assistant", content: "hello" },
            { role: "user", content: "Ah." },
        ]);
        expect(second.previous_response_id).toBe(first.id);
    });

    it("goes on with the results of functions alone", async () => {
        fake.engine.text = "";
        fake.engine.finishReason = "tool";
        fake.engine.toolCalls = [{ id: "call_1", name: "add", arguments: '{"n":1}' }];
        const first = await client.responses.create({ ...BODY, tools: [TOOL] });
        fake.engine.toolCalls = [];
        fake.engine.finishReason = "stop";
        await client.responses.create({ ...BODY, tools: [TOOL], previous_response_id: first.id, input: [{ type: "function_call_output", call_id: "call_1", output: "one" }] });
        expect(asked()).toMatchObject({ messages: [{ role: "user" }, { role: "assistant", toolCalls: [{ id: "call_1" }] }, { role: "tool", toolCallId: "call_1", content: "one" }] });
    });

    it("can be read, and deleted", async () => {
        const { id } = await client.responses.create(BODY);
        expect((await client.responses.retrieve(id)).output_text).toBe("hello");
        expect((await client.responses.inputItems.list(id)).data).toMatchObject([{ type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] }]);
        await client.responses.delete(id);
        await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
        await expect(client.responses.delete(id)).rejects.toMatchObject({ status: 404 });
        await expect(client.responses.create({ ...BODY, previous_response_id: id })).rejects.toMatchObject({ status: 400, code: "previous_response_not_found", param: "previous_response_id" });
    });

    it("is not kept with store false, nor where the operator keeps nothing", async () => {
        const unkept = await client.responses.create({ ...BODY, store: false });
        expect(unkept).toMatchObject({ store: false });
        const { id } = unkept;
        await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
        await end();
        await use(fakeService({ liveHours: 0 }));
        const other = await client.responses.create(BODY);
        expect(other).toMatchObject({ store: false });
        const failed = await client.responses.create({ ...BODY, previous_response_id: other.id }).catch((thrown: unknown) => thrown as APIError);
        expect((failed as APIError).message).toContain("responses.liveHours is 0");
    });

    it("outlasts a restart, and ends with its time", async () => {
        await end();
        const dbFile = path.join(mkdtempSync(path.join(tmpdir(), "mentator-")), "kept.db");
        await use(fakeService({ dbFile }));
        const { id } = await client.responses.create(BODY);
        await end();
        await use(fakeService({ dbFile }));
        expect((await client.responses.retrieve(id)).id).toBe(id);
        expect(await fake.database.ask("forgetResponses", { before: Date.now() - 1000 })).toBe(0);
        expect(await fake.database.ask("forgetResponses", { before: Date.now() + 1000 })).toBe(1);
        await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
    });

    it("is its client's alone, where clients have keys of their own", async () => {
        await end();
        await use(fakeService({ apiKeys: namedKeys([{ name: "a", key: "ka" }, { name: "b", key: "kb" }]) }));
        const { id } = await as("ka").responses.create(BODY);
        expect((await as("ka").responses.retrieve(id)).id).toBe(id);
        await expect(as("kb").responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
        await expect(as("kb").responses.delete(id)).rejects.toMatchObject({ status: 404 });
        await expect(as("kb").responses.create({ ...BODY, previous_response_id: id })).rejects.toMatchObject({ status: 400 });
    });
});

describe("faults", () => {
    it.each([
        ["{", null],
        [{}, "model"],
        [{ model: "tiny.q4" }, "input"],
        [{ ...BODY, input: [] }, "input"],
        [{ ...BODY, input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] }, "input[0].content[0]"],
        [{ ...BODY, input: [{ role: "king", content: "x" }] }, "input"],
        [{ ...BODY, input: [{ role: "user" }] }, "input[0]"],
        [{ ...BODY, input: [{ type: "item_reference", id: "x" }] }, "input[0].type"],
        [{ ...BODY, input: [{ type: "function_call", name: "x" }] }, "input[0].call_id"],
        [{ ...BODY, input: [USER, { type: "function_call_output", output: "x" }] }, "input[1].call_id"],
        [{ ...BODY, tools: [{ type: "web_search" }] }, "tools[0].type"],
        [{ ...BODY, tools: [{ type: "function" }] }, "tools[0].name"],
        [{ ...BODY, tools: [TOOL], tool_choice: { type: "web_search" } }, "tool_choice"],
        [{ ...BODY, tool_choice: "required" }, "tool_choice"],
        [{ ...BODY, background: true }, "background"],
        [{ ...BODY, truncation: "auto" }, "truncation"],
        [{ ...BODY, conversation: "conv_1" }, "conversation"],
        [{ ...BODY, prompt: { id: "p" } }, "prompt"],
        [{ ...BODY, include: ["message.output_text.logprobs"] }, "include"],
        [{ ...BODY, top_logprobs: 2 }, "top_logprobs"],
        [{ ...BODY, previous_response_id: "resp_none" }, "previous_response_id"],
        [{ ...BODY, text: { format: { type: "json_schema", name: "x" } } }, "text"],
    ])("of the body are told by name: %j", async (payload, param) => {
        const reply = await post(payload);
        expect(reply).toMatchObject({ status: 400, error: { type: "invalid_request_error", param } });
        expect(fake.engine.asked).toEqual([]);
    });

    it("takes fields that ask for nothing", async () => {
        const neutral = { background: false, truncation: "disabled", include: ["reasoning.encrypted_content"], reasoning: { effort: "low", summary: "auto" }, service_tier: "auto", prompt_cache_key: "x", safety_identifier: "y", top_logprobs: 0, max_tool_calls: 3, text: { verbosity: "low" }, stream_options: { include_obfuscation: false } };
        expect((await post({ ...BODY, ...neutral })).status).toBe(200);
    });
});
