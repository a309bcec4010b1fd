/** Grammars of drawn schemas: what they allow is valid, by a validator that the service does not use. MENTATOR_TEST_MODEL says that the native part is there. */

import { Validator } from "@cfworker/json-schema";
import type { Llama } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadLibrary, type Library } from "../src/engine/library.js";
import { compileSchema } from "../src/schema/compile.js";
import { grammarOf, type Translate } from "../src/schema/grammar/llama.js";
import type { Tree } from "../src/schema/node.js";
import { argumentsTree, callTree, treeOf } from "../src/schema/tree.js";
import { Grammar, randomOf } from "./gbnf.js";
import { SchemaSource } from "./schema-source.js";

const HERE = (process.env["MENTATOR_TEST_MODEL"] ?? "") !== "";

/** Texts drawn from each grammar. */
const TEXTS = 12;

/** Schemas as they are met, with a value that is valid and one that is not. */
const USUAL: readonly (readonly [name: string, schema: object, valid: unknown, invalid: unknown])[] = [
    ["pydantic's Optional", { type: "object", properties: { a: { anyOf: [{ type: "string" }, { type: "null" }], default: null, title: "A" } }, required: ["a"] }, { a: "x" }, { a: 1 }],
    ["pydantic's Union", { properties: { a: { anyOf: [{ type: "integer" }, { type: "string" }] } }, required: ["a"], type: "object" }, { a: 3 }, { a: null }],
    ["pydantic's Literal", { properties: { a: { enum: ["x", "y"], type: "string" }, b: { const: "z", type: "string" } }, required: ["a", "b"], type: "object" }, { a: "x", b: "z" }, { a: "z", b: "z" }],
    ["a nested model with a description", { $defs: { P: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] } }, type: "object", properties: { p: { $ref: "#/$defs/P", description: "of it" }, q: { allOf: [{ $ref: "#/$defs/P" }], title: "Q" } }, required: ["p", "q"] }, { p: { n: 1 }, q: { n: 2 } }, { p: { n: 1 }, q: {} }],
    ["a recursive model", { $defs: { Node: { type: "object", properties: { v: { type: "integer" }, next: { anyOf: [{ $ref: "#/$defs/Node" }, { type: "null" }] } }, required: ["v", "next"] } }, $ref: "#/$defs/Node" }, { v: 1, next: { v: 2, next: null } }, { v: 1, next: { v: 2 } }],
    ["a list of itself", { type: "object", properties: { children: { type: "array", items: { $ref: "#" } } }, required: ["children"] }, { children: [{ children: [] }] }, { children: [1] }],
    ["definitions of draft 7", { $schema: "http://json-schema.org/draft-07/schema#", definitions: { a: { type: "string", maxLength: 3 } }, type: "object", properties: { a: { $ref: "#/definitions/a" } }, required: ["a"] }, { a: "abc" }, { a: "abcd" }],
    ["names of definitions that llama.cpp takes for one", { $defs: { "A_B": { type: "string" }, "A-B": { type: "integer" }, "\u00c4": { type: "null" }, "\u00d6": { type: "boolean" } }, type: "object", properties: { a: { $ref: "#/$defs/A_B" }, b: { $ref: "#/$defs/A-B" }, c: { $ref: "#/$defs/%C3%84" }, d: { $ref: "#/$defs/\u00d6" } }, required: ["a", "b", "c", "d"] }, { a: "", b: 1, c: null, d: true }, { a: "", b: 1, c: true, d: true }],
    ["a list of types", { type: ["object", "null"], properties: { a: { type: ["string", "integer"] } }, required: ["a"] }, { a: 1 }, 1],
    ["anything", {}, { a: [1, "x", null, { b: 1.5 }] }, undefined],
    ["any object", { type: "object" }, { a: { b: [] } }, []],
    ["an object without properties", { type: "object", properties: {}, additionalProperties: false }, {}, { a: 1 }],
    ["objects and lists as constants", { enum: [{ a: 1 }, [1, 2], "\u0001", null] }, { a: 1 }, { a: 2 }],
    ["a constant with a control character", { const: "a\u0000\u001f\u007f\"\\\n" }, "a\u0000\u001f\u007f\"\\\n", "a"],
    ["optional properties", { type: "object", properties: { a: { type: "string" }, b: { type: "integer" }, c: { type: "null" } }, required: ["b"] }, { b: 1, c: null }, { a: "x" }],
    ["a dictionary", { type: "object", additionalProperties: { type: "integer" } }, { a: 1, b: 2 }, { a: "x" }],
    ["other properties of a kind", { type: "object", properties: { "]x": { type: "string" }, "^y": { type: "string" }, name: { type: "string" } }, required: ["name"], additionalProperties: { type: "integer" } }, { name: "x", nam: 1 }, { name: "x", other: "y" }],
    ["a property that has no value, beside others of a kind", { type: "object", properties: { a: { type: "string" }, b: { allOf: [{ type: "string" }, { type: "null" }] } }, additionalProperties: { type: "string" } }, { a: "x", c: "y" }, { b: "x" }],
    ["a tuple", { type: "array", prefixItems: [{ type: "string" }, { type: "integer" }], minItems: 2, maxItems: 2 }, ["a", 1], [1, "a"]],
    ["bounds of integers", { type: "array", items: { type: "integer", minimum: -12, exclusiveMaximum: 105 } }, [-12, 104], [105]],
    ["bounds of numbers", { type: "array", items: { type: "number", exclusiveMinimum: 0, maximum: 1 } }, [0.5, 1, 0.001], [0]],
    ["zod's safe integers", { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 }, 12, 0.5],
    ["lengths", { type: "string", minLength: 2, maxLength: 4 }, "ab\"c", "a"],
    ["a pattern", { type: "string", pattern: "^\\d{3}-[A-Z]\\w*$" }, "123-Ab_", "12-A"],
    ["a pattern anywhere", { type: "string", pattern: "b+c" }, "abbcd", "bd"],
    ["a pattern of alternatives", { type: "string", pattern: "^a|b$" }, "xb", "x"],
    ["a pattern with lengths", { type: "string", pattern: "^[a-z][a-z0-9_]*$", minLength: 3, maxLength: 5 }, "ab_9", "ab"],
    ["a pattern of quotes and backslashes", { type: "string", pattern: "^[\"\\\\]{2}\\n?$" }, "\"\\", "x"],
    ["zod's e-mail addresses", { type: "string", format: "email", pattern: "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$" }, "a.b@example.org", "a"],
    ["required without being listed", { type: "object", required: ["a"] }, { a: 1 }, {}],
    ["alternatives beside properties", { type: "object", properties: { a: { type: "string" } }, anyOf: [{ required: ["a"] }, { properties: { b: { type: "integer" } }, required: ["b"] }] }, { b: 1 }, {}],
    ["all of several objects", { allOf: [{ type: "object", properties: { a: { type: "integer", minimum: 3 } }, required: ["a"] }, { properties: { a: { maximum: 5 }, b: { type: "null" } } }] }, { a: 4, b: null }, { a: 6 }],
    ["a union by a tag", { oneOf: [{ type: "object", properties: { t: { const: "a" }, x: { type: "integer" } }, required: ["t", "x"] }, { type: "object", properties: { t: { const: "b" }, y: { type: "string" } }, required: ["t", "y"] }], discriminator: { propertyName: "t" } }, { t: "b", y: "" }, { t: "b", x: 1 }],
    ["names from a list", { type: "object", propertyNames: { enum: ["a", "b"] }, additionalProperties: { type: "number" }, required: ["a"] }, { a: 1, b: 2 }, { a: 1, c: 1 }],
];

/** Whether no text has a pattern, a format or lengths beside one another: the grammar keeps to one of them, the others are checked. */
function isExact(tree: Tree): boolean {
    let exact = true;
    JSON.stringify([tree.root, ...tree.definitions.values()], (_key, value: unknown) => {
        const { kind, patterns = [], formats = [], least = 0, most = Infinity } = (value ?? {}) as { kind?: string; patterns?: string[]; formats?: string[]; least?: number; most?: number };
        const rules = patterns.length + formats.length;
        exact &&= kind !== "string" || rules === 0 || (rules === 1 && least === 0 && most === Infinity);
        return value;
    });
    return exact;
}

describe.skipIf(!HERE)("a grammar", { timeout: 120_000 }, () => {
    let library: Library;
    let llama: Llama;
    let translate: Translate;

    beforeAll(async () => {
        library = await loadLibrary();
        llama = await library.getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: library.LlamaLogLevel.error });
        translate = (llama as unknown as { _bindings: { mentatorSchemaGrammar: Translate } })._bindings.mentatorSchemaGrammar;
    });
    afterAll(async () => llama.dispose());

    const allows = async (gbnf: string, value: unknown): Promise<boolean> => {
        const grammar = await llama.createGrammar({ grammar: gbnf });
        return (grammar as unknown as { _testText: (text: string) => boolean })._testText(JSON.stringify(value));
    };

    it.each(USUAL)("keeps to %s", async (_name, schema, valid, invalid) => {
        const compiled = compileSchema(schema, "answer");
        expect(compiled.error).toBe("");
        const check = "validate" in compiled ? compiled.validate : expect.fail();
        const gbnf = grammarOf(treeOf(schema), translate);
        expect(check(valid)).toBe("");
        expect(await allows(gbnf, valid)).toBe(true);
        if (invalid !== undefined) {
            expect(check(invalid)).not.toBe("");
            expect(await allows(gbnf, invalid)).toBe(false);
        }
        const drawn = new Grammar(gbnf);
        const random = randomOf(1);
        const other = new Validator(schema, (schema as { $schema?: string }).$schema === undefined ? "2020-12" : "7");
        for (let index = 0; index < 60; index += 1) {
            const text = drawn.draw(random);
            const value: unknown = JSON.parse(text);
            expect(check(value), text).toBe("");
            expect(other.validate(value).valid, text).toBe(true);
        }
    });

    it("of drawn schemas allows only what is valid", async () => {
        const random = randomOf(Number(process.env["MENTATOR_TEST_SEED"] ?? 1));
        let used = 0;
        let texts = 0;
        let exact = 0;
        for (let round = 0; round < Number(process.env["MENTATOR_TEST_ROUNDS"] ?? 300); round += 1) {
            const schema = new SchemaSource(random).whole();
            const compiled = compileSchema(schema, "answer");
            if (!("validate" in compiled)) {
                continue;
            }
            used += 1;
            const tree = treeOf(schema);
            const gbnf = grammarOf(tree, translate);
            await llama.createGrammar({ grammar: gbnf });
            const drawn = new Grammar(gbnf);
            const other = new Validator(schema, "2020-12");
            for (let index = 0; index < TEXTS; index += 1) {
                const text = drawn.draw(random);
                const value: unknown = JSON.parse(text);
                texts += 1;
                const context = `${JSON.stringify(schema)}\n${text}`;
                const fault = compiled.validate(value);
                expect(other.validate(value).valid, context).toBe(fault === "");
                if (isExact(tree)) {
                    expect(fault, context).toBe("");
                    exact += 1;
                }
            }
        }
        expect(exact).toBeGreaterThan(texts * 0.9);
        expect(used).toBeGreaterThan(100);
        expect(texts).toBe(used * TEXTS);
    });

    it("of a call has each tool's name and its own arguments", async () => {
        const tools = [
            { name: "a", parameters: { type: "object", properties: { x: { $ref: "#/$defs/N" } }, required: ["x"], $defs: { N: { type: "integer" } } } },
            { name: "b", parameters: { type: "object", properties: { x: { $ref: "#/$defs/N" } }, required: ["x"], $defs: { N: { type: "string" } } } },
            { name: "c" },
            { name: "d", parameters: {} },
        ];
        const gbnf = grammarOf(callTree(tools), translate);
        const calls = [
            { name: "a", arguments: { x: 1 } },
            { name: "b", arguments: { x: "y" } },
            { name: "c", arguments: {} },
            { name: "d", arguments: { any: [1] } },
        ];
        const wrong = [{ name: "a", arguments: { x: "y" } }, { name: "b", arguments: { x: 1 } }, { name: "c", arguments: { x: 1 } }, { name: "e", arguments: {} }, { name: "d", arguments: [] }];
        expect(await Promise.all(calls.map(async (call) => allows(gbnf, call)))).toEqual([true, true, true, true]);
        expect(await Promise.all(wrong.map(async (call) => allows(gbnf, call)))).toEqual(wrong.map(() => false));
        expect(() => argumentsTree({ name: "f", parameters: { type: "string" } })).toThrow(/no value/);
    });

    it("has no numbers that are infinite", async () => {
        const gbnf = grammarOf(treeOf({}), translate);
        const grammar = (await llama.createGrammar({ grammar: gbnf })) as unknown as { _testText: (text: string) => boolean };
        expect(["1e99", "-1.5E-7", "1e999", "1e100"].map((text) => grammar._testText(text))).toEqual([true, true, false, false]);
        const integer = (await llama.createGrammar({ grammar: grammarOf(treeOf({ type: "integer" }), translate) })) as unknown as { _testText: (text: string) => boolean };
        expect(["-12", "1e2", "1e999", "1.0"].map((text) => integer._testText(text))).toEqual([true, false, false, false]);
    });

    it.each([
        ["many values", { type: "object", properties: Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`property ${index}`, { type: "string", ...(index < 200 ? { pattern: `^[a-z]{1,20}${index}$` } : {}) }])), required: Array.from({ length: 2000 }, (_, index) => `property ${index}`) }],
        ["many optional properties", { type: "array", items: { type: "object", properties: Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`p${index}`, { type: "string" }])) } }],
        ["many levels", Array.from({ length: 30 }).reduce<object>((inner) => ({ type: "object", properties: { a: inner, b: { type: "array", items: { type: "integer" } } } }), {})],
    ])("of a schema with %s is made in a moment", (_name, schema) => {
        const started = performance.now();
        const compiled = compileSchema(schema, "answer");
        expect(compiled.error).toBe("");
        grammarOf(treeOf(schema), translate);
        expect(performance.now() - started).toBeLessThan(4000);
    });

    it("says in llama.cpp's words what llama.cpp does not support", () => {
        expect(() => translate('{"type": "banana"}')).toThrow(/unrecognized type banana/);
        expect(() => translate("{")).toThrow(/parse error/);
        expect(() => translate(1 as never)).toThrow(/must be a text/);
    });
});
