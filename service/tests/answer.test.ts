import { describe, expect, it } from "vitest";
import { readAnswer, unwrapFence } from "../src/prompt/answer.js";
import { compileSchema, type Validator } from "../src/schema/compile.js";

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
    ["a```\nb\n```\n1\n```", "1"],
])("unwraps %j", (text, expected) => {
    expect(unwrapFence(text)).toBe(expected);
});

it("unwraps nothing without an end, however long it is", () => {
    // Of this many spaces, a pattern that looks for an end would take hours.
    expect(unwrapFence(`\`\`\`\n${" ".repeat(2e6)}x`)).toBe(`\`\`\`\n${" ".repeat(2e6)}x`);
});

describe("an answer", () => {
    const read = (text: string, cut = false, schema: object = SCHEMA): unknown => readAnswer(text, cut, validator(schema));

    it("is given as a value", () => {
        expect(read('```json\n{"n": 3}\n```')).toEqual({ n: 3 });
    });

    it("that is not JSON, not valid or cut says so", () => {
        expect(() => read("Paris")).toThrow(/not JSON.*Paris/s);
        expect(() => read('{"n": "x"}')).toThrow(/answer\/n must be integer/);
        expect(() => read('{"n": ', true)).toThrow(/cut at maxTokens/);
    });

    it("is checked against patterns, in every draft", () => {
        for (const draft of ["https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2019-09/schema", "http://json-schema.org/draft-07/schema#"]) {
            const schema = { $schema: draft, properties: { n: { type: "string", pattern: "^[a-z]+$" } }, patternProperties: { "^x": { type: "integer" } } };
            expect(read('{"n": "abc", "x1": 1}', false, schema)).toEqual({ n: "abc", x1: 1 });
            expect(() => read('{"n": "ABC"}', false, schema)).toThrow(/answer\/n must match pattern/);
            expect(() => read('{"x1": "1"}', false, schema)).toThrow(/answer\/x1 must be integer/);
        }
    });

    it("is checked against a pattern in a time that grows with its length only", () => {
        const answer = JSON.stringify(`${"a".repeat(10_000)}!`);
        const started = performance.now();
        // JavaScript's own engine would take longer than the universe is old.
        expect(() => read(answer, false, { type: "string", pattern: "^(a+)+$" })).toThrow(/must match pattern/);
        expect(performance.now() - started).toBeLessThan(2000);
    });

    it("is not checked for ever against alternatives inside of alternatives", () => {
        const definitions = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`d${index}`, { anyOf: [{ $ref: `#/$defs/d${index + 1}` }, { $ref: `#/$defs/d${index + 1}` }] }]));
        const schema = { $ref: "#/$defs/d0", $defs: { ...definitions, d40: { type: "string" } } };
        const started = performance.now();
        expect(() => read("1", false, schema)).toThrow(/too many alternatives/);
        expect(performance.now() - started).toBeLessThan(5000);
    });

    it("that is nested deep is not valid, and overflows nothing", () => {
        expect(() => read(`${"[".repeat(20_000)}${"]".repeat(20_000)}`, false, {})).toThrow(/nested too deep/);
    });
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
