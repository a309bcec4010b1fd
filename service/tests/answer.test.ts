import { describe, expect, it } from "vitest";
import { readAnswer, unwrapFence } from "../src/prompt/answer.js";
import { compileSchema, type Validator } from "../src/prompt/json-schema.js";

function validator(schema: object): Validator {
    const compiled = compileSchema(schema);
    if (!("validate" in compiled)) {
        throw new Error(compiled.error);
    }
    return compiled.validate;
}

const SCHEMA = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };

it.each([
    ['{"n": 1}', '{"n": 1}'],
    ['```json\n{"n": 1}\n```', '{"n": 1}'],
    ['Here it is:\n```\n{"n": 1}\n```\nThat is all.', '{"n": 1}'],
    ["```json\r\n[1]\r\n```", "[1]"],
    ["```json\n```", ""],
    ["  7 \n", "7"],
])("unwraps %j", (text, expected) => {
    expect(unwrapFence(text)).toBe(expected);
});

describe("an answer", () => {
    const read = async (text: string, cut = false, schema: object = SCHEMA): Promise<unknown> => readAnswer(text, cut, validator(schema), new AbortController().signal);

    it("becomes a value", async () => {
        expect(await read('```json\n{"n": 3}\n```')).toEqual({ n: 3 });
    });

    it("gets an error that says whether it is not JSON, not valid, or cut", async () => {
        await expect(read("Paris")).rejects.toThrow(/not JSON.*Paris/s);
        await expect(read('{"n": "x"}')).rejects.toThrow(/answer\/n must be integer/);
        await expect(read('{"n": ', true)).rejects.toThrow(/cut at maxTokens/);
    });

    it("is checked against patterns, in every draft of JSON Schema", async () => {
        for (const draft of ["https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2019-09/schema", "http://json-schema.org/draft-07/schema#"]) {
            const schema = { $schema: draft, properties: { n: { type: "string", pattern: "^[a-z]+$" } }, patternProperties: { "^x": { type: "integer" } } };
            expect(await read('{"n": "abc", "x1": 1}', false, schema)).toEqual({ n: "abc", x1: 1 });
            await expect(read('{"n": "ABC"}', false, schema)).rejects.toThrow(/answer\/n must match pattern/);
            await expect(read('{"x1": "1"}', false, schema)).rejects.toThrow(/answer\/x1 must be integer/);
        }
    }, 30_000);

    it("is not checked any longer when a pattern takes too long, and other requests do not wait for it", async () => {
        let turns = 0;
        const clock = setInterval(() => (turns += 1), 10);
        const answer = JSON.stringify(`${"a".repeat(40)}!`);
        await expect(read(answer, false, { type: "string", pattern: "^(a+)+$" })).rejects.toMatchObject({
            statusCode: 400,
            message: expect.stringMatching(/cannot be checked.*did not end within 5 s/) as string,
        });
        clearInterval(clock);
        // On the main thread no timer would have run.
        expect(turns).toBeGreaterThan(20);
    }, 60_000);
});

describe("a schema", () => {
    it("may be of draft 2020-12, 2019-09 or 7, and may use an $id twice", () => {
        for (const schema of [
            { $id: "urn:test:a", ...SCHEMA },
            { $id: "urn:test:a", ...SCHEMA },
            { $schema: "https://json-schema.org/draft/2019-09/schema", ...SCHEMA },
            { $schema: "http://json-schema.org/draft-07/schema#", ...SCHEMA },
            { $schema: "https://json-schema.org/draft/2020-12/schema", prefixItems: [{ type: "string", format: "date" }] },
        ]) {
            expect(compileSchema(schema).error).toBe("");
        }
    });

    it.each([{ type: "banana" }, { $ref: "#/none" }, { $async: true }, { pattern: "(" }])("%j cannot be used", (schema) => {
        expect(compileSchema(schema).error).not.toBe("");
    });
});
