import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { hostName, isListed, isPrivateHost, refusalOf } from "../src/http/callers.js";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

const NOBODY = { hosts: [], origins: [] };
const refused = (headers: Record<string, string>, method = "GET", trusted: Parameters<typeof refusalOf>[1] = NOBODY): boolean => refusalOf({ method, headers }, trusted) !== "";

/** What a browser always sends, and a page's script cannot leave out. */
const BROWSER = { "accept-language": "en", "accept-encoding": "gzip, deflate" };

describe("the name in a Host header", () => {
    it.each([
        ["localhost:19777", "localhost"],
        ["LLM.Example.ORG.", "llm.example.org"],
        ["[::1]:80", "::1"],
        ["[fe80::1%25eth0]", "fe80::1"],
        ["10.0.0.7", "10.0.0.7"],
    ])("%s is %s", (header, name) => {
        expect(hostName(header)).toBe(name);
    });

    it.each(["localhost", "a.localhost", "127.0.0.1", "10.1.2.3", "::1", "fd00::7", "mentator", "3f2a9c", "llm.lan", "mentator.ns.svc", "mentator.ns.svc.cluster.local", "host.docker.internal", "box.home.arpa"])(
        "%s cannot be registered by others",
        (name) => {
            expect(isPrivateHost(name)).toBe(true);
        },
    );

    it.each(["evil.com", "localhost.evil.com", "127.0.0.1.nip.io", "127.1", "local.evil.org", "evilhome.arpa"])("%s may be anybody's", (name) => {
        expect(isPrivateHost(name)).toBe(false);
    });

    it("is listed as it is, by its end, or by *", () => {
        expect(isListed("llm.example.org", ["LLM.example.org:443"])).toBe(true);
        expect(isListed("llm.example.org", ["*.example.org"])).toBe(true);
        expect(isListed("llm.example.org", ["*"])).toBe(true);
        expect(isListed("evil-example.org", ["*.example.org", "example.org"])).toBe(false);
    });
});

describe("without a key", () => {
    it("refuses a page that has its name point to this machine, whatever it leaves out", () => {
        const host = "evil.com:19777";
        expect(refused({ host, ...BROWSER, referer: "http://evil.com:19777/" })).toBe(true);
        expect(refused({ host, ...BROWSER })).toBe(true);
        expect(refused({ host, ...BROWSER, "accept-language": "*" })).toBe(true);
        expect(refused({ host, ...BROWSER, "accept-language": "", "x-forwarded-for": "10.0.0.1" })).toBe(true);
        expect(refused({ host, ...BROWSER, origin: "http://evil.com:19777" }, "DELETE")).toBe(true);
        expect(refused({ host, origin: "http://evil.com:19777" }, "POST")).toBe(true);
    });

    it("refuses what a page of another origin sends, and lets it open a page", () => {
        const host = "localhost:19777";
        expect(refused({ host, ...BROWSER, origin: "https://evil.com", "sec-fetch-site": "cross-site" }, "POST")).toBe(true);
        expect(refused({ host, ...BROWSER, origin: "http://localhost:8080" }, "POST")).toBe(true);
        expect(refused({ host, ...BROWSER, origin: "null" }, "DELETE")).toBe(true);
        expect(refused({ host, ...BROWSER, "sec-fetch-site": "cross-site" })).toBe(false);
        expect(refused({ host, origin: "https://a.example" }, "POST", { hosts: [], origins: ["https://a.example"] })).toBe(false);
        expect(refused({ host, origin: "chrome-extension://abc", "sec-fetch-site": "cross-site" }, "POST")).toBe(false);
    });

    it("serves the own pages by every local name, by a listed one, and through a proxy with TLS", () => {
        for (const host of ["localhost:19777", "127.0.0.1:19777", "[::1]:19777", "192.168.1.5", "mentator:19777"]) {
            expect(refused({ host, ...BROWSER })).toBe(false);
            expect(refused({ host, ...BROWSER, origin: `http://${host}` }, "POST")).toBe(false);
        }
        const listed = { hosts: ["llm.example.org"], origins: [] };
        expect(refused({ host: "llm.example.org", ...BROWSER, origin: "http://llm.example.org" }, "POST", listed)).toBe(false);
        expect(refused({ host: "llm.example.org", ...BROWSER, origin: "https://llm.example.org", "sec-fetch-site": "same-origin" }, "POST")).toBe(false);
        // A proxy that puts its own name for the service into Host.
        expect(refused({ host: "mentator:19777", ...BROWSER, origin: "https://llm.example.org", "sec-fetch-site": "same-origin" }, "POST")).toBe(false);
    });

    it("serves programs by any name", () => {
        expect(refused({ host: "llm.example.org", "user-agent": "OpenAI/Python" }, "POST")).toBe(false);
        expect(refused({ host: "mentator.default:19777", accept: "*/*" })).toBe(false);
        expect(refused({})).toBe(false);
    });
});

describe("the server", () => {
    let fake: Fake;
    let server: FastifyInstance;
    const use = (made: Fake): void => {
        fake = made;
        server = createServer(fake.service);
    };
    afterEach(async () => {
        await server.close();
        await fake.database.close();
    });

    it("names the setting, and still shows pages and health", async () => {
        use(fakeService());
        const headers = { host: "evil.com:19777", ...BROWSER };
        const reply = await server.inject({ url: "/log/chat/byid", headers });
        expect(reply.statusCode).toBe(403);
        expect(reply.json()).toEqual({ error: expect.stringMatching(/evil\.com.*allowedHosts/) as string });
        expect((await server.inject({ url: "/v1/models", headers })).json()).toMatchObject({ error: { type: "invalid_request_error", message: expect.stringContaining("allowedHosts") as string } });
        expect((await server.inject({ method: "DELETE", url: "/log/chat", headers: { ...headers, origin: "http://evil.com:19777" } })).statusCode).toBe(403);
        expect((await server.inject({ url: "/", headers })).statusCode).toBe(200);
        expect((await server.inject({ url: "/health", headers })).statusCode).toBe(200);
    });

    it("trusts the key, by whatever name, and the names of the configuration", async () => {
        use(fakeService({ apiKey: "k" }));
        const headers = { host: "evil.com", ...BROWSER };
        expect((await server.inject({ url: "/state", headers: { ...headers, authorization: "Bearer k" } })).statusCode).toBe(200);
        expect((await server.inject({ url: "/state", headers })).statusCode).toBe(401);
        await server.close();
        await fake.database.close();
        use(fakeService({ allowedHosts: ["evil.com"] }));
        expect((await server.inject({ url: "/state", headers })).statusCode).toBe(200);
    });

    it("takes Node's fetch for a program", async () => {
        use(fakeService());
        const seen: Record<string, unknown>[] = [];
        server.addHook("onRequest", ({ headers }, _reply, done) => {
            seen.push(headers);
            done();
        });
        await server.listen({ host: "127.0.0.1", port: 0 });
        await fetch(`http://127.0.0.1:${(server.server.address() as AddressInfo).port}/state/version`);
        expect(seen).toHaveLength(1);
        expect(refused({ ...(seen[0] as Record<string, string>), host: "llm.example.org" })).toBe(false);
    });
});
