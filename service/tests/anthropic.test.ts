/** Anthropic's own client against the running service, on the fake engine. */

import type { AddressInfo } from "node:net";
import Anthropic, { APIError } from "@anthropic-ai/sdk";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MessageEvents } from "../src/anthropic/form.js";
import type { Chunk } from "../src/engine/engine.js";
import { ContextOverflow } from "../src/errors.js";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

let fake: Fake;
let server: FastifyInstance;
let client: Anthropic;
let baseURL = "";

async function use(made: Fake, apiKey = "any"): Promise<void> {
    fake = made;
    server = createServer(fake.service);
    await server.listen({ host: "127.0.0.1", port: 0 });
    baseURL = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
    client = new Anthropic({ apiKey, baseURL, maxRetries: 0 });
    await fake.service.models.rescan();
}

async function end(): Promise<void> {
    await server.close();
    await fake.database.close();
}

beforeEach(async () => use(fakeService()));
afterEach(end);

const BODY = { model: "tiny.q4", max_tokens: 50, messages: [{ role: "user", content: "Hi" }] } satisfies Anthropic.MessageCreateParamsNonStreaming;
const TOOL = { name: "add", description: "Adds", input_schema: { type: "object" as const, properties: { n: { type: "integer" } }, required: ["n"] } };

function asked(): unknown {
    return fake.engine.asked.at(-1);
}

async function post(payload: object | string, headers: Record<string, string> = {}): Promise<{ status: number; body: Record<string, unknown> }> {
    const reply = await server.inject({ method: "POST", url: "/v1/messages", headers: { "content-type": "application/json", ...headers }, payload });
    return { status: reply.statusCode, body: reply.json() };
}

describe("a message", () => {
    it("may name its user and its tier, which change nothing", async () => {
        const message = await client.messages.create({ ...BODY, metadata: { user_id: "someone" }, service_tier: "standard_only" });
        expect(message.content).toEqual([{ type: "text", text: "hello" }]);
        expect((await post({ ...BODY, metadata: null, service_tier: null })).status).toBe(200);
    });

    it("is answered", async () => {
        fake.engine.usage = { promptTokens: 30, cachedTokens: 20, completionTokens: 2, tokensPerSecond: 3 };
        const message = await client.messages.create({ ...BODY, system: [{ type: "text", text: "Be kind.", cache_control: { type: "ephemeral" } }], temperature: 0.5, top_k: 3, stop_sequences: ["END"] } as never);
        expect(message).toMatchObject({
            type: "message",
            role: "assistant",
            model: "Tiny.Q4.gguf",
            content: [{ type: "text", text: "hello" }],
            stop_reason: "end_turn",
            stop_sequence: null,
            usage: { input_tokens: 10, cache_read_input_tokens: 20, output_tokens: 2 },
        });
        expect(message.id).toMatch(/^msg_\w{32}$/);
        expect(message._request_id).toMatch(/^[\w-]{36}$/);
        expect(asked()).toMatchObject({
            kind: "chat",
            messages: [{ role: "system", content: "Be kind." }, { role: "user", content: "Hi" }],
            options: { temperature: 0.5, topK: 3, maxTokens: 50 },
            stop: ["END"],
        });
    });

    it.each([
        ["stop", undefined, "end_turn", null],
        ["stop", "END", "stop_sequence", "END"],
        ["length", undefined, "max_tokens", null],
    ] as const)("says why it ended: %s, %s", async (finishReason, stopText, reason, sequence) => {
        fake.engine.finishReason = finishReason;
        fake.engine.stopText = stopText;
        expect(await client.messages.create(BODY)).toMatchObject({ stop_reason: reason, stop_sequence: sequence });
    });

    it("has what a reasoning model thought before it, unless it is not wanted", async () => {
        fake.engine.reasoning = "Well.";
        expect((await client.messages.create(BODY)).content).toMatchObject([{ type: "thinking", thinking: "Well." }, { type: "text", text: "hello" }]);
        expect((await client.messages.create({ ...BODY, thinking: { type: "disabled" } })).content).toMatchObject([{ type: "text", text: "hello" }]);
        // What was thought comes back in the history, and is not read as something that was said.
        await client.messages.create({ ...BODY, messages: [...BODY.messages, { role: "assistant", content: [{ type: "thinking", thinking: "Well.", signature: "" }, { type: "text", text: "hello" }] }, { role: "user", content: "Go on" }] });
        expect(asked()).toMatchObject({ messages: [{ role: "user" }, { role: "assistant", content: "hello" }, { role: "user", content: "Go on" }] });
    });

    it("begins with the last message where that is the assistant's", async () => {
        await client.messages.create({ ...BODY, messages: [...BODY.messages, { role: "assistant", content: "The answer is" }] });
        expect(asked()).toMatchObject({ messages: [{ role: "user" }, { role: "assistant", content: "The answer is" }] });
    });

    it("follows a schema", async () => {
        const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"], additionalProperties: false };
        fake.engine.text = '{"n": 4}';
        await client.messages.create({ ...BODY, output_config: { format: { type: "json_schema", schema } } });
        expect(asked()).toMatchObject({ constraint: { kind: "schema", schema } });
        fake.engine.text = "no";
        await expect(client.messages.create({ ...BODY, output_config: { format: { type: "json_schema", schema } } })).rejects.toMatchObject({ status: 400 });
    });
});

describe("tools", () => {
    beforeEach(() => {
        fake.engine.text = "";
        fake.engine.finishReason = "tool";
        fake.engine.toolCalls = [{ id: "call_1", name: "add", arguments: '{"n":1}' }, { id: "call_2", name: "add", arguments: '{"n":2}' }];
    });

    it("are called, and their results are read", async () => {
        const first = await client.messages.create({ ...BODY, tools: [TOOL] });
        expect(first).toMatchObject({ stop_reason: "tool_use", content: [{ type: "tool_use", id: "call_1", name: "add", input: { n: 1 } }, { id: "call_2", input: { n: 2 } }] });
        expect(asked()).toMatchObject({ tools: [{ name: "add", description: "Adds", parameters: TOOL.input_schema }], toolChoice: "auto" });
        await client.messages.create({
            ...BODY,
            tools: [TOOL],
            messages: [
                ...BODY.messages,
                { role: "assistant", content: first.content },
                {
                    role: "user",
                    content: [
                        { type: "tool_result", tool_use_id: "call_1", content: [{ type: "text", text: "1" }] },
                        { type: "tool_result", tool_use_id: "call_2", content: "no such number", is_error: true },
                        { type: "text", text: "And now?" },
                    ],
                },
            ],
        });
        expect(asked()).toMatchObject({
            messages: [
                { role: "user" },
                { role: "assistant", content: "", toolCalls: [{ id: "call_1", name: "add", arguments: '{"n":1}' }, { id: "call_2" }] },
                { role: "tool", toolCallId: "call_1", content: "1" },
                { role: "tool", toolCallId: "call_2", content: "Error: no such number" },
                { role: "user", content: "And now?" },
            ],
        });
    });

    it.each([
        [{ type: "any" }, "required"],
        [{ type: "tool", name: "add" }, { name: "add" }],
        [{ type: "auto" }, "auto"],
    ] as const)("are chosen by tool_choice %j", async (choice, wanted) => {
        await client.messages.create({ ...BODY, tools: [TOOL], tool_choice: choice });
        expect(asked()).toMatchObject({ toolChoice: wanted });
    });

    it("are not called with tool_choice none, and once only without parallel use", async () => {
        const one = await client.messages.create({ ...BODY, tools: [TOOL], tool_choice: { type: "auto", disable_parallel_tool_use: true } });
        expect(one.content).toHaveLength(1);
        fake.engine.toolCalls = [];
        fake.engine.finishReason = "stop";
        await client.messages.create({ ...BODY, tools: [TOOL], tool_choice: { type: "none" } });
        expect(asked()).not.toHaveProperty("tools");
    });
});

describe("a stream", () => {
    it("has the events in their order, and the same message", async () => {
        fake.engine.reasoning = "Well.";
        fake.engine.text = "hello there";
        fake.engine.usage = { promptTokens: 30, cachedTokens: 20, completionTokens: 5, tokensPerSecond: 3 };
        const stream = client.messages.stream(BODY);
        const types: string[] = [];
        stream.on("streamEvent", ({ type }) => types.push(type));
        const message = await stream.finalMessage();
        expect(message).toMatchObject({
            content: [{ type: "thinking", thinking: "Well." }, { type: "text", text: "hello there" }],
            stop_reason: "end_turn",
            usage: { input_tokens: 10, cache_read_input_tokens: 20, output_tokens: 5 },
        });
        expect(types).toEqual([
            "message_start",
            "content_block_start", "content_block_delta", "content_block_stop",
            "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
            "message_delta", "message_stop",
        ]);
    });

    it("has the calls of tools as blocks, whole or in pieces", async () => {
        fake.engine.text = "I add";
        fake.engine.finishReason = "tool";
        fake.engine.toolCalls = [{ id: "call_1", name: "add", arguments: '{"n":1}' }, { id: "call_2", name: "add", arguments: '{"n":2}' }];
        const whole = await client.messages.stream({ ...BODY, tools: [TOOL] }).finalMessage();
        expect(whole.content).toMatchObject([{ type: "text", text: "I add" }, { type: "tool_use", id: "call_1", input: { n: 1 } }, { type: "tool_use", id: "call_2", input: { n: 2 } }]);
        fake.engine.text = "";
        fake.engine.toolCalls = fake.engine.toolCalls.slice(0, 1);
        fake.engine.callPieces = ['{"n"', ":1}"];
        const pieces = client.messages.stream({ ...BODY, tools: [TOOL], tool_choice: { type: "any" } });
        const parts: string[] = [];
        pieces.on("inputJson", (part) => parts.push(part));
        const message = await pieces.finalMessage();
        expect(message.content).toMatchObject([{ type: "tool_use", id: "call_1", name: "add", input: { n: 1 } }]);
        expect(parts).toEqual(['{"n"', ":1}"]);
    });

    it("ends with an error event where the answer fails after its begin", async () => {
        fake.engine.failAfter = new Error("broken");
        const failed = await client.messages.stream(BODY).finalMessage().catch((thrown: unknown) => thrown);
        expect(failed).toBeInstanceOf(APIError);
        expect((failed as APIError).error).toMatchObject({ type: "error", error: { type: "api_error", message: "broken" } });
    });

    it("is an ordinary error before that", async () => {
        await expect(client.messages.stream({ ...BODY, model: "none" }).finalMessage()).rejects.toMatchObject({ status: 404 });
    });
});

describe("the list of models", () => {
    it("has Anthropic's form for its clients", async () => {
        expect((await client.models.list()).data).toMatchObject([{ type: "model", id: "Tiny.Q4.gguf" }]);
        expect(await client.models.retrieve("tiny.q4")).toMatchObject({ type: "model", id: "Tiny.Q4.gguf" });
    });
});

/** Two calls in pieces, as a model in its own format makes them. */
const TWO_CALLS: readonly Chunk[] = [
    { kind: "call", text: "{", call: { id: "a", name: "add" }, tokens: 1 },
    { kind: "call", text: "}", tokens: 1 },
    { kind: "call", text: "{}", call: { id: "b", name: "add" }, place: 1, tokens: 1 },
];

it.each([
    [true, 2],
    [false, 1],
])("streams several calls only where they are wanted: %s", (severalCalls, count) => {
    const events = new MessageEvents("msg_1", { thoughts: true, severalCalls });
    const blocks = TWO_CALLS.flatMap((chunk) => events.piece(chunk)).filter(({ type }) => type === "content_block_start");
    expect(blocks).toHaveLength(count);
});

describe("the length of a prompt", () => {
    it("counts all that the model reads", async () => {
        fake.engine.usage = { ...fake.engine.usage, promptTokens: 77 };
        const { model, messages } = BODY;
        const prompt = { model, messages };
        expect(await client.messages.countTokens({ ...prompt, system: "Be kind.", tools: [TOOL] })).toEqual({ input_tokens: 77 });
        expect(fake.engine.tasks).toMatchObject([{ kind: "count", request: { messages: [{ role: "system" }, { role: "user" }], tools: [{ name: "add" }] } }]);
        expect(fake.engine.asked).toEqual([]);
        await expect(client.messages.countTokens({ ...prompt, model: "none" })).rejects.toMatchObject({ status: 404 });
    });
});

describe("faults", () => {
    it("have Anthropic's form, with the id of the request", async () => {
        const failed = await client.messages.create({ ...BODY, model: "none" }).catch((thrown: unknown) => thrown as APIError);
        expect(failed).toMatchObject({ status: 404, error: { type: "error", error: { type: "not_found_error" } } });
        const { error, requestID } = failed as APIError;
        expect((error as { request_id: string }).request_id).toBe(requestID);
    });

    it.each([
        ["{", 400, "invalid_request_error"],
        [{}, 400, "invalid_request_error"],
        [{ ...BODY, max_tokens: 0 }, 400, "invalid_request_error"],
        [{ ...BODY, max_tokens: undefined }, 400, "invalid_request_error"],
        [{ ...BODY, temperature: 1.5 }, 400, "invalid_request_error"],
        [{ ...BODY, messages: [] }, 400, "invalid_request_error"],
        [{ ...BODY, messages: [{ role: "system", content: "x" }] }, 400, "invalid_request_error"],
        [{ ...BODY, messages: [{ role: "user", content: [] }] }, 400, "invalid_request_error"],
        [{ ...BODY, messages: [{ role: "user", content: [{ type: "image", source: {} }] }] }, 400, "invalid_request_error"],
        [{ ...BODY, messages: [{ role: "user", content: [{ type: "text" }] }] }, 400, "invalid_request_error"],
        [{ ...BODY, messages: [{ role: "user", content: [{ type: "tool_result", content: "x" }] }] }, 400, "invalid_request_error"],
        [{ ...BODY, messages: [{ role: "assistant", content: [{ type: "tool_use", id: "a" }] }] }, 400, "invalid_request_error"],
        [{ ...BODY, tools: [{ type: "web_search_20250305", name: "web_search" }] }, 400, "invalid_request_error"],
        [{ ...BODY, tools: [{ name: "a" }] }, 400, "invalid_request_error"],
        [{ ...BODY, tools: [{ name: "a", input_schema: { type: "banana" } }] }, 400, "invalid_request_error"],
        [{ ...BODY, tools: [TOOL], tool_choice: { type: "tool", name: "other" } }, 400, "invalid_request_error"],
        [{ ...BODY, tool_choice: { type: "any" } }, 400, "invalid_request_error"],
        [{ ...BODY, tool_choice: { type: "tool" } }, 400, "invalid_request_error"],
        [{ ...BODY, thinking: { type: "hard" } }, 400, "invalid_request_error"],
        [{ ...BODY, metadata: 5 }, 400, "invalid_request_error"],
        [{ ...BODY, metadata: { user_id: { a: 1 } } }, 400, "invalid_request_error"],
        [{ ...BODY, service_tier: "first" }, 400, "invalid_request_error"],
        [{ ...BODY, service_tier: ["auto"] }, 400, "invalid_request_error"],
        [{ ...BODY, cache_control: { type: "for ever" } }, 400, "invalid_request_error"],
        [{ ...BODY, messages: [{ role: "user", content: [{ type: "text", text: "Hi", cache_control: true }] }] }, 400, "invalid_request_error"],
        [{ ...BODY, messages: [{ role: "user", content: [{ type: "tool_result", tool_use_id: "a", content: [{ type: "text", text: "1", cache_control: 1 }] }] }] }, 400, "invalid_request_error"],
        [{ ...BODY, system: [{ type: "text", text: "Hi", cache_control: { type: "ephemeral", ttl: [5] } }] }, 400, "invalid_request_error"],
        [{ ...BODY, metadata: { user_id: 5 } }, 400, "invalid_request_error"],
        [{ ...BODY, tools: [{ ...TOOL, cache_control: "ephemeral" }] }, 400, "invalid_request_error"],
        [{ ...BODY, output_config: { effort: { level: 1 } } }, 400, "invalid_request_error"],
        [{ ...BODY, mcp_servers: [{ url: "x" }] }, 400, "invalid_request_error"],
        [{ ...BODY, context_management: { edits: [{ type: "clear_tool_uses_20250919" }] } }, 400, "invalid_request_error"],
        [{ ...BODY, messages: [{ role: "user", content: "x".repeat(17 * 1024 ** 2) }] }, 413, "request_too_large"],
    ])("of the body are told: %#", async (payload, status, type) => {
        const reply = await post(payload);
        expect([reply.status, (reply.body["error"] as { type: string }).type]).toEqual([status, type]);
        expect(reply.body).toMatchObject({ type: "error", request_id: expect.any(String) as string });
        expect(fake.engine.asked).toEqual([]);
    });

    it("of unknown paths and methods have the same form", async () => {
        const paths = [["GET", "/v1/messages"], ["POST", "/v1/messages/batches"]] as const;
        const replies = await Promise.all(paths.map(async ([method, url]) => server.inject({ method, url })));
        expect(replies.map(({ statusCode }) => statusCode)).toEqual([405, 404]);
        expect(replies.map((reply) => reply.json<{ type: string }>().type)).toEqual(["error", "error"]);
    });

    it("takes fields that ask for nothing", async () => {
        const neutral = { metadata: { user_id: "a" }, service_tier: "auto", container: null, mcp_servers: [], context_management: { edits: [{ type: "clear_thinking_20251015" }] }, thinking: { type: "enabled", budget_tokens: 2048 } };
        expect((await post({ ...BODY, ...neutral })).status).toBe(200);
    });

    it("says that a prompt is too long in the words that agents look for", async () => {
        fake.engine.failAfter = new ContextOverflow("messages", "The prompt has 9 tokens and the context 5: shorten it.");
        await expect(client.messages.create(BODY)).rejects.toThrow("prompt is too long");
    });

    it("asks for a key in either header", async () => {
        await end();
        await use(fakeService({ apiKey: "right" }), "right");
        expect((await client.messages.create(BODY)).type).toBe("message");
        expect((await post(BODY, { authorization: "Bearer right" })).status).toBe(200);
        expect(await post(BODY)).toMatchObject({ status: 401, body: { type: "error", error: { type: "authentication_error" } } });
    });
});
