import { readdirSync, readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isFresh } from "../src/http/routes/pages.js";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

const FOLDER = new URL("../src/static/", import.meta.url);
const PAGES = ["/", "/chat", "/stat", "/log/core", "/log/chat", "/doc"];
const ASSETS = readdirSync(FOLDER).filter((name) => !name.endsWith(".html"));

let fake: Fake;
let server: FastifyInstance;

beforeEach(() => {
    fake = fakeService();
    server = createServer(fake.service);
});
afterEach(async () => {
    await server.close();
    await fake.database.close();
});

describe("pages", () => {
    it.each(PAGES)("%s is a page with a strict policy", async (url) => {
        const { statusCode, headers, body } = await server.inject(url);
        expect(statusCode).toBe(200);
        expect(headers).toMatchObject({
            "content-type": "text/html; charset=utf-8",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cache-control": "no-cache",
        });
        const policy = String(headers["content-security-policy"]);
        expect(policy).toMatch(/^default-src 'self'; .*require-trusted-types-for 'script'/);
        expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
        expect(body).toContain(`<a href="${url}" aria-current="page">`);
        expect(body.match(/aria-current/g)).toHaveLength(1);
        expect(body).not.toContain("<!--");
    });

    it.each(PAGES)("%s loads own files only, and nothing inline", async (url) => {
        const { body } = await server.inject(url);
        const links = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? "");
        expect(links.filter((link) => !/^[/#]/.test(link) || link.startsWith("//"))).toEqual([]);
        for (const link of links.filter((each) => each.startsWith("/static/"))) {
            expect((await server.inject(link)).statusCode).toBe(200);
        }
        expect(body).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
        const ids = [...body.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
        expect(new Set(ids).size).toBe(ids.length);
    });

    it("never makes markup from text", () => {
        const code = ASSETS.filter((name) => name.endsWith(".js")).map((name) => readFileSync(new URL(name, FOLDER), "utf8"));
        expect(code.join("\n")).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/);
    });

    it("works without the API key, which the API needs", async () => {
        await server.close();
        server = createServer({ ...fake.service, keys: { apiKey: "secret", named: [] } });
        for (const url of [...PAGES, "/static/style.css"]) {
            expect((await server.inject(url)).statusCode).toBe(200);
        }
        expect((await server.inject("/state")).statusCode).toBe(401);
        expect((await server.inject("/log/core/byid")).statusCode).toBe(401);
    });

    it("is in the OpenAPI document: /log/chat is a page and a call", async () => {
        expect((await server.inject("/log/core/byid")).json()).toHaveProperty("logs");
        const { paths } = (await server.inject("/doc/json")).json<{ paths: Record<string, object> }>();
        for (const path of PAGES) {
            expect(paths[path]).toMatchObject({ get: { tags: ["page"] } });
        }
        expect(paths["/log/chat"]).toHaveProperty("delete");
        expect(Object.keys(paths).filter((path) => path.startsWith("/static"))).toEqual([]);
    });

    it("answers HEAD without a body", async () => {
        const { statusCode, body, headers } = await server.inject({ method: "HEAD", url: "/chat" });
        expect([statusCode, body]).toEqual([200, ""]);
        expect(headers.etag).toMatch(/^"[\w-]{22}"$/);
    });
});

describe("files of pages", () => {
    it.each(ASSETS)("%s is served with its type", async (name) => {
        const { statusCode, headers, rawPayload } = await server.inject(`/static/${name}`);
        expect(statusCode).toBe(200);
        const types: Record<string, string> = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml" };
        expect(headers["content-type"]).toBe(types[name.split(".").at(-1) ?? ""]);
        expect(headers["x-content-type-options"]).toBe("nosniff");
        expect(rawPayload.equals(readFileSync(new URL(name, FOLDER)))).toBe(true);
    });

    it("is not sent again to a browser that has it", async () => {
        const { headers } = await server.inject("/static/style.css");
        const again = await server.inject({ url: "/static/style.css", headers: { "if-none-match": String(headers.etag) } });
        expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, "", headers.etag]);
        const other = await server.inject({ url: "/static/style.css", headers: { "if-none-match": '"other"' } });
        expect(other.statusCode).toBe(200);
    });

    it.each([
        ['"a"', true],
        ['W/"a"', true],
        ['"b", "a"', true],
        ["*", true],
        ['"b"', false],
        [undefined, false],
    ])("compares %s with its tag", (header, fresh) => {
        expect(isFresh(header, '"a"')).toBe(fresh);
    });

    it.each([
        "/static/",
        "/static",
        "/static/layout.html",
        "/static/../../package.json",
        "/static/..%2f..%2fpackage.json",
        "/static/%2e%2e/%2e%2e/package.json",
        "/static/....//package.json",
        "/static//etc/passwd",
        "/static/style.css/../theme.js%00",
        "/chat/../../package.json",
        "/overview.html",
        "/package.json",
        "/favicon.ico",
    ])("has nothing at %s", async (url) => {
        const { statusCode, headers, body } = await server.inject(url);
        expect([400, 404]).toContain(statusCode);
        expect(headers["content-type"]).toMatch(/^application\/json/);
        expect(body).not.toContain("mentator-llm-service");
    });
});
