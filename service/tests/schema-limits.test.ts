/** Schemas that would take too long, that no value can meet, and values near the bounds of a keyword. */

import { describe, expect, it } from "vitest";
import { compileSchema, type Purpose } from "../src/schema/compile.js";
import { grammarOf } from "../src/schema/grammar/llama.js";
import { stockSchema } from "../src/schema/grammar/stock.js";
import { treeOf } from "../src/schema/tree.js";

const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));
const named = (count: number, make: (index: number) => readonly [string, unknown]): object => Object.fromEntries(many(count, make));

/** Milliseconds in one turn; the limit of the tests leaves room for a slow machine. */
const A_MOMENT = 1500;

function timed<T>(work: () => T): T {
    const started = performance.now();
    const result = work();
    expect(performance.now() - started).toBeLessThan(A_MOMENT);
    return result;
}

function checkOf(schema: object, purpose: Purpose = "answer"): (value: unknown) => string {
    const compiled = compileSchema(schema, purpose);
    return "validate" in compiled ? compiled.validate : () => `refused: ${compiled.error}`;
}

describe("a schema that would take too long", () => {
    it.each([
        ["many schemas", { properties: named(2600, (index) => [`p${index}`, { type: "null" }]) }, /more than 2500 schemas/],
        ["a list of 1,000 optional items", { prefixItems: many(1000, () => ({ type: "string" })) }, /"prefixItems" at # lists too many optional items/],
        ["a list of 6,000 optional items", { prefixItems: many(6000, () => true) }, /"prefixItems" at #/],
        ["many members of allOf", { allOf: many(1200, (index) => ({ properties: { [`a${index}`]: true } })) }, /"allOf" at # combines too many/],
        ["a chain of references", { $ref: "#/$defs/a0", $defs: named(1900, (index) => [`a${index}`, index === 1899 ? {} : { $ref: `#/$defs/a${index + 1}` }]) }, /"\$ref" at #\/\$defs\/a\d+ is the end of a chain of more than 100/],
        ["a chain of references through properties", { $ref: "#/$defs/a0", $defs: named(1200, (index) => [`a${index}`, index === 1199 ? {} : { properties: { n: { $ref: `#/$defs/a${index + 1}` } } }]) }, /"\$ref" at # nests the schema deeper/],
        ["repetitions of repetitions", { type: "string", pattern: "^(a{1000}){1000}$" }, /"pattern"/],
        ["a pattern that RE2 does not take", { type: "string", pattern: "^(a{0,990}){20}$" }, /"pattern"/],
        ["many limits of lengths", { properties: named(190, (index) => [`p${index}`, { type: "string", maxLength: 1000 - index }]) }, /"maxLength" at # and other limits of lengths/],
        ["long names beside other properties", { properties: named(190, (index) => [`${index}${"x".repeat(490)}`, true]), additionalProperties: { type: "null" } }, /"additionalProperties" at # stands beside names/],
        ["unevaluatedProperties in a large schema", { allOf: many(600, (index) => ({ required: [`a${index}`] })), unevaluatedProperties: false }, /"unevaluatedProperties" is supported in a schema of at most 500/],
    ])("is refused: %s", (_name, schema, error) => {
        expect(timed(() => compileSchema(schema, "answer").error)).toMatch(error);
    });

    it("is refused where it is only checked", () => {
        const chain = { $ref: "#/$defs/a0", $defs: named(2400, (index) => [`a${index}`, index === 2399 ? {} : { $ref: `#/$defs/a${index + 1}` }]) };
        expect(timed(() => compileSchema(chain).error)).toMatch(/"\$ref"/);
    });

    it("is refused as a grammar of the released native part: tuples inside of tuples", () => {
        let schema: object = { type: "null" };
        for (let level = 0; level < 25; level += 1) {
            schema = { type: "array", prefixItems: [schema, { type: "null" }] };
        }
        expect(() => timed(() => stockSchema(treeOf(schema)))).toThrow(/"prefixItems" at # of many lengths/);
    });

    it("is refused as a grammar where llama.cpp would read millions of characters", () => {
        const tree = treeOf({ type: "string" });
        expect(() => grammarOf(tree, () => `root ::= ${"x".repeat(3_000_000)}`)).toThrow(/a grammar of more than 2000000 characters/);
    });

    it("is taken when it is of a usual size", () => {
        const point = { type: "array", prefixItems: many(12, () => ({ type: "number" })) };
        const part = { allOf: many(100, (index) => ({ properties: { [`a${index}`]: { type: "string", maxLength: 200 } } })) };
        const chain = named(60, (index) => [`a${index}`, index === 59 ? {} : { $ref: `#/$defs/a${index + 1}` }]);
        expect(compileSchema({ properties: { point, part, end: { $ref: "#/$defs/a0" } }, $defs: chain }, "answer").error).toBe("");
    });

    it("gives the same tree again for a grammar", () => {
        const schema = { type: "object", properties: { a: { type: "string" } } };
        expect(treeOf(schema)).toBe(treeOf(schema));
    });

    it("has a fast check: of different items, of enums and of formats", () => {
        const items = many(15_000, (index) => ({ a: index }));
        expect(timed(() => checkOf({ type: "array", uniqueItems: true })(items))).toBe("");
        expect(checkOf({ type: "array", uniqueItems: true })([{ a: 1, b: [] }, { b: [], a: 1 }])).toMatch(/duplicate/);
        expect(timed(() => checkOf({ type: "array", items: { enum: items.slice(0, 4000) } })(items.slice(0, 4000)))).toBe("");
        const long = `${"a".repeat(100_000)}@b.c`;
        expect(() => timed(() => checkOf({ type: "string", allOf: many(1000, (index) => ({ format: "email", title: String(index) })) })(long))).toThrow(/cannot be checked/);
    });
});

describe("a check of alternatives inside of alternatives", () => {
    it("ends after some steps, though each leaves an error", () => {
        const choice = (from: number): object => ({ anyOf: many(20, (index) => ({ $ref: `#/$defs/a${from + index + 1}` })) });
        const schema = { ...choice(-1), $defs: named(80, (index) => [`a${index}`, index < 60 ? choice(index) : { type: "null" }]) };
        const check = checkOf(schema, "check");
        expect(() => check(1)).toThrow(/too many alternatives/);
        expect(() => timed(() => check(1))).toThrow(/too many alternatives/);
    });
});

describe("a schema without a valid value", () => {
    it.each([
        ["minLength", { type: "string", minLength: 3, maxLength: 2 }],
        ["minLength", { type: "string", minLength: 3, maxLength: 2, pattern: "^a*$" }],
        ["minItems", { type: "array", minItems: 3, maxItems: 2 }],
        ["minItems", { type: "array", minItems: 3, maxItems: 2, prefixItems: [{ type: "null" }] }],
        ["enum", { enum: [] }],
        ["enum", { type: "string", enum: [] }],
        ["minProperties", { type: "object", minProperties: 3, maxProperties: 2 }],
        ["required", { type: "object", required: ["a", "b"], maxProperties: 1 }],
    ])("is refused with the keyword and the place: %s", (keyword, schema) => {
        expect(compileSchema({ type: "object", properties: { a: schema }, required: ["a"] }, "answer").error).toMatch(new RegExp(`^"${keyword}" at #/properties/a `));
    });
});

describe("a property's name", () => {
    it.each(['{"properties": {"__proto__": {"type": "string"}}}', '{"items": {"properties": {"__proto__": {"type": "string"}}}}'])("may not be __proto__: %s", (text) => {
        const schema = JSON.parse(text) as object;
        expect(compileSchema(schema, "answer").error).toMatch(/"__proto__"/);
        expect(compileSchema(schema).error).toMatch(/"__proto__"/);
    });

    it.each(["constructor", "toString", "hasOwnProperty", "prototype"])("may be %s, and is checked", (name) => {
        const check = checkOf({ type: "object", properties: { [name]: { type: "string" } } });
        expect([check({ [name]: "a" }), check({ [name]: 5 })]).toEqual(["", expect.stringContaining("must be string")]);
    });
});

describe("a number", () => {
    it.each([
        [0.01, [19.99, 0, -0.07, 1e21, 123456789.01], [19.999, 0.005]],
        [0.1, [0.3, 1.1, 4.35e2], [0.35]],
        [3, [9, 3e20], [10, 1e20]],
        [1e10, [1e10, 5e22], [1, 1e9]],
        [1e-7, [0.3, 3e-7], [3e-8]],
    ])("is a multiple of %d as it is written", (multipleOf, valid, invalid) => {
        const check = checkOf({ type: "number", multipleOf });
        expect(valid.map(check)).toEqual(valid.map(() => ""));
        expect(invalid.map(check)).toEqual(invalid.map(() => `answer must be multiple of ${multipleOf}`));
    });

    it.each([
        ["int32", [2 ** 31 - 1, -(2 ** 31)], [2 ** 31, 0.5]],
        ["int64", [9e18, -(2 ** 63)], [36893488147419103000, 2 ** 63, 0.5]],
        ["float", [3.4e38, 0.5], [1e300, -3.5e38]],
        ["double", [1e300], []],
    ])("has the bounds of %s", (format, valid, invalid) => {
        const check = checkOf({ type: "number", format }, "check");
        expect(valid.map(check)).toEqual(valid.map(() => ""));
        expect(invalid.map(check)).toEqual(invalid.map(() => expect.stringContaining("format") as string));
    });
});
