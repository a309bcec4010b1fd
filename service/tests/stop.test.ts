/** The process on SIGTERM, with requests that run on a real model: MENTATOR_TEST_MODEL names its file. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { build, type Built } from "./built.js";

const MODEL = process.env["MENTATOR_TEST_MODEL"] ?? "";
const RUNNING = 8;

describe.skipIf(MODEL === "")("the process on SIGTERM", { timeout: 300_000 }, () => {
    let built: Built;
    let child: ChildProcess;
    let ended: Promise<unknown[]>;
    let lines = "";
    let url = "";

    const start = async (times: Record<string, string>): Promise<void> => {
        lines = "";
        const data = mkdtempSync(path.join(tmpdir(), "mentator-"));
        mkdirSync(path.join(data, "models"));
        cpSync(MODEL, path.join(data, "models", "model.gguf"));
        const configuration = path.join(data, "test.jsonc");
        writeFileSync(configuration, JSON.stringify({ engine: { slots: RUNNING, contextSize: 2048 } }));
        const port = String(20_000 + (process.pid % 10_000));
        url = `http://127.0.0.1:${port}`;
        child = spawn(process.execPath, [path.join(built.folder, "index.js"), "--conf-docker", configuration], {
            env: { ...process.env, MENTATOR_HOST: "127.0.0.1", MENTATOR_PORT: port, ...times },
            stdio: ["ignore", "pipe", "inherit"],
        });
        // From the begin: it may have ended before somebody waits for it.
        ended = once(child, "exit");
        child.stdout?.setEncoding("utf8").on("data", (text: string) => {
            lines += text;
        });
        while ((await fetch(`${url}/ready`).catch(() => undefined))?.status !== 200) {
            expect(child.exitCode, lines).toBeNull();
            await pause();
        }
    };

    beforeAll(() => {
        built = build();
    }, 200_000);

    afterEach(() => {
        child.kill("SIGKILL");
    });

    afterAll(() => {
        built.remove();
    });

    const pause = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));
    const post = async (call: string, body: object): Promise<Response> =>
        fetch(url + call, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    /** The schema lets no answer end before its context is nearly full: how long a free text gets is the model's choice, and it may be short. */
    const LONG = {
        model: "model.gguf",
        prompt: "One, two, three, four, five, six, seven,",
        max_tokens: 2000,
        temperature: 0,
        response_format: {
            type: "json_schema",
            json_schema: { name: "long", schema: { type: "array", minItems: 200, items: { const: "one two three four five six seven" } } },
        },
    };

    it("serves requests for the time of its notice, while /ready says 503", async () => {
        await start({ MENTATOR_STOP_NOTICE: "3" });
        child.kill("SIGTERM");
        while (!lines.includes("leaving: SIGTERM")) {
            await pause();
        }
        const ready = await fetch(`${url}/ready`);
        expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("shutting down")]);
        const served = await post("/v1/completions", { ...LONG, max_tokens: 2 });
        expect([served.status, served.headers.get("connection")]).toEqual([200, "close"]);
        while (!lines.includes("stopping: SIGTERM")) {
            await pause();
        }
        expect((await ended)[0]).toBe(0);
        expect(lines).toMatch(/ stopped\n/);
    });

    it("answers running requests, refuses new ones, and ends with 0", async () => {
        await start({});
        const asked = Array.from({ length: RUNNING }, async (_, index) => {
            const reply = await post("/v1/completions", { ...LONG, stream: index % 2 === 0 });
            // Rejects when the connection ends before the answer does.
            return { status: reply.status, text: await reply.text() };
        });
        while (!/^mentator_requests_running 8$/m.test(await (await fetch(`${url}/metrics`)).text())) {
            await pause();
        }
        child.kill("SIGTERM");
        while (!lines.includes("stopping: SIGTERM")) {
            await pause();
        }
        const late = await post("/v1/completions", LONG);
        expect([late.status, late.headers.get("retry-after")]).toEqual([503, "10"]);
        const [code] = (await Promise.all([ended, ...asked]))[0] as [number | null];

        expect(code).toBe(0);
        // By itself, before the last time limit.
        expect(lines).toMatch(/ stopped\n/);
        for (const [index, { status, text }] of (await Promise.all(asked)).entries()) {
            const streamed = index % 2 === 0 && status === 200;
            if (streamed) {
                expect(text).toMatch(/data: (\[DONE\]|\{"error":.*shutting down.*\})\n\n$/);
            } else {
                expect(JSON.parse(text)).toMatchObject(status === 200 ? { choices: [{}] } : { error: { code: "service_unavailable" } });
            }
        }
        expect((await Promise.all(asked)).some(({ text }) => text.includes("shutting down"))).toBe(true);
    });
});
