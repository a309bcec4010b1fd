import { connect, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Limits, limitsFor } from "../src/http/connections.js";
import { ALL_ADDRESSES, listen as openPort } from "../src/http/listen.js";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

let fake: Fake;
let server: FastifyInstance;
let sockets: Socket[];

async function listen(limits: Partial<Limits>): Promise<void> {
    server = createServer(fake.service, { ...limitsFor(8), ...limits });
    await server.listen({ host: "127.0.0.1", port: 0 });
}

async function open(text = ""): Promise<Socket> {
    const socket = connect((server.server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => undefined);
    sockets.push(socket);
    await once(socket, "connect");
    socket.write(text);
    return socket;
}

/** All that comes until the other side closes. */
async function rest(socket: Socket): Promise<string> {
    let text = "";
    socket.setEncoding("utf8").on("data", (data: string) => (text += data));
    if (!socket.closed) {
        await once(socket, "close");
    }
    return text;
}

async function health(): Promise<number> {
    const { port } = server.server.address() as AddressInfo;
    return (await fetch(`http://127.0.0.1:${port}/health`, { headers: { connection: "close" } })).status;
}

beforeEach(() => {
    fake = fakeService();
    sockets = [];
});
afterEach(async () => {
    sockets.forEach((socket) => socket.destroy());
    await server.close();
    await fake.database.close();
});

describe("connections", () => {
    it("are closed when headers or a body do not come in time", async () => {
        await listen({ headersMsec: 100, requestMsec: 200, checkMsec: 50 });
        const silent = await open();
        const slow = await open("GET /health HTTP/1.1\r\nHost: a\r\n");
        const half = await open("POST /prompt HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
        const ends = await Promise.all([silent, slow, half].map(rest));
        expect(ends.map((text) => text.split("\r\n", 1)[0])).toEqual(Array(3).fill("HTTP/1.1 408 Request Timeout"));
    });

    it("are closed when they stay idle between two requests", async () => {
        await listen({ keepAliveMsec: 100 });
        expect(await rest(await open("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"))).toContain('{"status":"ok"}');
    });

    it("stay open while an answer takes its time", async () => {
        await listen({ stalledMsec: 50 });
        fake.engine.delayMsec = 400;
        const body = JSON.stringify({ model: "tiny.q4", message: { user: "Hi" }, durationMsec: 5000 });
        const text = await rest(await open(`POST /prompt HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
        expect(text).toContain('"data":"hello"');
    });

    it("are closed when nobody reads the answer, and its work ends", async () => {
        await listen({ stalledMsec: 200 });
        fake.engine.text = "word ".repeat(2_000_000);
        const body = JSON.stringify({ model: "tiny.q4", message: { user: "Hi" }, durationMsec: 5000 });
        const socket = await open(`POST /prompt HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        socket.pause();
        const connections = async (): Promise<number> => new Promise((resolve) => server.server.getConnections((_fault, count) => resolve(count)));
        await vi.waitFor(async () => expect(await connections()).toBe(0), 5000);
    });

    it("without a request make room for new ones", async () => {
        await listen({ most: 4 });
        const idle = await Promise.all([1, 2, 3, 4].map(async () => open()));
        expect(await health()).toBe(200);
        await vi.waitFor(() => expect(idle.filter(({ destroyed, readableEnded }) => destroyed || readableEnded).length).toBeGreaterThan(0));
    });

    it("with requests are not closed for new ones", async () => {
        await listen({ most: 2 });
        fake.engine.delayMsec = 500;
        const body = JSON.stringify({ model: "tiny.q4", message: { user: "Hi" }, durationMsec: 5000 });
        const busy = [1, 2].map(async () => rest(await open(`POST /prompt HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)));
        await vi.waitFor(() => expect(fake.scheduler.running + fake.scheduler.waiting).toBe(2));
        await expect(health()).rejects.toThrow();
        expect((await Promise.all(busy)).every((text) => text.includes('"data":"hello"'))).toBe(true);
    });
});

it("limits are those that proxies expect, and leave room for a full queue", () => {
    const limits = limitsFor(5000);
    expect(limits.keepAliveMsec).toBeGreaterThan(60_000);
    expect(limits.most).toBeGreaterThan(5000);
});

describe("the port", () => {
    it("is opened on IPv6 and IPv4", async () => {
        server = createServer(fake.service);
        const host = await openPort(server, ALL_ADDRESSES, 0);
        const { port } = server.server.address() as AddressInfo;
        expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
        if (host === "::") {
            expect((await fetch(`http://[::1]:${port}/health`)).status).toBe(200);
        }
    });

    it("is opened on the next address where the machine has no such one", async () => {
        server = createServer(fake.service);
        // RFC 5737: an address of documents.
        expect(await openPort(server, ["203.0.113.7", "127.0.0.1"], 0)).toBe("127.0.0.1");
        expect((await fetch(`http://127.0.0.1:${(server.server.address() as AddressInfo).port}/health`)).status).toBe(200);
    });

    it("that is taken ends the start with code 4", async () => {
        await listen({});
        const second = createServer(fake.service);
        await expect(openPort(second, ["127.0.0.1", "0.0.0.0"], (server.server.address() as AddressInfo).port)).rejects.toMatchObject({ exitCode: 4 });
        await second.close();
    });
});
