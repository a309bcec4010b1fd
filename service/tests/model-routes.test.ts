/** What the HTTP API says about models, and who may change them. */

import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";
import { gguf, model } from "./gguf-files.js";
import { hub } from "./hub-server.js";

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

const FILES = { "m-Q8_0.gguf": gguf({ data: 2_000_000 }), "mmproj-F16.gguf": model("clip") };
const PULL = { source: "hf:owner/repo", stream: false };

/** A service that may pull from servers on loopback. */
async function pulling(manners: Parameters<typeof hub>[1] = {}, options: Parameters<typeof fakeService>[0] = {}): Promise<Awaited<ReturnType<typeof start>> & { readonly folder: string; readonly from: Awaited<ReturnType<typeof hub>> }> {
    const from = await hub(FILES, manners);
    const fake = await start({ withoutKey: true, endpoint: from.url, hosts: [from.storage], ...options });
    return { ...fake, folder: fake.service.management.modelDir, from };
}

/** The events of a stream. */
function eventsOf(body: string): Record<string, unknown>[] {
    const lines = body.split("\n").filter((line) => line.startsWith("data: {"));
    return lines.map((line) => JSON.parse(line.slice(6)) as Record<string, unknown>);
}

describe("who may change models", () => {
    it("is nobody by default, everybody where the configuration says so, and the holder of the key", async () => {
        const ask = async (options: Parameters<typeof fakeService>[0], headers = {}): Promise<number[]> => {
            const { server } = await start(options);
            const pull = await server.inject({ method: "POST", url: "/models/pull", payload: { source: "hf:x" }, headers });
            return [pull.statusCode, (await server.inject({ method: "DELETE", url: "/models/none", headers })).statusCode];
        };
        expect(await ask({})).toEqual([403, 403]);
        expect(await ask({ withoutKey: true })).toEqual([400, 404]);
        expect(await ask({ apiKey: "k" })).toEqual([401, 401]);
        expect(await ask({ apiKey: "k" }, { authorization: "Bearer k" })).toEqual([400, 404]);
    });
});

describe("POST /models/pull", () => {
    it("tells how far it is and ends with the model's name, which requests can use at once", async () => {
        const { server, service } = await pulling({ rate: 4_000_000 });
        const { statusCode, headers, body } = await server.inject({ method: "POST", url: "/models/pull", payload: { source: "hf:owner/repo" } });
        expect([statusCode, headers["content-type"]]).toEqual([200, "text/event-stream; charset=utf-8"]);
        const events = eventsOf(body);
        expect(events[0]).toMatchObject({ source: "hf:owner/repo", status: "downloading", file: "m-Q8_0.gguf", total: FILES["m-Q8_0.gguf"].length });
        expect(events.at(-1)).toMatchObject({ status: "success", models: ["m-Q8_0.gguf"], files: ["m-Q8_0.gguf", "mmproj-m-Q8_0.gguf"], existed: false });
        expect(body.trimEnd().endsWith("data: [DONE]")).toBe(true);
        expect(service.models.list().map(({ name }) => name)).toContain("m-Q8_0.gguf");
    });

    it("answers at once what is wrong, with a status", async () => {
        const { server, from } = await pulling();
        const ask = async (payload: object): Promise<unknown[]> => {
            const { statusCode, body } = await server.inject({ method: "POST", url: "/models/pull", payload });
            return [statusCode, body];
        };
        expect(await ask({ source: "nonsense" })).toEqual([400, expect.stringContaining("hf:OWNER/REPO") as string]);
        expect(await ask({})).toEqual([400, expect.stringContaining("source") as string]);
        expect(await ask({ source: "hf:a/b", insecure: true })).toEqual([400, expect.stringContaining("insecure") as string]);
        expect(await ask({ source: "https://example.org/x.gguf" })).toEqual([403, expect.stringContaining("example.org") as string]);
        expect(await ask({ source: "hf:owner/none" })).toEqual([404, expect.any(String) as string]);
        from.manners.statuses.push(...Array.from({ length: 9 }, () => ({ status: 500 })));
        expect(await ask(PULL)).toEqual([502, expect.stringContaining("status 500") as string]);
    });

    it("tells a failure after the begin as an event", async () => {
        const { server } = await pulling({ instead: Buffer.from(FILES["m-Q8_0.gguf"]).fill(1, 1_000_000) });
        const { statusCode, body } = await server.inject({ method: "POST", url: "/models/pull", payload: { source: "hf:owner/repo" } });
        expect([statusCode, eventsOf(body).at(-1)]).toEqual([200, { error: expect.stringContaining("SHA-256") as string }]);
    });

    it("ends when the client leaves, and goes on from there", async () => {
        const { server, service, folder, from } = await pulling({ rate: 1_000_000 });
        const base = await server.listen({ host: "127.0.0.1", port: 0 });
        const client = new AbortController();
        const answer = await fetch(`${base}/models/pull`, { method: "POST", body: JSON.stringify({ source: "hf:owner/repo" }), headers: { "content-type": "application/json" }, signal: client.signal });
        await answer.body?.getReader().read();
        client.abort();
        const part = path.join(folder, ".downloads", "m-Q8_0.gguf.part");
        await expect.poll(() => service.puller.progress, { timeout: 10_000 }).toEqual([]);
        await expect.poll(() => existsSync(part), { timeout: 10_000 }).toBe(true);
        expect(service.models.list().map(({ name }) => name)).not.toContain("m-Q8_0.gguf");
        from.manners.rate = 0;
        expect((await server.inject({ method: "POST", url: "/models/pull", payload: PULL })).json()).toMatchObject({ status: "success" });
        expect(readFileSync(path.join(folder, "m-Q8_0.gguf")).equals(FILES["m-Q8_0.gguf"])).toBe(true);
    });
});

it("says in /ready and /state/models how far a pull is", async () => {
    const { server, service } = await pulling({ rate: 1_000_000 });
    const client = new AbortController();
    const pulled = service.puller.pull("hf:owner/repo", client.signal, () => undefined);
    await expect.poll(async () => (await server.inject("/ready")).body, { timeout: 10_000 }).toMatch(/"pulling":"1 being pulled, \d+ % of 2 MiB"/);
    expect((await server.inject("/state/models")).json()).toMatchObject({ pulls: [{ source: "hf:owner/repo", status: "downloading", file: "m-Q8_0.gguf" }], mayChange: true });
    // Without any model: not ready, and why.
    await server.inject({ method: "DELETE", url: "/models/tiny.q4" });
    const { statusCode, body } = await server.inject("/ready");
    expect([statusCode, body]).toEqual([503, expect.stringMatching(/no models yet: 1 being pulled/) as string]);
    client.abort(new Error("enough"));
    await expect(pulled).rejects.toThrow("enough");
});

describe("DELETE /models/NAME", () => {
    it("deletes all files of a pulled model, and says when the next start pulls it again", async () => {
        const { server, folder, service } = await pulling({}, { sources: ["hf:owner/repo"] });
        await server.inject({ method: "POST", url: "/models/pull", payload: PULL });
        const { statusCode, body } = await server.inject({ method: "DELETE", url: "/models/m-q8_0" });
        expect([statusCode, JSON.parse(body)]).toEqual([200, { deleted: "m-Q8_0.gguf", files: ["m-Q8_0.gguf", "mmproj-m-Q8_0.gguf"], note: expect.stringContaining("hf:owner/repo") as string }]);
        expect(readdirSync(folder).sort()).toEqual([".downloads", "Tiny.Q4.gguf"]);
        expect(readdirSync(path.join(folder, ".downloads"))).toEqual([]);
        expect(service.models.list().map(({ name }) => name)).toEqual(["Tiny.Q4.gguf"]);
    });

    it("refuses one that is in memory until it is told to", async () => {
        const { server, folder } = await start({ withoutKey: true }).then((fake) => ({ ...fake, folder: fake.service.management.modelDir }));
        await server.inject({ method: "POST", url: "/v1/completions", payload: { model: "tiny.q4", prompt: "Hi" } });
        const refused = await server.inject({ method: "DELETE", url: "/models/tiny.q4" });
        expect([refused.statusCode, refused.body]).toEqual([409, expect.stringContaining("force=true") as string]);
        expect(existsSync(path.join(folder, "Tiny.Q4.gguf"))).toBe(true);
        expect((await server.inject({ method: "DELETE", url: "/models/tiny.q4?force=true" })).statusCode).toBe(200);
        expect(existsSync(path.join(folder, "Tiny.Q4.gguf"))).toBe(false);
    });

    it("deletes a link and not what it leads to, and nothing outside", async () => {
        const { server, folder, service } = await pulling();
        const outside = path.join(path.dirname(folder), "outside");
        mkdirSync(outside);
        writeFileSync(path.join(outside, "precious.gguf"), gguf());
        symlinkSync(path.join(outside, "precious.gguf"), path.join(folder, "link.gguf"));
        symlinkSync(outside, path.join(folder, "folder"));
        await service.models.rescanFromNow();
        for (const name of ["..%2Foutside%2Fprecious", "folder%2Fprecious", "%2Fetc%2Fpasswd", "%2E%2E%2F", ".downloads"]) {
            expect((await server.inject({ method: "DELETE", url: `/models/${name}` })).statusCode, name).toBe(404);
        }
        expect((await server.inject({ method: "DELETE", url: "/models/link" })).json()).toMatchObject({ files: ["link.gguf"] });
        expect(readdirSync(outside)).toEqual(["precious.gguf"]);
    });
});
