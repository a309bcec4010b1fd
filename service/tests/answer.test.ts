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
    it("is given as a value", () => {
        expect(readAnswer('```json\n{"n": 3}\n```', false, validator(SCHEMA))).toEqual({ n: 3 });
    });

    it("that is not JSON, not valid or cut says so", () => {
        expect(() => readAnswer("Paris", false, validator(SCHEMA))).toThrow(/not JSON.*Paris/s);
        expect(() => readAnswer('{"n": "x"}', false, validator(SCHEMA))).toThrow(/answer\/n must be integer/);
        expect(() => readAnswer('{"n": ', true, validator(SCHEMA))).toThrow(/cut at maxTokens/);
    });
});

describe("a schema", () => {
    it("may be of draft 2020-12, 2019-09 or 7, and may repeat an $id", () => {
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
