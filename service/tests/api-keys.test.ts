/** Keys of several clients: what each may do, how much, and what is counted for it. */

import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { digestOf, type NamedKey, namedKeys } from "../src/config/api-keys.js";
import { parseConfiguration } from "../src/config/parse.js";
import { KeyLimit } from "../src/http/key-limits.js";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

const BODY = { model: "Tiny.Q4.gguf", messages: [{ role: "user", content: "Hello" }] };

let fake: Fake;
let server: FastifyInstance;

function use(...rows: object[]): void {
    fake = fakeService({ apiKey: "operators", apiKeys: namedKeys(rows) });
    server = createServer(fake.service);
}

afterEach(async () => {
    await server.close();
    await fake.database.close();
});

async function status(method: "GET" | "POST" | "DELETE", url: string, key: string, payload?: object): Promise<number> {
    const reply = await server.inject({ method, url, headers: { authorization: `Bearer ${key}` }, ...(payload === undefined ? {} : { payload }) });
    return reply.statusCode;
}

describe("a client's key", () => {
    it("may use models, and neither read nor change what concerns others", async () => {
        use({ name: "shop", key: "k1" });
        expect(await status("POST", "/v1/chat/completions", "k1", BODY)).toBe(200);
        expect(await status("GET", "/v1/models", "k1")).toBe(200);
        for (const url of ["/log/chat/byid", "/log/core/byid", "/log/chat/bydate?date=20260101", "/log/core/bydate?date=20260101"]) {
            expect([url, await status("GET", url, "k1")]).toEqual([url, 403]);
            expect([url, await status("GET", url, "operators")]).toEqual([url, 200]);
        }
        expect(await status("DELETE", "/log/chat", "k1")).toBe(403);
        expect(await status("POST", "/models/pull", "k1", { source: "hf:a/b" })).toBe(403);
        expect(await status("DELETE", "/models/Tiny.Q4.gguf", "k1")).toBe(403);
    });

    it("of an operator may do both", async () => {
        use({ name: "admin", key: "k1", operator: true });
        expect(await status("GET", "/log/chat/byid", "k1")).toBe(200);
        expect(await status("DELETE", "/log/chat", "k1")).toBe(200);
    });

    it("may be configured as its SHA-256", async () => {
        use({ name: "shop", sha256: digestOf("k1").toUpperCase() });
        expect(await status("GET", "/v1/models", "k1")).toBe(200);
        expect(await status("GET", "/v1/models", digestOf("k1"))).toBe(401);
        expect(await status("GET", "/v1/models", "k2")).toBe(401);
    });

    it("is needed where only clients' keys are set", async () => {
        fake = fakeService({ apiKeys: namedKeys([{ name: "shop", key: "k1" }]) });
        server = createServer(fake.service);
        expect((await server.inject("/v1/models")).statusCode).toBe(401);
        expect(await status("GET", "/v1/models", "")).toBe(401);
        expect(await status("GET", "/v1/models", "k1")).toBe(200);
    });

    it("is refused with 429 beyond its requests a minute, and reading goes on", async () => {
        use({ name: "shop", key: "k1", requestsPerMinute: 2 }, { name: "other", key: "k2" });
        expect(await status("POST", "/v1/chat/completions", "k1", BODY)).toBe(200);
        expect(await status("POST", "/prompt", "k1", {})).toBe(400);
        const refused = await server.inject({ method: "POST", url: "/v1/chat/completions", headers: { "x-api-key": "k1" }, payload: BODY });
        expect(refused.statusCode).toBe(429);
        expect(Number(refused.headers["retry-after"])).toBeGreaterThanOrEqual(1);
        expect(Number(refused.headers["retry-after"])).toBeLessThanOrEqual(30);
        expect(refused.json()).toMatchObject({ error: { message: "This API key may send 2 requests a minute." } });
        expect(await status("GET", "/v1/models", "k1")).toBe(200);
        expect(await status("POST", "/v1/chat/completions", "k2", BODY)).toBe(200);
    });

    it("is refused beyond its requests at once, until one of them has ended", async () => {
        use({ name: "shop", key: "k1", requestsAtOnce: 1 });
        await server.listen({ host: "127.0.0.1", port: 0 });
        const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/v1/chat/completions`;
        const ask = async (signal?: AbortSignal): Promise<Response> =>
            fetch(url, { method: "POST", headers: { authorization: "Bearer k1", "content-type": "application/json" }, body: JSON.stringify(BODY), ...(signal === undefined ? {} : { signal }) });
        fake.engine.delayMsec = 3_600_000;
        const leave = new AbortController();
        const first = ask(leave.signal).catch(() => undefined);
        await until(() => fake.engine.asked.length === 1);
        const refused = await ask();
        expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
        fake.engine.delayMsec = 0;
        leave.abort();
        await first;
        await until(async () => {
            const { status: now } = await ask();
            return now === 200;
        });
    });

    it("is named in the log and the metrics, which count its tokens, and never shown", async () => {
        use({ name: "shop", key: "secret-of-shop" }, { name: "other", key: "secret-of-other" });
        await server.listen({ host: "127.0.0.1", port: 0 });
        const baseURL = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/v1`;
        const usages = await Promise.all(
            ["secret-of-shop", "secret-of-other", "secret-of-shop"].map(async (apiKey) => {
                const client = new OpenAI({ apiKey, baseURL, maxRetries: 0 });
                return (await client.chat.completions.create({ model: "Tiny.Q4.gguf", messages: [{ role: "user", content: "Hello" }] })).usage;
            }),
        );
        const text = (await server.inject({ url: "/metrics", headers: { authorization: "Bearer operators" } })).body;
        expect(text).toContain('mentator_key_requests_total{key="shop",status="200"} 2');
        expect(text).toContain('mentator_key_requests_total{key="other",status="200"} 1');
        expect(text).toContain(`mentator_key_tokens_total{key="other",kind="completion"} ${usages[1]?.completion_tokens ?? -1}`);
        expect(fake.lines.join("")).toContain("key shop");
        expect(fake.lines.join("") + text).not.toContain("secret-of");
    });
});

describe("a limit", () => {
    const limit = (key: Partial<NamedKey>, now: () => number): KeyLimit => new KeyLimit({ requestsPerMinute: 0, requestsAtOnce: 0, ...key }, now);

    it("is filled evenly, and never beyond a minute's requests", () => {
        let now = 0;
        const six = limit({ requestsPerMinute: 6 }, () => now);
        const taken = (): number => {
            let count = 0;
            while (six.begin() === undefined) {
                count += 1;
            }
            return count;
        };
        expect(taken()).toBe(6);
        expect(six.begin()).toMatchObject({ retryAfterSeconds: 10 });
        now += 9_000;
        expect(six.begin()).toMatchObject({ retryAfterSeconds: 1 });
        now += 1_000;
        expect(taken()).toBe(1);
        now += 3_600_000;
        expect(taken()).toBe(6);
    });

    it("of requests at once takes none from the minute's", () => {
        const both = limit({ requestsPerMinute: 2, requestsAtOnce: 1 }, () => 0);
        expect(both.begin()).toBeUndefined();
        expect(both.begin()?.why).toContain("at once");
        both.end();
        expect(both.begin()).toBeUndefined();
        both.end();
        expect(both.begin()?.why).toContain("a minute");
    });
});

describe("the configuration's apiKeys", () => {
    const parse = (rows: unknown): ReturnType<typeof parseConfiguration> => parseConfiguration(JSON.stringify({ modelDir: "/m", dbFile: "/d", apiKeys: rows }));

    it("are taken with their defaults", () => {
        expect(parse([{ name: "shop", key: "k1" }, { name: "b", sha256: "A".repeat(64), operator: true, requestsPerMinute: 5, requestsAtOnce: 2 }]).configuration?.apiKeys).toEqual([
            { name: "shop", sha256: digestOf("k1"), operator: false, requestsPerMinute: 0, requestsAtOnce: 0 },
            { name: "b", sha256: "a".repeat(64), operator: true, requestsPerMinute: 5, requestsAtOnce: 2 },
        ]);
    });

    it.each([
        ["text", "must be a list"],
        [["text"], "item 1 must be an object"],
        [[{ name: "a" }], "needs either key or sha256"],
        [[{ name: "a", key: "SECRET", sha256: "a".repeat(64) }], "needs either key or sha256"],
        [[{ name: "a b", key: "SECRET" }], "needs a name"],
        [[{ key: "SECRET" }], "needs a name"],
        [[{ name: "a", key: "SECRET WITH SPACES" }], "needs a key without spaces"],
        [[{ name: "a", key: "" }], "needs a key without spaces"],
        [[{ name: "a", sha256: "SECRET" }], "64 hexadecimal digits"],
        [[{ name: "a", key: "SECRET", operator: "yes" }], "true or false"],
        [[{ name: "a", key: "SECRET", requestsPerMinute: -1 }], "integers 0.."],
        [[{ name: "a", key: "SECRET", requestsAtOnce: 1.5 }], "integers 0.."],
        [[{ name: "a", key: "SECRET", limit: 1 }], 'a field "limit"'],
        [[{ name: "a", key: "SECRET" }, { name: "a", key: "OTHER" }], "item 2 has the same name"],
        [[{ name: "a", key: "SECRET" }, { name: "b", sha256: digestOf("SECRET") }], "item 2 has the same key"],
    ])("%j are refused: %s", (rows, why) => {
        const { faults, configuration } = parse(rows);
        expect(configuration).toBeUndefined();
        expect(faults).toMatchObject([{ key: "apiKeys", line: 1 }]);
        expect(faults[0]?.message).toContain(why);
        expect(faults[0]?.message).not.toContain("SECRET");
    });
});

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await done())) {
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
}
