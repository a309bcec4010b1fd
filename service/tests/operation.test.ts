import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createServer } from "../src/http/server.js";
import { jsonLine } from "../src/log.js";
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

const PROMPT = { model: "tiny.q4", message: { user: "Hi" }, durationMsec: 5000 };
const KEY = "a-long-secret";

describe("a request's id", () => {
    it("is the client's own, in answer, log and database", async () => {
        const reply = await server.inject({ method: "POST", url: "/prompt", payload: PROMPT, headers: { "x-request-id": "mine-1" } });
        expect(reply.headers["x-request-id"]).toBe("mine-1");
        expect(fake.lines.join("\n")).toMatch(/200 \/prompt tiny\.q4: .* \(request mine-1\)/);
        const chat = (await server.inject("/log/chat/byid")).json<{ logs: object[] }>();
        expect(chat.logs).toMatchObject([{ requestId: "mine-1" }]);
        const core = (await server.inject("/log/core/byid")).json<{ logs: { data: string | null }[] }>();
        expect(core.logs.at(0)?.data).toBe('{"requestId":"mine-1"}');
        const today = new Date().toLocaleDateString("sv").replaceAll("-", "");
        expect((await server.inject(`/log/core/bydate?date=${today}`)).body).toContain("(request mine-1)");
    });

    it("is a new one where the client has none", async () => {
        const ids = await Promise.all(["", "no good\nid"].map(async (id) => (await server.inject({ url: "/none", headers: { "x-request-id": id } })).headers["x-request-id"]));
        expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
        expect(ids[1]).toMatch(/^[0-9a-f-]{36}$/);
        expect(ids[0]).not.toBe(ids[1]);
    });
});

describe("GET /metrics", () => {
    it("counts requests and tokens, and measures the other figures", async () => {
        await fake.service.models.rescan();
        await server.inject({ method: "POST", url: "/prompt", payload: PROMPT });
        await server.inject({ method: "POST", url: "/prompt", payload: { ...PROMPT, model: "none" } });
        await server.inject("/no/such/path");
        const reply = await server.inject("/metrics");
        expect(reply.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
        for (const line of [
            'mentator_info{version="1.2.3",backend="cpu"} 1',
            "mentator_ready 1",
            "mentator_slots 1",
            "mentator_queue_waiting 0",
            'mentator_http_requests_total{method="POST",route="/prompt",status="200"} 1',
            'mentator_http_requests_total{method="GET",route="none",status="404"} 1',
            'mentator_model_requests_total{call="/prompt",status="400"} 1',
            "mentator_prompt_tokens_total 1",
            "mentator_completion_tokens_total 2",
            "mentator_queue_seconds_count 2",
        ]) {
            expect(reply.body.split("\n")).toContain(line);
        }
    });
});

describe("an API key", () => {
    beforeEach(async () => {
        await server.close();
        await fake.database.close();
        use(fakeService({ apiKey: KEY }));
    });

    it.each(["/state", "/metrics", "/doc/json", "/log/core/byid", "/v1/models"])("is needed for %s", async (url) => {
        for (const authorization of [undefined, "Bearer wrong", `Basic ${KEY}`, KEY]) {
            const reply = await server.inject({ url, ...(authorization === undefined ? {} : { headers: { authorization } }) });
            expect(reply.statusCode).toBe(401);
            expect(reply.headers["www-authenticate"]).toBe("Bearer");
            expect(reply.body).not.toContain("wrong");
        }
        expect((await server.inject({ url, headers: { authorization: `Bearer ${KEY}` } })).statusCode).toBe(200);
        expect((await server.inject({ url, headers: { "x-api-key": KEY } })).statusCode).toBe(200);
        expect((await server.inject({ url, headers: { "x-api-key": "wrong" } })).statusCode).toBe(401);
        expect((await server.inject({ url: `/${url}/`, headers: { "x-api-key": "wrong" } })).statusCode).toBe(401);
    });

    it.each(["/health", "/state/version", "/ready"])("is not needed for %s", async (url) => {
        expect((await server.inject(url)).statusCode).not.toBe(401);
    });

    it("is checked before the body, and is never shown", async () => {
        expect((await server.inject({ method: "POST", url: "/prompt", payload: {} })).statusCode).toBe(401);
        await server.inject({ method: "POST", url: "/prompt", payload: PROMPT, headers: { authorization: `Bearer ${KEY}` } });
        const all = await Promise.all(["/state", "/log/core/byid", "/log/chat/byid", "/metrics", "/doc/json"].map((url) => server.inject({ url, headers: { authorization: `Bearer ${KEY}` } })));
        expect(all.map(({ body }) => body).join("") + fake.lines.join("")).not.toContain(KEY);
    });
});

describe("other origins", () => {
    const preflight = { method: "OPTIONS", url: "/prompt", headers: { origin: "https://a.example", "access-control-request-method": "POST" } } as const;

    it("may not call by default", async () => {
        const reply = await server.inject({ url: "/state/version", headers: { origin: "https://a.example" } });
        expect(reply.headers["access-control-allow-origin"]).toBeUndefined();
        expect((await server.inject(preflight)).statusCode).toBe(405);
    });

    it("may call when they are named; a preflight needs no key", async () => {
        await server.close();
        await fake.database.close();
        use(fakeService({ corsOrigins: ["https://a.example"], apiKey: KEY }));
        const reply = await server.inject(preflight);
        expect(reply.statusCode).toBe(204);
        expect(reply.headers).toMatchObject({ "access-control-allow-origin": "https://a.example", vary: "Origin" });
        const other = await server.inject({ url: "/health", headers: { origin: "https://b.example" } });
        expect(other.headers["access-control-allow-origin"]).toBeUndefined();
        const refused = await server.inject({ url: "/state", headers: { origin: "https://a.example" } });
        expect(refused).toMatchObject({ statusCode: 401, headers: { "access-control-allow-origin": "https://a.example" } });
    });
});

describe("answers", () => {
    it("cannot be shown as pages", async () => {
        const { headers } = await server.inject("/state/version");
        expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "x-frame-options": "DENY", "cache-control": "no-store" });
        expect(headers["content-security-policy"]).toContain("default-src 'none'");
    });

    it("name the methods that a path has", async () => {
        const reply = await server.inject({ method: "PUT", url: "/prompt" });
        expect(reply.statusCode).toBe(405);
        expect(reply.headers.allow).toBe("POST");
        const pull = await server.inject({ method: "OPTIONS", url: "/models/pull" });
        expect([pull.statusCode, pull.headers.allow]).toEqual([405, "POST"]);
        expect(reply.json()).toEqual({ error: "/prompt takes POST, not PUT." });
    });

    it("have the same form where no route is found", async () => {
        const reply = await server.inject("/%zz");
        expect(reply.statusCode).toBe(400);
        expect(reply.json()).toEqual({ error: expect.any(String) as string });
    });
});

it("writes logs as JSON", () => {
    const line = jsonLine({ ts: 0, pipe: "core", kind: "info", message: "a\nb", requestId: "r" });
    expect(JSON.parse(line)).toEqual({ time: "1970-01-01T00:00:00.000Z", level: "info", pipe: "core", message: "a\nb", requestId: "r" });
    expect(line).not.toContain("\n");
});
