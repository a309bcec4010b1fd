/** OpenAI's own client against the running service, on the fake engine. */

import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import OpenAI, { APIError, AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from "openai";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ContextOverflow } from "../src/errors.js";
import { chatRequests } from "../src/openai/chat-request.js";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

let fake: Fake;
let server: FastifyInstance;
let client: OpenAI;

async function use(made: Fake): Promise<void> {
    fake = made;
    server = createServer(fake.service);
    await server.listen({ host: "127.0.0.1", port: 0 });
    const { port } = server.server.address() as AddressInfo;
    client = new OpenAI({ apiKey: "any", baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 });
    await fake.service.models.rescan();
}

async function end(): Promise<void> {
    await server.close();
    await fake.database.close();
}

beforeEach(async () => use(fakeService()));
afterEach(end);

const MESSAGES = [{ role: "user", content: "Hi" }] as const;
const CHAT = { model: "tiny.q4", messages: [...MESSAGES] };
const SCHEMA = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
const TOOL = { type: "function", function: { name: "add", description: "Adds", parameters: SCHEMA } } as const;

/** The last request that reached the engine. */
function asked(): unknown {
    return fake.engine.asked.at(-1);
}

describe("models", () => {
    it("are listed and found by name", async () => {
        const { data } = await client.models.list();
        expect(data).toMatchObject([{ id: "Tiny.Q4.gguf", object: "model", owned_by: "mentator" }]);
        expect((await client.models.retrieve("tiny.q4")).id).toBe("Tiny.Q4.gguf");
        await expect(client.models.retrieve("none / at all")).rejects.toThrow(NotFoundError);
    });
});

describe("chat", () => {
    it("answers", async () => {
        const answer = await client.chat.completions.create(CHAT);
        expect(answer).toMatchObject({
            object: "chat.completion",
            model: "Tiny.Q4.gguf",
            choices: [{ index: 0, message: { role: "assistant", content: "hello" }, finish_reason: "stop" }],
            usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
        });
        expect(answer._request_id).toMatch(/^[0-9a-f-]{36}$/);
        expect(asked()).toMatchObject({ kind: "chat", messages: MESSAGES, options: { temperature: 0, topP: 0.1, maxTokens: 4096 } });
    });

    it("streams", async () => {
        fake.engine.text = "one two three";
        const stream = await client.chat.completions.create({ ...CHAT, stream: true, stream_options: { include_usage: true } });
        const chunks = [];
        for await (const chunk of stream) {
            chunks.push(chunk);
        }
        expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("one two three");
        expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
        expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
        expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 3 } });
        expect(new Set(chunks.map(({ id, model }) => `${id} ${model}`)).size).toBe(1);
    });

    it("streams through the client's own helper", async () => {
        fake.engine.text = "one two";
        const completion = await client.chat.completions.stream(CHAT).finalChatCompletion();
        expect(completion.choices[0]?.message.content).toBe("one two");
    });

    it("takes the additional options of vLLM's and llama-server's clients", async () => {
        for (const [more, options] of [
            [{ repetition_penalty: 1.2, top_k: -1 }, { repeatPenalty: 1.2, topK: 0 }],
            [{ repeat_penalty: 1.3, top_k: 40, min_p: 0.05 }, { repeatPenalty: 1.3, topK: 40, minP: 0.05 }],
        ]) {
            await client.chat.completions.create({ model: "tiny.q4", messages: [{ role: "user", content: "a" }], ...more });
            expect(asked()).toMatchObject({ options });
        }
    });

    it("takes all roles, texts in parts and OpenAI's options", async () => {
        await client.chat.completions.create({
            model: "tiny.q4",
            messages: [
                { role: "developer", content: "Be brief" },
                { role: "user", content: [{ type: "text", text: "a" }, { type: "text", text: "b" }] },
                { role: "assistant", content: null, tool_calls: [{ id: "c1", type: "function", function: { name: "add", arguments: "{}" } }] },
                { role: "tool", tool_call_id: "c1", content: "3" },
            ],
            temperature: 0.5,
            frequency_penalty: 0.7,
            presence_penalty: 0,
            // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated by OpenAI, but still supported here
            seed: -1,
            max_completion_tokens: 7,
            stop: "END",
        });
        expect(asked()).toMatchObject({
            messages: [
                { role: "system", content: "Be brief" },
                { role: "user", content: "ab" },
                { role: "assistant", content: "", toolCalls: [{ id: "c1", name: "add", arguments: "{}" }] },
                { role: "tool", toolCallId: "c1", content: "3" },
            ],
            options: { temperature: 0.5, frequencyPenalty: 0.7, topP: 1, topK: 0, seed: 4294967295, maxTokens: 7 },
            stop: ["END"],
        });
    });

    it("constrains by response_format", async () => {
        fake.engine.text = '{"n": 4}';
        await client.chat.completions.create({ ...CHAT, response_format: { type: "json_schema", json_schema: { name: "x", schema: SCHEMA, strict: true } } });
        expect(asked()).toMatchObject({ constraint: { kind: "schema", schema: SCHEMA } });
        await client.chat.completions.create({ ...CHAT, response_format: { type: "json_object" } });
        expect(asked()).toMatchObject({ constraint: { kind: "json" } });
        await client.chat.completions.create({ ...CHAT, response_format: { type: "text" } });
        expect(asked()).not.toHaveProperty("constraint");
    });

    it("returns tool calls, streamed and not", async () => {
        fake.engine.text = "";
        fake.engine.finishReason = "tool";
        fake.engine.toolCalls = [{ id: "c1", name: "add", arguments: '{"n":1}' }];
        const calls = [{ id: "c1", type: "function", function: { name: "add", arguments: '{"n":1}' } }];
        const request = { ...CHAT, tools: [TOOL], tool_choice: "required" as const };
        const { choices } = await client.chat.completions.create(request);
        expect(choices).toMatchObject([{ message: { content: null, tool_calls: calls }, finish_reason: "tool_calls" }]);
        expect(asked()).toMatchObject({ tools: [{ name: "add", description: "Adds", parameters: SCHEMA }], toolChoice: "required" });
        const streamed = await client.chat.completions.stream(request).finalChatCompletion();
        expect(streamed.choices).toMatchObject([{ message: { tool_calls: calls }, finish_reason: "tool_calls" }]);
    });

    it("streams the arguments of a demanded call as they are written, once", async () => {
        fake.engine.text = "";
        fake.engine.finishReason = "tool";
        fake.engine.toolCalls = [{ id: "c1", name: "add", arguments: '{"n":12}' }];
        fake.engine.callPieces = ["", '{"n"', ":12}"];
        const request = { ...CHAT, tools: [TOOL], tool_choice: "required" as const, response_format: { type: "json_object" as const } };
        const deltas: unknown[] = [];
        for await (const { choices } of await client.chat.completions.create({ ...request, stream: true })) {
            deltas.push(...(choices[0]?.delta.tool_calls ?? []));
        }
        expect(deltas).toEqual([
            { index: 0, id: "c1", type: "function", function: { name: "add", arguments: "" } },
            { index: 0, function: { arguments: '{"n"' } },
            { index: 0, function: { arguments: ":12}" } },
        ]);
        const { choices } = await client.chat.completions.stream(request).finalChatCompletion();
        expect(choices).toMatchObject([{ message: { tool_calls: [{ id: "c1", function: { name: "add", arguments: '{"n":12}' } }] }, finish_reason: "tool_calls" }]);
        expect(fake.engine.asked).toHaveLength(2);
    });

    it("sends a call that was cut as a call, streamed or not, and says so", async () => {
        fake.engine.text = "";
        fake.engine.finishReason = "length";
        fake.engine.toolCalls = [{ id: "c1", name: "add", arguments: '{"n":1' }];
        fake.engine.callPieces = ['{"n"', ":1"];
        const request = { ...CHAT, tools: [TOOL], tool_choice: "required" as const, max_tokens: 5 };
        const { choices } = await client.chat.completions.create(request);
        expect(choices).toMatchObject([{ message: { content: null, tool_calls: [{ function: { name: "add", arguments: '{"n":1' } }] }, finish_reason: "length" }]);
        let given = "";
        const reasons: unknown[] = [];
        for await (const { choices: [choice] } of await client.chat.completions.create({ ...request, stream: true })) {
            given += choice?.delta.tool_calls?.[0]?.function?.arguments ?? "";
            reasons.push(choice?.finish_reason);
        }
        expect(given).toBe('{"n":1');
        expect(reasons.at(-1)).toBe("length");
    });

    it("counts both generations where tools and a format were asked for", async () => {
        fake.engine.text = "{}";
        fake.engine.usage = { promptTokens: 10, cachedTokens: 4, completionTokens: 3, tokensPerSecond: 1 };
        const { usage } = await client.chat.completions.create({ ...CHAT, tools: [TOOL], response_format: { type: "json_object" } });
        expect(usage).toMatchObject({ prompt_tokens: 20, completion_tokens: 6, total_tokens: 26, prompt_tokens_details: { cached_tokens: 8 } });
    });

    it("lets others pass while it reads many tools, and refuses too many", async () => {
        const parameters = (seed: number): Record<string, unknown> => ({ type: "object", properties: Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`p${seed}x${index}`, { type: "string" }])) });
        const tools = Array.from({ length: 64 }, (_, index) => ({ type: "function" as const, function: { name: `t${index}`, parameters: parameters(index) } }));
        let turns = 0;
        const turn = (): void => {
            turns += 1;
            next = setImmediate(turn);
        };
        let next = setImmediate(turn);
        await chatRequests({ ...CHAT, tools }, fake.service.defaultOptions);
        clearImmediate(next);
        expect(turns).toBeGreaterThan(60);
        const large = { type: "function" as const, function: { name: "t", description: "x".repeat(10_000) } };
        await expect(client.chat.completions.create({ ...CHAT, tools: Array<typeof large>(60).fill(large) })).rejects.toMatchObject({ status: 400, param: "tools" });
    });

    it("asks again, constrained, when tools were allowed and none was called", async () => {
        fake.engine.text = "{}";
        const answer = await client.chat.completions.create({ ...CHAT, tools: [TOOL], response_format: { type: "json_object" } });
        expect(answer.choices[0]?.message.content).toBe("{}");
        expect(fake.engine.asked).toMatchObject([{ tools: [{ name: "add" }] }, { constraint: { kind: "json" } }]);
        expect(fake.engine.asked[0]).not.toHaveProperty("constraint");
        expect(fake.engine.asked[1]).not.toHaveProperty("tools");
    });

    const format = (schema: object) => ({ type: "json_schema" as const, json_schema: { name: "x", schema: schema as Record<string, unknown> } });

    it.each([
        ["that breaks the schema", format(SCHEMA), '{"n": "four"}', /answer\/n must be integer/],
        ["that breaks what only a check knows", format({ type: "array", uniqueItems: true }), "[1, 1]", /duplicate/],
        ["that is not JSON", format(SCHEMA), "four", /it is not JSON/],
        ["that is not an object", { type: "json_object" as const }, "[]", /must be object/],
        ["that is nested too deep", format({}), `${"[".repeat(5000)}${"]".repeat(5000)}`, /nested too deep/],
    ])("never sends an answer %s: it is an error, streamed or not", async (_name, responseFormat, text, why) => {
        fake.engine.text = text;
        const request = { ...CHAT, response_format: responseFormat };
        const error: unknown = await client.chat.completions.create(request).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(BadRequestError);
        expect(error).toMatchObject({ param: "response_format", code: "invalid_answer", message: expect.stringMatching(why) as string });
        const pieces: unknown[] = [];
        const streamed = (async () => {
            for await (const piece of await client.chat.completions.create({ ...request, stream: true })) {
                pieces.push(piece.choices[0]?.finish_reason);
            }
        })();
        await expect(streamed).rejects.toMatchObject({ message: expect.stringMatching(why) as string });
        expect(pieces.filter((reason) => reason !== null)).toEqual([]);
    });

    it("sends an answer that was cut, and says so", async () => {
        fake.engine.text = '{"n": ';
        fake.engine.finishReason = "length";
        const { choices } = await client.chat.completions.create({ ...CHAT, response_format: format(SCHEMA) });
        expect(choices).toMatchObject([{ message: { content: '{"n": ' }, finish_reason: "length" }]);
    });

    it("never sends a call whose arguments break the tool's parameters", async () => {
        fake.engine.text = "";
        fake.engine.finishReason = "tool";
        for (const given of ['{"n": "one"}', '{"n": 1', "[]"]) {
            fake.engine.toolCalls = [{ id: "c1", name: "add", arguments: given }];
            await expect(client.chat.completions.create({ ...CHAT, tools: [TOOL] })).rejects.toMatchObject({ status: 400, code: "invalid_answer", param: "tools[0].function.parameters" });
        }
    });

    it("refuses a schema that it cannot keep to, by its keyword and place, before anything is generated", async () => {
        const schema = { type: "object", properties: { a: { type: "array", contains: { type: "null" } } } };
        for (const strict of [true, false]) {
            await expect(client.chat.completions.create({ ...CHAT, response_format: { type: "json_schema", json_schema: { name: "x", schema, strict } } })).rejects.toMatchObject({
                status: 400,
                param: "response_format",
                message: expect.stringContaining('"contains" at #/properties/a is not supported') as string,
            });
        }
        const tool = { type: "function" as const, function: { name: "add", parameters: schema } };
        await expect(client.chat.completions.create({ ...CHAT, tools: [TOOL, tool] })).rejects.toMatchObject({
            status: 400,
            param: "tools[1].function.parameters",
            message: expect.stringContaining('"contains" at #/properties/a') as string,
        });
        expect(fake.engine.asked).toEqual([]);
    });

    const history = (given: string) => [
        ...MESSAGES,
        { role: "assistant" as const, content: null, tool_calls: [{ id: "c1", type: "function" as const, function: { name: "add", arguments: given } }] },
        { role: "tool" as const, tool_call_id: "c1", content: "3" },
    ];

    it("goes on after a call with broken arguments", async () => {
        await client.chat.completions.create({ ...CHAT, messages: history('{"n": 1') });
        expect(asked()).toMatchObject({ messages: [{}, { toolCalls: [{ arguments: '{"n": 1' }] }, {}] });
    });

    it("refuses arguments that are nested 20,000 deep", async () => {
        const deep = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`;
        await expect(client.chat.completions.create({ ...CHAT, messages: history(deep) })).rejects.toMatchObject({
            status: 400,
            param: "messages[1].tool_calls[0].function.arguments",
            message: expect.stringContaining("nested too deep") as string,
        });
        expect(fake.engine.asked).toEqual([]);
    });

    it("gives several answers that differ, without a temperature too", async () => {
         
        await client.chat.completions.create({ ...CHAT, n: 2 });
        expect(fake.engine.asked).toMatchObject([{ options: { temperature: 1, topP: 1, topK: 0 } }, { options: { temperature: 1 } }]);
        expect(new Set(fake.engine.asked.map(({ options }) => options.seed)).size).toBe(2);
        await client.chat.completions.create({ ...CHAT, n: 2, temperature: 0 });
        expect(asked()).toMatchObject({ options: { temperature: 0 } });
    });

    it.each([
        ["json_schema", SCHEMA],
        ["guided_json", SCHEMA],
        ["guided_json", JSON.stringify(SCHEMA)],
        ["structured_outputs", { json: SCHEMA }],
        ["response_format", { type: "json_object", schema: SCHEMA }],
    ])("obeys a schema in %s, of chats and completions", async (name, value) => {
        fake.engine.text = '{"n": 4}';
        await client.chat.completions.create({ ...CHAT, [name]: value });
        expect(asked()).toMatchObject({ constraint: { kind: "schema", schema: SCHEMA } });
        await client.completions.create({ model: "tiny.q4", prompt: "x", [name]: value } as never);
        expect(asked()).toMatchObject({ kind: "completion", constraint: { kind: "schema", schema: SCHEMA } });
        fake.engine.text = "{}";
        await expect(client.completions.create({ model: "tiny.q4", prompt: "x", [name]: value } as never)).rejects.toMatchObject({ code: "invalid_answer" });
    });

    it.each([
        ["grammar", 'root ::= "x"'],
        ["ignore_eos", true],
        ["guided_regex", "a+"],
        ["structured_outputs", { choice: ["a"] }],
        ["logit_bias", { five: 1 }],
        ["logit_bias", { 5: 101 }],
        ["logit_bias", { 5: "1" }],
        ["logit_bias", [[5, 1]]],
        ["logit_bias", { "-5": 1 }],
        ["logprobs", true],
        ["min_tokens", 5],
        ["functions", [{ name: "f" }]],
        ["modalities", ["text", "audio"]],
        ["json_schema", "no schema"],
        ["guided_json", { type: "banana" }],
        ["max_tokens", 0],
    ])("refuses %s by its name", async (name, value) => {
        await expect(client.chat.completions.create({ ...CHAT, [name]: value })).rejects.toMatchObject({ status: 400, param: name });
        expect(fake.engine.asked).toEqual([]);
    });

    it("asks for one call where parallel_tool_calls is false", async () => {
        await client.chat.completions.create({ ...CHAT, tools: [TOOL], parallel_tool_calls: false });
        expect(asked()).toMatchObject({ tools: [{ name: "add" }], oneCall: true });
        await client.chat.completions.create({ ...CHAT, tools: [TOOL] });
        expect(asked()).not.toHaveProperty("oneCall");
    });

    it("passes logit_bias on", async () => {
        await client.chat.completions.create({ ...CHAT, logit_bias: { 5: -100, 7: 2.5 } });
        expect(asked()).toMatchObject({ options: { tokenBias: { 5: -100, 7: 2.5 } } });
    });

    it("takes fields that ask for nothing, and refuses two forms at once", async () => {
        const nothing = { grammar: "", ignore_eos: false, logprobs: false, top_logprobs: 0, min_tokens: 0, logit_bias: {}, functions: null, structured_outputs: { json: null }, constructor: 1, toString: "x" };
        await client.chat.completions.create({ ...CHAT, ...nothing } as never);
        expect(asked()).not.toHaveProperty("constraint");
        await expect(client.chat.completions.create({ ...CHAT, response_format: { type: "json_object" }, guided_json: SCHEMA } as never)).rejects.toMatchObject({ status: 400, param: "guided_json" });
    });

    it("takes max_tokens -1 for no limit", async () => {
        await client.chat.completions.create({ ...CHAT, max_completion_tokens: -1 });
        await client.completions.create({ model: "tiny.q4", prompt: "x", max_tokens: -1 });
        expect((asked() as { options: { maxTokens: number } }).options.maxTokens).toBeGreaterThan(1_000_000);
    });

    it("lets only allowed tools be called, and reads refusals", async () => {
        const other = { type: "function" as const, function: { name: "other" } };
        const allowed = { type: "allowed_tools" as const, allowed_tools: { mode: "auto" as const, tools: [{ type: "function", function: { name: "add" } }] } };
        const messages = [...MESSAGES, { role: "assistant" as const, content: null, refusal: "No." }, { role: "assistant" as const, content: [{ type: "refusal" as const, refusal: "Never." }] }, ...MESSAGES];
        await client.chat.completions.create({ model: "tiny.q4", messages, tools: [TOOL, other], tool_choice: allowed });
        expect(asked()).toMatchObject({ tools: [{ name: "add" }], toolChoice: "auto", messages: [{}, { content: "No." }, { content: "Never." }, {}] });
        expect((asked() as { tools: unknown[] }).tools).toHaveLength(1);
    });

    it("gives several answers", async () => {
        // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated by OpenAI, but still supported here
        const { choices, usage } = await client.chat.completions.create({ ...CHAT, n: 3, seed: 5, temperature: 1 });
        expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
        expect(usage).toMatchObject({ prompt_tokens: 1, completion_tokens: 6 });
        expect(fake.engine.asked.map(({ options }) => options.seed)).toEqual([5, 6, 7]);
    });

    it("stops when the client leaves", async () => {
        fake.engine.delayMsec = 60_000;
        const gone = new AbortController();
        const answer = client.chat.completions.create(CHAT, { signal: gone.signal });
        await vi.waitFor(() => expect(fake.engine.asked).toHaveLength(1));
        gone.abort();
        await expect(answer).rejects.toThrow(/abort/i);
        await vi.waitFor(() => expect(fake.scheduler.running).toBe(0));
    });
});

describe("completions", () => {
    it("continue one text or several", async () => {
        const one = await client.completions.create({ model: "tiny.q4", prompt: "Once" });
        expect(one).toMatchObject({ object: "text_completion", choices: [{ text: "hello", finish_reason: "stop" }] });
        expect(asked()).toMatchObject({ kind: "completion", prompt: "Once", options: { maxTokens: 16 } });
        const two = await client.completions.create({ model: "tiny.q4", prompt: ["a", "b"], echo: true, max_tokens: 3 });
        expect(two.choices.map(({ text, index }) => [index, text])).toEqual([[0, "ahello"], [1, "bhello"]]);
    });

    it("count each prompt once", async () => {
        fake.engine.usage = { promptTokens: 10, completionTokens: 3, tokensPerSecond: 1 };
        const { usage } = await client.completions.create({ model: "tiny.q4", prompt: ["a", "b", "c"], n: 2 });
        expect(usage).toMatchObject({ prompt_tokens: 30, completion_tokens: 18, total_tokens: 48 });
    });

    it("of many prompts are one request's: an idle server takes them, and others wait behind few of them", async () => {
        await end();
        await use(fakeService({ queueLimit: 2 }));
        fake.engine.delayMsec = 1;
        const many = client.completions.create({ model: "tiny.q4", prompt: Array<string>(64).fill("x"), n: 8 });
        await vi.waitFor(() => expect(fake.scheduler.waiting).toBe(7));
        const other = await client.completions.create({ model: "tiny.q4", prompt: "other" });
        expect(other.choices).toHaveLength(1);
        expect(fake.engine.asked.length).toBeLessThan(100);
        const { choices } = await many;
        expect(choices.map(({ index }) => index)).toEqual(Array.from({ length: 512 }, (_, index) => index));
    });

    it("stream", async () => {
        fake.engine.text = "one two";
        let text = "";
        for await (const chunk of await client.completions.create({ model: "tiny.q4", prompt: "x", stream: true })) {
            text += chunk.choices[0]?.text ?? "";
        }
        expect(text).toBe("one two");
    });
});

describe("embeddings", () => {
    it("are returned in base64, as the client asks for, and as numbers", async () => {
        const packed = await client.embeddings.create({ model: "tiny.q4", input: "abc" });
        expect(packed).toMatchObject({ object: "list", data: [{ index: 0, embedding: [3, 0.5] }], usage: { prompt_tokens: 1, total_tokens: 1 } });
        const plain = await client.embeddings.create({ model: "tiny.q4", input: ["a", "bb"], encoding_format: "float" });
        expect(plain.data.map(({ embedding }) => embedding)).toEqual([[1, 0.5], [2, 0.5]]);
        await expect(client.embeddings.create({ model: "tiny.q4", input: "abc", dimensions: 5 })).rejects.toThrow(/2 dimensions, not of 5/);
    });

    it("have a call in the Mentator API too", async () => {
        const reply = await server.inject({ method: "POST", url: "/embedding", payload: { model: "tiny.q4", message: "abcd" } });
        expect(reply.json()).toEqual({ duration: expect.any(Object) as object, result: { loadModelStatus: "load", data: [4, 0.5] } });
        const wrong = await server.inject({ method: "POST", url: "/embedding", payload: { model: "none", message: "abcd" } });
        expect(wrong).toMatchObject({ statusCode: 400 });
        expect(wrong.json()).toEqual({ error: expect.stringContaining("Unknown model") as string, duration: { promptMsec: 0, queueMsec: 0 } });
    });
});

describe("errors", () => {
    async function fault(change: object): Promise<APIError> {
        return client.chat.completions.create({ ...CHAT, ...change }).then(
            () => expect.fail("was answered"),
            (thrown: unknown) => thrown as APIError,
        );
    }

    it.each([
        ["an unknown model", { model: "gpt-none" }, NotFoundError, "model", "model_not_found"],
        ["no messages", { messages: [] }, BadRequestError, "messages", null],
        ["an image", { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] }, BadRequestError, "messages[0].content[0]", null],
        ["no content", { messages: [{ role: "user" }] }, BadRequestError, "messages[0].content", null],
        ["logprobs", { logprobs: true }, BadRequestError, "logprobs", "unsupported_parameter"],
        ["an invalid schema", { response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "banana" } } } }, BadRequestError, "response_format", null],
        ["an unknown tool", { tools: [TOOL], tool_choice: { type: "function", function: { name: "x" } } }, BadRequestError, "tool_choice", null],
        ["a temperature of 3", { temperature: 3 }, BadRequestError, "temperature", null],
        ["a message without a role", { messages: [...MESSAGES, { content: "x" }] as never }, BadRequestError, "messages[1].role", null],
    ])("%s", async (_, change, kind, param, code) => {
        const thrown = await fault(change);
        expect(thrown).toBeInstanceOf(kind);
        expect(thrown).toMatchObject({ type: "invalid_request_error", param, code });
        expect(thrown.message).not.toBe("");
    });

    it("for a prompt that is longer than the context, so that a client can tell", async () => {
        fake.engine.failAfter = new ContextOverflow("messages", "The prompt has 9000 tokens and the context 4096: shorten it.");
        fake.engine.text = "";
        expect(await fault({})).toMatchObject({ status: 400, type: "invalid_request_error", param: "messages", code: "context_length_exceeded" });
    });

    it("for a full queue", async () => {
        await end();
        await use(fakeService({ queueLimit: 0 }));
        fake.engine.delayMsec = 200;
        const first = client.chat.completions.create(CHAT);
        await vi.waitFor(() => expect(fake.scheduler.running).toBe(1));
        const thrown = await fault({});
        expect(thrown).toBeInstanceOf(RateLimitError);
        expect(thrown.headers?.get("retry-after")).toBe("5");
        await first;
    });

    it("during shutdown", async () => {
        fake.stopping = true;
        expect(await fault({})).toMatchObject({ status: 503, type: "server_error" });
    });

    it("for a wrong key", async () => {
        await end();
        await use(fakeService({ apiKey: "right" }));
        const thrown = await fault({});
        expect(thrown).toBeInstanceOf(AuthenticationError);
        expect(thrown).toMatchObject({ code: "invalid_api_key" });
    });

    it("for a failure after the first piece", async () => {
        fake.engine.text = "one two";
        fake.engine.failAfter = new Error("the engine broke");
        const stream = await client.chat.completions.create({ ...CHAT, stream: true });
        const read = async (): Promise<void> => {
            for await (const chunk of stream) {
                expect(chunk.choices).toHaveLength(1);
            }
        };
        await expect(read()).rejects.toThrow(/the engine broke/);
    });

    it.each(["//v1/models", "/v1/v1/models", "/v1/models/", "/v1//models?a=//b", "/v1/v1/v1/models"])("are none for %s", async (url) => {
        expect((await server.inject(url)).json()).toMatchObject({ object: "list" });
    });

    it("for a path without /v1 name the right one", async () => {
        const reply = await server.inject({ method: "POST", url: "/chat/completions", payload: CHAT });
        expect(reply.statusCode).toBe(404);
        expect(reply.body).toContain("/v1/chat/completions");
    });

    it("for an unknown path", async () => {
        const reply = await server.inject("/v1/none");
        expect(reply.statusCode).toBe(404);
        expect(reply.json()).toMatchObject({ error: { type: "invalid_request_error", param: null } });
    });
});

it("keeps requests and answers when log.savePrompt is set", async () => {
    await end();
    await use(fakeService({ savePrompt: true }));
    await client.chat.completions.create(CHAT, { headers: { "x-request-id": "r1" } });
    const { logs } = (await server.inject("/log/chat/byid")).json<{ logs: Record<string, string>[] }>();
    expect(logs).toMatchObject([{ code: 200, answerRaw: "hello", requestId: "r1", request: JSON.stringify(CHAT) }]);
    expect(JSON.parse(logs[0]?.["response"] ?? "")).toMatchObject({ object: "chat.completion" });
});
