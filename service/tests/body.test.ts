import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BODY_LIMITS, sizeFault } from "../src/http/body.js";
import { BODY_LIMIT, createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

describe("the size of a body", () => {
    const fault = (text: string): string => sizeFault(Buffer.from(text));

    it("is limited in depth and in the number of values", () => {
        expect(fault("[".repeat(BODY_LIMITS.depth) + "]".repeat(BODY_LIMITS.depth))).toBe("");
        expect(fault("[".repeat(BODY_LIMIT))).toContain("nested too deep");
        expect(fault(`[${"1,".repeat(BODY_LIMITS.values - 1)}1]`)).toBe("");
        expect(fault(`[${"1,".repeat(BODY_LIMITS.values)}1]`)).toContain("too large");
        expect(fault(`[${"[],".repeat(BODY_LIMITS.values)}1]`)).toContain("too large");
    });

    it("does not count what stands in texts", () => {
        const text = `${"[,:{".repeat(BODY_LIMITS.values)}\\"`;
        expect(fault(JSON.stringify({ text, "a\\": "\\\\", b: '\\"[' }))).toBe("");
        expect(fault(`["\\\\",${"[".repeat(BODY_LIMITS.depth)}`)).toContain("nested too deep");
        expect(fault('["open')).toBe("");
    });
});

describe("a body", () => {
    let fake: Fake;
    let server: FastifyInstance;
    beforeAll(() => {
        fake = fakeService();
        server = createServer(fake.service);
    });
    afterAll(async () => {
        await server.close();
        await fake.database.close();
    });

    const PROMPT = JSON.stringify({ model: "tiny.q4", message: { user: "Hi" }, durationMsec: 5000 });
    const send = async (type: string | undefined, payload = PROMPT): Promise<[number, string]> => {
        const { statusCode, body } = await server.inject({ method: "POST", url: "/prompt", payload, headers: type === undefined ? {} : { "content-type": type } });
        return [statusCode, body];
    };

    it.each([undefined, "application/json; charset=utf-8", "application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "application/problem+json"])("of type %s is read as JSON", async (type) => {
        expect(await send(type)).toEqual([200, expect.stringContaining("hello")]);
        expect(await send(type, "model=x")).toEqual([400, expect.stringContaining("JSON")]);
    });

    it("of another type is refused by its name", async () => {
        expect(await send("multipart/form-data; boundary=x")).toEqual([400, expect.stringContaining("multipart/form-data")]);
    });

    it("that would take seconds to read is refused before", async () => {
        for (const payload of ["[".repeat(BODY_LIMIT), `{"a":[${"1,".repeat(BODY_LIMIT / 2 - 10)}1]}`]) {
            expect(await send("application/json", payload)).toEqual([400, expect.stringMatching(/too deep|too large/)]);
        }
    });

    it("that is empty or poisons prototypes is refused", async () => {
        expect((await send("application/json", ""))[0]).toBe(400);
        expect((await send("application/json", '{"__proto__": {"a": 1}}'))[0]).toBe(400);
    });
});
