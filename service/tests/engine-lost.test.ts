/** What clients see when the engine's process ended under their request. */

import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EngineLost } from "../src/errors.js";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

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

const ask = async (stream = false) => server.inject({ method: "POST", url: "/v1/completions", payload: { model: "tiny.q4", prompt: "Hi", stream } });

describe("a request under which the engine's process ended", () => {
    it("may be sent again soon", async () => {
        fake.engine.failAfter = new EngineLost();
        const reply = await ask();
        expect([reply.statusCode, reply.headers["retry-after"], reply.headers["x-should-retry"]]).toEqual([503, "2", undefined]);
        expect(reply.json()).toMatchObject({ error: { type: "server_error", code: "engine_restarted", param: null } });
    });

    it("is not repeated by clients by themselves where it ended twice", async () => {
        fake.engine.failAfter = new EngineLost(true);
        const reply = await ask();
        expect([reply.statusCode, reply.headers["retry-after"], reply.headers["x-should-retry"]]).toEqual([503, "60", "false"]);
        expect(reply.json<{ error: { message: string } }>().error.message).toContain("ended twice");
    });

    it("ends its stream with the error", async () => {
        fake.engine.failAfter = new EngineLost();
        const { body } = await ask(true);
        const events = body.split("\n\n").filter((event) => event.startsWith("data: "));
        expect(JSON.parse(events.at(-1)?.slice(6) ?? "")).toMatchObject({ error: { code: "engine_restarted" } });
    });
});
