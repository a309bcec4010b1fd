import { Ajv2020 } from "ajv/dist/2020.js";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

interface Operation {
    readonly tags: string[];
    readonly summary: string;
    readonly responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
}

interface Document {
    readonly openapi: string;
    readonly paths: Record<string, Record<string, Operation>>;
    readonly tags: { name: string }[];
}

let fake: Fake;
let server: FastifyInstance;
let document: Document;

beforeEach(async () => {
    fake = fakeService();
    server = createServer(fake.service);
    document = (await server.inject("/doc/json")).json<Document>();
});

afterEach(async () => {
    await server.close();
    await fake.database.close();
});

it("names every call, with a summary, a known tag and its errors", () => {
    expect(document.openapi).toBe("3.1.0");
    const tags = document.tags.map(({ name }) => name);
    expect(new Set(tags).size).toBe(tags.length);
    const calls = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
    expect(calls.map(({ path, method }) => `${method} ${path}`)).toEqual(expect.arrayContaining(["post /prompt", "get /state", "delete /log/chat", "get /ready"]));
    for (const { operation } of calls) {
        expect(operation.summary).toBeTruthy();
        expect(tags).toEqual(expect.arrayContaining(operation.tags));
        expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(["200", "500"]));
        expect(JSON.stringify(operation.responses)).not.toContain("Default Response");
    }
});

it.each(["/v1/chat/completions", "/v1/completions"])("describes the events of a stream of %s, with an example of a request", (path) => {
    const operation = document.paths[path]?.["post"] as unknown as {
        requestBody: { content: Record<string, { schema: { examples?: { stream?: boolean }[] }; example?: object }> };
        responses: Record<string, { content: Record<string, { schema: object }> }>;
    };
    const event = new Ajv2020({ strict: false }).compile(operation.responses["200"]?.content["text/event-stream"]?.schema ?? false);
    expect(event({ event: "message", data: "[DONE]" })).toBe(true);
    expect(event("data: [DONE]")).toBe(false);
    expect(JSON.stringify(operation.requestBody.content["application/json"])).toContain('"stream":true');
});

it.each([
    ["GET", "/state", undefined],
    ["GET", "/state/models", undefined],
    ["GET", "/state/version", undefined],
    ["GET", "/health", undefined],
    ["GET", "/ready", undefined],
    ["GET", "/log/core/byid", undefined],
    ["GET", "/log/chat/byid", undefined],
    ["GET", "/log/core/byid?limit=x", undefined],
    ["GET", "/helper/example/options", undefined],
    ["POST", "/check/options", { options: {} }],
    ["POST", "/prompt", { model: "tiny.q4", message: { user: "Hi" }, durationMsec: 1000 }],
    ["POST", "/prompt", { model: "none", message: { user: "Hi" }, durationMsec: 1000 }],
    ["GET", "/v1/models", undefined],
    ["POST", "/embedding", { model: "tiny.q4", message: "Hi" }],
    ["POST", "/embedding", {}],
    ["POST", "/v1/embeddings", { model: "tiny.q4", input: "Hi", encoding_format: "base64" }],
    ["POST", "/v1/chat/completions", { model: "tiny.q4", messages: [{ role: "user", content: "Hi" }] }],
    ["POST", "/v1/chat/completions", { model: "none", messages: [{ role: "user", content: "Hi" }] }],
    ["POST", "/v1/completions", { model: "tiny.q4", prompt: "Hi" }],
    ["POST", "/v1/completions", {}],
] as const)("%s %s answers as the document says", async (method, url, payload) => {
    const reply = await server.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
    const operation = document.paths[url.split("?", 1)[0] ?? ""]?.[method.toLowerCase()];
    const schema = operation?.responses[String(reply.statusCode)]?.content?.["application/json"]?.schema;
    expect(schema).toBeDefined();
    const ajv = new Ajv2020({ strict: false });
    expect(ajv.validate(schema ?? false, reply.json())).toBe(true);
});
