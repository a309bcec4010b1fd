/** What the HTTP API says about models, and who may change them. */

import type { FastifyInstance } from "fastify";
import { afterEach, expect, it } from "vitest";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

const servers: FastifyInstance[] = [];
afterEach(async () => {
    await Promise.all(servers.splice(0).map(async (server) => server.close()));
});

async function start(options: Parameters<typeof fakeService>[0] = {}): Promise<Fake & { readonly server: FastifyInstance }> {
    const fake = fakeService(options);
    await fake.service.models.start();
    const server = createServer(fake.service);
    servers.push(server);
    return { ...fake, server };
}

const CHAT = { model: "tiny.q4", messages: [{ role: "user", content: "Hi" }] };

it.each(["embedding", "rerank"] as const)("refuses to write with a model of kind %s", async (kind) => {
    const { server, engine } = await start({ kind });
    for (const [url, payload] of [
        ["/v1/chat/completions", CHAT],
        ["/v1/chat/completions", { ...CHAT, stream: true }],
        ["/v1/completions", { model: "tiny.q4", prompt: "Hi" }],
        ["/prompt", { model: "tiny.q4", message: { user: "Hi" }, durationMsec: 1000 }],
    ] as const) {
        const { statusCode, body } = await server.inject({ method: "POST", url, payload });
        expect([statusCode, body], url).toEqual([400, expect.stringContaining(`It is a${kind === "embedding" ? "n" : ""} ${kind} model`) as string]);
    }
    expect(engine.asked).toEqual([]);
    const { data } = (await server.inject("/v1/models")).json<{ data: { kind: string }[] }>();
    expect(data.map((model) => model.kind)).toEqual([kind]);
});

it.each([
    ["chat", 200],
    ["embedding", 200],
    ["rerank", 400],
] as const)("answers embeddings with a model of kind %s by %i", async (kind, status) => {
    const { server } = await start({ kind });
    expect((await server.inject({ method: "POST", url: "/v1/embeddings", payload: { model: "tiny.q4", input: "Hi" } })).statusCode).toBe(status);
    expect((await server.inject({ method: "POST", url: "/embedding", payload: { model: "tiny.q4", message: "Hi" } })).statusCode).toBe(status);
});
