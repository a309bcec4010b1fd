import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OPTION_TABLE } from "../src/config/option-table.js";
import { defaultsFor, engineOptions, readOptions } from "../src/config/options.js";
import { parseConfiguration } from "../src/config/parse.js";
import { promptsFromText, textFromPrompts } from "../src/prompt/prompt-file.js";
import { createServer } from "../src/http/server.js";
import { type Fake, fakeService } from "./fake-service.js";

describe("options", () => {
    it("have the 20 names of version 1.1.3", () => {
        expect(OPTION_TABLE.map(({ name }) => name).sort()).toEqual(
            [
                ["contextShiftSize", "disableContextShift", "evaluationPriority", "frequencyPenalty", "maxTokens", "minP", "mirostat", "mirostatEta", "mirostatTau", "penalizeNewline"],
                ["presencePenalty", "repeatPenalty", "repeatPenaltyNum", "seed", "stopSequences", "temperature", "tokenBias", "topK", "topP", "trimWhitespace"],
            ].flat(),
        );
        expect(defaultsFor("prose")).toMatchObject({ temperature: 0.8, topP: 0.9, topK: 40, maxTokens: 128, repeatPenalty: 1.1, repeatPenaltyNum: 64 });
        expect(defaultsFor("json")).toMatchObject({ temperature: 0, topP: 0.1, topK: 10, maxTokens: 4096, stopSequences: [] });
        expect(defaultsFor("json")).not.toHaveProperty("seed");
    });

    it.each([
        [{ temperature: 2.1 }, {}, ["temperature"]],
        [{ temperature: "0.5", topK: "7", trimWhitespace: "false" }, { temperature: 0.5, topK: 7, trimWhitespace: false }, []],
        [{ temperature: "", topK: 1.5, maxTokens: 1e300, seed: -1 }, {}, ["temperature", "topK", "maxTokens", "seed"]],
        [{ temperature: "hot", minP: Number.NaN, penalizeNewline: 1, stopSequences: "x" }, {}, ["temperature", "minP", "penalizeNewline", "stopSequences"]],
        [{ stopSequences: ["a"], tokenBias: { 1: 2 } }, { stopSequences: ["a"], tokenBias: { 1: 2 } }, []],
        [{ seed: null, topP: null, heat: 1, __proto__: { topK: 3 } }, {}, []],
        [JSON.parse('{"constructor": 1, "__proto__": {"topK": 3}}') as object, {}, []],
    ])("of %j are read as %j, and %j are left to their defaults", (given, options, replaced) => {
        const read = readOptions(given);
        expect(read.options).toEqual(options);
        expect([...read.replaced.keys()].sort()).toEqual([...replaced].sort());
    });

    it("reach the engine without a penalty that llama.cpp would divide by", () => {
        expect(engineOptions({ ...defaultsFor("json"), repeatPenalty: 0 })).toMatchObject({ repeatPenalty: 1 });
        expect(engineOptions({ ...defaultsFor("prose"), seed: 3 })).toEqual({
            temperature: 0.8, topP: 0.9, minP: 0, topK: 40, maxTokens: 128, repeatPenalty: 1.1, frequencyPenalty: 1.1, repeatPenaltyNum: 64, penalizeNewline: true, seed: 3,
        });
    });

    it("of the configuration are read in the same way, with a warning by line", () => {
        const text = '{"modelDir": "/m", "dbFile": "/d",\n"defaultOptions": {"temperature": 7,\n"stopSequences": ["END"], "topP": "0.3",\n"mirostat": 2, "heat": 1}}';
        const { configuration, faults, warnings } = parseConfiguration(text);
        expect(faults).toEqual([]);
        expect(configuration?.defaultOptions).toMatchObject({ temperature: 0, topP: 0.3, stopSequences: ["END"], maxTokens: 4096 });
        expect(warnings.map(({ key, line }) => [key, line]).sort()).toEqual([["defaultOptions.heat", 4], ["defaultOptions.mirostat", 4], ["defaultOptions.temperature", 2]]);
    });
});

const FILE = `$$begin
$$llm
url=http://127.0.0.1:19777
model=tiny
gpulayer=0
$$options
temperature=0,5
topK = 9999
stopSequences=["a","b"]
penalizeNewline=y
$$system
You are brief.
$$user
Two
lines
$$jsonresponse
{"type": "object"}
$$segment=code
a = b
$$tool
[{"name": "add", "spec": "{}"}]
$$tool=js=add
return args.a + args.b;
$$end
text between blocks
$$begin
$$system
no user
$$end
$$begin
$$user
again`;

describe("a text of prompts", () => {
    it("is read", () => {
        expect(promptsFromText(FILE)).toEqual([
            {
                llm: { url: "http://127.0.0.1:19777", model: "tiny", gpulayer: 0 },
                options: { temperature: 0.5, stopSequences: ["a", "b"], penalizeNewline: true },
                system: "You are brief.",
                user: "Two\nlines",
                jsonresponse: '{"type": "object"}',
                segment: { code: "a = b" },
                tool: [{ name: "add", spec: "{}", lang: "js", code: "return args.a + args.b;" }],
            },
            { user: "again" },
        ]);
        expect(promptsFromText("")).toEqual([]);
    });

    it("has assignments of any length, and lines that are none", () => {
        // Of this many, a pattern for a line would take hours.
        const spaces = " ".repeat(2e6);
        const lines = [`a${spaces}`, ` = b`, "c", "url=", `model = x${spaces}y `, "==", "gpulayer\t=\t3"];
        expect(promptsFromText(["$$begin", "$$llm", ...lines, "$$user", "hi", "$$end"].join("\n"))).toEqual([{ llm: { model: `x${spaces}y`, gpulayer: 3 }, user: "hi" }]);
    });

    it("is written so that it reads as the same prompts", () => {
        const prompts = promptsFromText(FILE);
        expect(promptsFromText(textFromPrompts(prompts))).toEqual(prompts);
        expect(textFromPrompts([{ user: "hi", options: { temperature: 0.7 } }])).toBe("$$begin\n$$options\ntemperature=0.7\n$$user\nhi\n$$end");
    });
});

describe("the routes of version 1.1.3", () => {
    let fake: Fake;
    let server: ReturnType<typeof createServer>;
    const post = async (url: string, payload: object) => server.inject({ method: "POST", url, payload });
    const PROMPT = { model: "Tiny.Q4", message: { user: "Hi" }, durationMsec: 1000 };
    beforeEach(async () => {
        fake = fakeService();
        server = createServer(fake.service);
        await fake.service.models.rescan();
    });
    afterEach(async () => {
        await server.close();
        await fake.database.close();
    });

    it("/check/options gives options back as they are used", async () => {
        const reply = (await post("/check/options", { options: { topK: -1, temperature: "0.3", mirostat: 1, heat: 2 } })).json<object>();
        expect(reply).toMatchObject({ error: "", options: { topK: 10, temperature: 0.3, maxTokens: 4096, mirostat: 1 }, replaced: ["topK must be an integer, 0..1000", "mirostat is not applied"] });
        expect((await post("/check/options", { options: [] })).json()).toMatchObject({ error: "Options must be a JSON object", options: { topK: 10 } });
    });

    it("/prompt replaces what cannot be used, and tells it once", async () => {
        fake.engine.text = "hello \n";
        for (let count = 0; count < 2; count += 1) {
            const reply = await post("/prompt", { ...PROMPT, options: { temperature: 99, topK: "3", seed: null, stopSequences: ["END", ""], heat: 1, tokenBias: { a: 1 }, mirostat: 1 }, format: { useGrammar: true, jsonSchema: null } });
            expect(reply.json()).toMatchObject({ result: { data: "hello" } });
        }
        expect(fake.engine.asked[0]).toMatchObject({ options: { temperature: 0, topK: 3, tokenBias: { a: 1 } }, stop: ["END"] });
        expect(fake.engine.asked[0]).not.toHaveProperty("constraint");
        expect(fake.lines.filter((line) => line.includes("options.temperature must be a number, 0..2"))).toHaveLength(1);
        expect(fake.lines.filter((line) => line.includes("options.mirostat is not applied"))).toHaveLength(1);
        const kept = await post("/prompt", { ...PROMPT, options: { trimWhitespace: false } });
        expect(kept.json()).toMatchObject({ result: { data: "hello \n" } });
    });

    it("/helper and /doc/yaml", async () => {
        expect((await server.inject("/helper/example/options")).json()).toMatchObject({ temperature: 0.8 });
        expect((await server.inject("/helper/example/optionsjson")).json()).toMatchObject({ temperature: 0, trimWhitespace: true });
        const { schema } = (await server.inject("/helper/example/jsonresponse")).json<{ schema: string }>();
        expect(JSON.parse(schema)).toMatchObject({ type: "object" });
        expect((await post("/helper/prompt/fromstring", { content: FILE })).json()).toHaveLength(2);
        const text = await post("/helper/prompt/tostring", { prompts: promptsFromText(FILE) });
        expect(text.headers["content-type"]).toMatch(/^text\/plain/);
        expect(promptsFromText(text.body)).toHaveLength(2);
        expect((await post("/helper/prompt/tostring", { prompts: [{ system: "x" }] })).statusCode).toBe(400);
        expect((await post("/helper/prompt/fromstring", { content: 5 })).statusCode).toBe(400);
        const yaml = await server.inject("/doc/yaml");
        expect(yaml.headers["content-type"]).toMatch(/^application\/yaml/);
        expect(yaml.body).toMatch(/^openapi: 3\.1\.0/);
    });
});
