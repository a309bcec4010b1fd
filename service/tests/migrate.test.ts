/** The data folder of version 1.1.3 is mounted, and its documented requests are sent. docs/migrate.md says the rest. */

import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readContainerConfiguration } from "../src/config/file.js";
import { createServer } from "../src/http/server.js";
import { announce, sweep } from "../src/store/retention.js";
import { ToolCatalog } from "../src/tools/catalog.js";
import { type Fake, fakeService } from "./fake-service.js";
import { writeOldDatabase } from "./old-database.js";

const CONFIGURATION = `{
    // LLM service configuration
    "port": 19777,
    "modelDir": "/opt/mentator-llm-service/data/models",
    "dbFile": "/opt/mentator-llm-service/data/mentator-llm-service.db",
    "toolDir": "/opt/mentator-llm-service/data/tools",
    "toolEnvDir": "/opt/mentator-llm-service/data/toolsenv",
    "defaultOptions": {
        "temperature": 0.0, "topP": 0.1, "topK": 10, "minP": 0.0, "maxTokens": 4096, "repeatPenalty": 1.0, "repeatPenaltyNum": 0,
        "presencePenalty": 0.0, "frequencyPenalty": 0.0, "penalizeNewline": false, "stopSequences": [], "trimWhitespace": true
    },
    "log": { "level": "debug", "liveDay": 30, "savePrompt": true }
}
`;

/** Uses LIB as the tools of version 1.1.3 do. */
const TOOL = `$$spec
{
  "type": "object",
  "description": "Calculates",
  "properties": { "operation": { "type": "string" }, "a": { "type": "number" } },
  "required": ["operation", "a"]
}
$$code=JS
const known = { sqrt: () => LIB.math.sqrt(args.a) }
if (!known[args.operation]) throw new Error('unknown operation')
return { result: known[args.operation](), file: LIB.path.basename('/a/b.txt'), id: LIB.buffer.from({{conn}}.login).toString('base64').length }
`;

function mount(): string {
    const data = mkdtempSync(path.join(tmpdir(), "mentator-"));
    ["models", "tools/math", "toolsenv"].forEach((folder) => mkdirSync(path.join(data, folder), { recursive: true }));
    writeFileSync(path.join(data, "mentator-llm-service.conf.jsonc"), CONFIGURATION);
    writeFileSync(path.join(data, "models", "Tiny.Q4.gguf"), "x");
    writeFileSync(path.join(data, "tools", "math", "example-math.tool.txt"), TOOL);
    writeFileSync(path.join(data, "toolsenv", "conn.toolenv.txt"), '{"login": "reader"}');
    writeOldDatabase(path.join(data, "mentator-llm-service.db"), [400, 40, 1]);
    return data;
}

describe("a data folder of version 1.1.3", { timeout: 60_000 }, () => {
    let data: string;
    let fake: Fake;
    let tools: ToolCatalog;
    let server: ReturnType<typeof createServer>;
    let conf: string;

    beforeEach(async () => {
        data = mount();
        conf = path.join(data, "mentator-llm-service.conf.jsonc");
        const { configuration } = readContainerConfiguration(conf);
        fake = fakeService({
            dbFile: configuration.dbFile,
            savePrompt: configuration.log.savePrompt,
            serverTools: {
                choose: async (names) => tools.choose(names),
                call: async (tool, args, signal) => {
                    fake.engine.toolCalls = [];
                    fake.engine.finishReason = "stop";
                    return tools.call(tool, args, signal);
                },
            },
        });
        tools = new ToolCatalog(configuration.toolDir, configuration.toolEnvDir, fake.service.log, configuration.tools);
        server = createServer(fake.service);
        await Promise.all([fake.service.models.rescan(), tools.rescan()]);
    });

    afterEach(async () => {
        await server.close();
        await fake.database.close();
    });

    it("has a configuration that is read without a warning, and stays as it is", () => {
        const { configuration, notes, warnings } = readContainerConfiguration(conf);
        expect([notes, warnings]).toEqual([[], []]);
        expect(configuration).toMatchObject({ dbFile: path.join(data, "mentator-llm-service.db"), log: { liveDay: 30, promptLiveDay: 0, savePrompt: true } });
        expect(readFileSync(conf, "utf8")).toBe(CONFIGURATION);
    });

    it("keeps its prompts, and says so", async () => {
        const days = { log: 30, prompts: 0, responseHours: 24 };
        await announce(fake.database, fake.service.log, days);
        await sweep(fake.database, fake.service.log, days, true);
        const { logs } = (await server.inject("/log/chat/byid?afterId=0&limit=200")).json<{ logs: { id: number; request: string }[] }>();
        expect(logs.map(({ id }) => id)).toEqual([3, 2, 1]);
        expect(logs[2]?.request).toContain("days400");
        expect(fake.lines.join("\n")).toMatch(/prompts for ever \(log\.promptLiveDay is 0\)/);
        const core = (await server.inject("/log/core/byid?afterId=&limit=")).json<{ logs: { message: string; data: string | null }[] }>();
        expect(core.logs.map(({ message }) => message)).toContain("old line of 1 days");
        expect(core.logs.map(({ message }) => message)).not.toContain("old line of 40 days");
    });

    it("has tools that are called as before, and rows are added to its database", async () => {
        fake.engine.toolCalls = [{ id: "1", name: "example-math", arguments: '{"operation": "sqrt", "a": 16}' }];
        fake.engine.finishReason = "tool";
        const reply = await server.inject({
            method: "POST",
            url: "/prompt",
            payload: {
                model: "tiny.q4.GGUF",
                message: { system: "Be brief", user: "What is the root of 16?" },
                durationMsec: 60_000,
                options: { temperature: 0, topP: 0.1, topK: 10, seed: null, repeatPenaltyNum: 64, stopSequences: [] },
                toolServer: ["Example-Math.tool.txt", "not-there.tool.txt"],
            },
        });
        expect(reply.json()).toMatchObject({ result: { usedTools: ["example-math"] } });
        const told = fake.engine.asked.flatMap((request) => (request.kind === "chat" ? request.messages : [])).filter(({ role }) => role === "tool");
        expect(told[0]?.content).toBe('{"result":4,"file":"b.txt","id":8}');
        expect(fake.lines.join("\n")).toMatch(/unknown tools, which are left out: "not-there\.tool\.txt"/);
        const { logs } = (await server.inject("/log/chat/byid?limit=1")).json<{ logs: object[] }>();
        expect(logs).toMatchObject([{ id: 4, code: 200, answerRaw: expect.any(String) as string }]);
    });

    it("answers by date in local time, with its state", async () => {
        const yesterday = new Date(Date.now() - 86_400_000).toLocaleDateString("sv").replaceAll("-", "");
        const files = (await server.inject(`/log/chat/bydate?date=${yesterday}&hour=`)).json<{ filename: string; content: string }[]>();
        expect(files).toHaveLength(1);
        expect(files[0]?.content).toContain("days1");
        expect((await server.inject("/state")).json()).toMatchObject({ stats24h: { total: 0 }, savePromptEnabled: true });
    });
});
