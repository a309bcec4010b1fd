/** What a streamed request hears before its answer begins. */

import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ContextOverflow } from "../src/errors.js";
import { PULSE_MSEC } from "../src/http/event-stream.js";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

let fake: Fake;
let server: FastifyInstance;

function use(made: Fake): void {
    fake = made;
    server = createServer(fake.service);
}

beforeEach(async () => {
    use(fakeService());
    await server.ready();
    await fake.service.models.rescan();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(async () => {
    vi.useRealTimers();
    await server.close();
    await fake.database.close();
});

const BODY = { model: "tiny.q4", messages: [{ role: "user", content: "Hi" }], stream: true };
const ask = async (body: object = BODY): Promise<Awaited<ReturnType<FastifyInstance["inject"]>>> => server.inject({ method: "POST", url: "/v1/chat/completions", payload: body });

async function pass(msec: number): Promise<void> {
    await vi.waitFor(() => expect(fake.scheduler.running).toBe(1));
    await vi.advanceTimersByTimeAsync(msec);
}

describe("a stream", () => {
    it("has headers and comments while it waits, then its answer", async () => {
        fake.engine.delayMsec = 12_500;
        const reply = ask();
        await pass(12_600);
        const { statusCode, body, headers } = await reply;
        expect(statusCode).toBe(200);
        expect(headers["content-type"]).toContain("text/event-stream");
        expect(body).toMatch(/^: waiting\n\n: waiting\n\ndata: \{/);
        expect(body).toMatch(/hello[^]*data: \[DONE\]\n\n$/);
    });

    it("has no comment where the answer comes soon", async () => {
        fake.engine.delayMsec = PULSE_MSEC - 100;
        const reply = ask();
        await pass(PULSE_MSEC);
        expect((await reply).body).not.toContain(": waiting");
    });

    it("has comments while it waits in the queue", async () => {
        fake.engine.delayMsec = 8000;
        const replies = [ask(), ask()];
        await pass(8000);
        await pass(8100);
        expect((await Promise.all(replies)).map(({ body }) => body.match(/: waiting/g)?.length)).toEqual([1, 3]);
    });

    it("that fails soon is an ordinary error", async () => {
        fake.engine.text = "";
        fake.engine.failAfter = new ContextOverflow("messages", "too long");
        const reply = ask();
        await pass(10);
        expect(await reply).toMatchObject({ statusCode: 400 });
        // A comment that comes nevertheless would set the next timer, again and again. The database's timer ends with its answer.
        await vi.advanceTimersByTimeAsync(2 * PULSE_MSEC);
        await vi.waitFor(() => expect(vi.getTimerCount()).toBe(0), { timeout: 10_000 });
    });

    it("that fails after its headers ends with an error event", async () => {
        fake.engine.text = "";
        fake.engine.failAfter = new ContextOverflow("messages", "too long");
        fake.engine.delayMsec = 6000;
        const reply = ask();
        await pass(6100);
        const { statusCode, body } = await reply;
        expect(statusCode).toBe(200);
        expect(body).toMatch(/^: waiting\n\ndata: \{"error":\{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"\}\}\n\n$/);
    });

    it("that cannot be served is refused by its status at once", async () => {
        await server.close();
        await fake.database.close();
        use(fakeService({ queueLimit: 0 }));
        await fake.service.models.rescan();
        fake.engine.delayMsec = 100;
        const first = ask();
        await vi.waitFor(() => expect(fake.scheduler.running).toBe(1));
        expect((await ask()).statusCode).toBe(429);
        expect((await ask({ ...BODY, model: "none" })).statusCode).toBe(404);
        expect((await ask({ ...BODY, n: 0 })).statusCode).toBe(400);
        await vi.advanceTimersByTimeAsync(200);
        await first;
    });
});
