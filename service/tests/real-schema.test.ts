/** Answers and tool calls by JSON Schema, on a real model: MENTATOR_TEST_MODEL names its file. */

import { Validator } from "@cfworker/json-schema";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backendFromEnvironment } from "../src/backend/backend.js";
import type { ChatRequest, Generated, LoadedModel, ToolDefinition } from "../src/engine/engine.js";
import { LlamaEngine } from "../src/engine/llama-engine.js";
import type { Witness } from "../src/gpu/watch.js";
import { Log } from "../src/log.js";

const MODEL = process.env["MENTATOR_TEST_MODEL"] ?? "";
const NEVER = new AbortController().signal;
const OPTIONS = { temperature: 0, topP: 1, topK: 0, minP: 0, maxTokens: 160, repeatPenalty: 1 };

const optional = (schema: object): object => ({ anyOf: [schema, { type: "null" }], default: null });

const PERSON = {
    $defs: {
        Address: { type: "object", properties: { street: { type: "string", maxLength: 20 }, city: optional({ type: "string", maxLength: 20 }) }, required: ["street", "city"] },
        Kind: { enum: ["friend", "other"], type: "string" },
    },
    type: "object",
    properties: {
        name: { type: "string", minLength: 1, maxLength: 20 },
        age: { anyOf: [{ type: "integer", minimum: 0, maximum: 120 }, { type: "string", pattern: "^\\d{1,3} years$" }] },
        born: { type: "string", format: "date" },
        weight: { type: "number", exclusiveMinimum: 0, maximum: 200 },
        kind: { $ref: "#/$defs/Kind" },
        address: { $ref: "#/$defs/Address" },
        nick: optional({ type: "string", maxLength: 8 }),
    },
    required: ["name", "age", "born", "weight", "kind", "address"],
};

const WEATHER = {
    name: "weather",
    description: "Tells the weather of a city for some days",
    parameters: {
        type: "object",
        properties: { city: { type: "string", maxLength: 20 }, days: optional({ type: "integer", minimum: 1, maximum: 14 }), page: optional({ type: "string", format: "uri" }) },
        required: ["city", "days"],
        additionalProperties: false,
    },
} satisfies ToolDefinition;

describe.skipIf(MODEL === "")("with a real model", { timeout: 300_000 }, () => {
    let engine: LlamaEngine;
    let model: LoadedModel;
    const failures: unknown[] = [];
    const witness: Witness = { onSuccess: () => undefined, onFailure: (thrown) => failures.push(thrown), look: async () => Promise.resolve() };

    beforeAll(async () => {
        engine = new LlamaEngine(backendFromEnvironment({}).backend, 1, { slots: 1, contextSize: 0, batchSize: 64, queueSize: 1 }, new Log("error", () => undefined), witness);
        await engine.start();
        model = await engine.load({ name: "model", file: MODEL, contextSize: 2048 }, () => false, NEVER);
    }, 60_000);
    afterAll(async () => engine.close());

    const ask = async (content: string, more: Partial<ChatRequest>): Promise<Generated> =>
        engine.generate(model, { kind: "chat", messages: [{ role: "user", content }], options: OPTIONS, ...more }, { signal: NEVER });

    it.each([
        ["nested models, unions, optional values, patterns, dates and bounds", PERSON],
        ["a recursive model", { $defs: { Node: { type: "object", properties: { name: { type: "string", maxLength: 6 }, next: optional({ $ref: "#/$defs/Node" }) }, required: ["name", "next"] } }, $ref: "#/$defs/Node" }],
        ["a constant that is an object", { enum: [{ kind: "fruit", "a\u0001b": [1, null] }] }],
        ["any object", { type: "object", minProperties: 0 }],
    ])("generates what is valid for %s", async (_name, schema) => {
        for (const options of [OPTIONS, { ...OPTIONS, temperature: 1, seed: 5 }]) {
            const { text, finishReason } = await ask("Describe Ann as JSON.", { constraint: { kind: "schema", schema }, options });
            if (finishReason === "stop") {
                expect(new Validator(schema as never, "2020-12").validate(JSON.parse(text)).errors, text).toEqual([]);
            }
        }
    });

    it("generates an object where JSON is asked for", async () => {
        const { text } = await ask("Describe Ann as JSON.", { constraint: { kind: "json" } });
        expect(text).toMatch(/^\{/);
    });

    it("is able to say null and something else for an optional value", async () => {
        const schema = { type: "object", properties: { days: optional({ type: "integer" }) }, required: ["days"] };
        const texts: string[] = [];
        for (let seed = 1; seed <= 8; seed += 1) {
            const content = "For how many days is the ticket? It is for 3 days. Answer as JSON.";
            texts.push((await ask(content, { constraint: { kind: "schema", schema }, options: { ...OPTIONS, temperature: 1, seed } })).text);
        }
        expect(texts.filter((text) => /\d/.test(text)).length).toBeGreaterThan(0);
    });

    it("calls a tool with optional parameters when it must", async () => {
        const { toolCalls, finishReason } = await ask("What is the weather in Paris for 3 days?", { tools: [WEATHER], toolChoice: "required" });
        expect(finishReason).toBe("tool");
        expect(toolCalls).toMatchObject([{ name: "weather" }]);
        expect(new Validator(WEATHER.parameters as never, "2020-12").validate(JSON.parse(toolCalls[0]?.arguments ?? "")).errors).toEqual([]);
    });

    it("may call a tool whose parameters node-llama-cpp knows nothing of", async () => {
        // So small a model seldom begins a call; once it does, the rest goes by its grammar.
        let call: Generated["toolCalls"][number] | undefined;
        for (let seed = 1; seed <= 120 && call === undefined; seed += 1) {
            const content = 'Call weather like this: ||call: weather({"city": "Paris", "days": null})';
            const options = { ...OPTIONS, temperature: 0.8, maxTokens: 64, seed };
            [call] = (await ask(content, { tools: [WEATHER], options })).toolCalls;
        }
        expect(call).toMatchObject({ name: "weather" });
        expect(new Validator(WEATHER.parameters as never, "2020-12").validate(JSON.parse(call?.arguments ?? "")).errors).toEqual([]);
    });

    it("takes a history with broken arguments", async () => {
        const { text } = await ask("", {
            messages: [
                { role: "user", content: "Hi" },
                { role: "assistant", content: "", toolCalls: [{ id: "c", name: "weather", arguments: '{"city": ' }] },
                { role: "tool", toolCallId: "c", content: "broken" },
            ],
            tools: [WEATHER],
            options: { ...OPTIONS, maxTokens: 8 },
        });
        expect(text).toBeTypeOf("string");
    });

    it("never takes a request's fault for the GPU's", async () => {
        const throwing: ToolDefinition = { ...WEATHER, parameters: { type: "object", properties: { a: { type: "string", pattern: "a(?=b)" } } } };
        await expect(ask("Hi", { tools: [throwing], toolChoice: "required" })).rejects.toMatchObject({ statusCode: 400 });
        const broken = { kind: "schema", schema: { not: {} } } as const;
        await expect(ask("Hi", { constraint: broken })).rejects.toMatchObject({ statusCode: 400 });
        await expect(ask("Hi", { constraint: { kind: "grammar", gbnf: "root ::= (" } })).rejects.toThrow();
        expect(failures).toEqual([]);
    });

    it("says of a schema whether it makes a grammar", async () => {
        expect(await engine.checkGrammar(PERSON)).toBe("");
        expect(await engine.checkGrammar({ contains: {} })).toMatch(/"contains" at # is not supported/);
    });
});
