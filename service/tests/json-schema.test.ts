/** Each keyword of JSON Schema: what is obeyed, what is refused, and how large a schema may be. */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { compileSchema } from "../src/schema/compile.js";
import { KEYWORDS } from "../src/schema/keywords.js";
import { TEXT_FORMATS } from "../src/schema/formats.js";

/** A use of each keyword that is refused, and what the error says. */
const REFUSED: readonly (readonly [keyword: string, schema: object, error: RegExp])[] = [
    ["not", { not: { type: "null" } }, /"not" at # is not supported/],
    ["if", { properties: { a: { if: { type: "string" }, then: { minLength: 1 } } } }, /"if" at #\/properties\/a is not supported/],
    ["contains", { type: "array", contains: { type: "null" } }, /"contains" at #/],
    ["patternProperties", { items: { patternProperties: { "^a": {} } } }, /"patternProperties" at #\/items/],
    ["dependentRequired", { dependentRequired: { a: ["b"] } }, /"dependentRequired" at #/],
    ["dependentSchemas", { dependentSchemas: { a: { required: ["b"] } } }, /"dependentSchemas" at #/],
    ["dependencies", { $schema: "http://json-schema.org/draft-07/schema#", dependencies: { a: ["b"] } }, /"dependencies" at #/],
    ["$dynamicRef", { $dynamicRef: "#a", $defs: { a: { $dynamicAnchor: "a" } } }, /"\$dynamicRef" at #/],
    ["$recursiveRef", { $schema: "https://json-schema.org/draft/2019-09/schema", $recursiveRef: "#" }, /"\$recursiveRef" at #/],
    ["$async", { $async: true }, /\$async is not supported/],
];

/** Uses of keywords that are obeyed elsewhere. */
const REFUSED_USES: readonly (readonly [name: string, schema: object, error: RegExp])[] = [
    ["a $ref to another document", { $ref: "https://example.org/a.json" }, /reference|\$ref/],
    ["a $ref to an anchor", { $ref: "#a", $defs: { a: { $anchor: "a" } } }, /"\$ref" at # to "#a" is not supported/],
    ["a $ref that leads nowhere", { $ref: "#/$defs/none" }, /resolve|not there/],
    ["a $ref to itself", { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/a" } } }, /leads back to itself/],
    ["a $ref to itself among others", { $ref: "#/$defs/a", $defs: { a: { anyOf: [{ type: "null" }, { $ref: "#/$defs/a" }] } } }, /leads back to itself/],
    ["an $id below the root", { properties: { a: { $id: "urn:a", type: "null" } } }, /"\$id" at #\/properties\/a/],
    ["an unknown format", { properties: { a: { type: "string", format: "colour" } } }, /"format" at #\/properties\/a is "colour", which is not supported/],
    ["an unknown format without a type", { format: "colour" }, /"format" at # is "colour"/],
    ["a pattern that looks ahead in its middle", { properties: { a: { type: "string", pattern: "^a(?=b)" } } }, /looks ahead/],
    ["a pattern that looks behind", { properties: { a: { type: "string", pattern: "(?<=a)b" } } }, /looks behind/],
    ["a pattern that refers back", { type: "string", pattern: "^(a)\\1$" }, /refers back/],
    ["a pattern with an anchor inside", { properties: { a: { type: "string", pattern: "a^b" } } }, /"pattern" at #\/properties\/a cannot be generated/],
    ["a pattern that is no regular expression", { type: "string", pattern: "(" }, /\( without its \)/],
    ["a minLength beyond the limit", { type: "string", minLength: 5000 }, /"minLength" at # is more than 1000/],
    ["a minItems beyond the limit", { type: "array", minItems: 5000 }, /"minItems" at # is more than 1000/],
    ["a minimum beyond the limit", { type: "integer", minimum: 1e17 }, /"minimum" at # is beyond/],
    ["a schema in unevaluatedProperties", { unevaluatedProperties: { type: "string" } }, /"unevaluatedProperties" at #/],
    ["a value of no type", { type: "banana" }, /type/],
    ["a constant of another type", { type: "string", const: 1 }, /no value/],
    ["bounds without a number between", { type: "integer", minimum: 3, maximum: 2 }, /no value/],
    ["a recursion without an end", { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] }, /no value/],
    ["a property that is required and cannot be", { type: "object", properties: { a: false }, required: ["a"] }, /no value/],
    ["alternatives that exclude what is beside them", { type: "string", anyOf: [{ type: "null" }, { type: "integer" }] }, /no value/],
    ["draft 4", { $schema: "http://json-schema.org/draft-04/schema#", type: "string" }, /schema/],
];

describe("a keyword", () => {
    it.each(Object.entries(KEYWORDS).filter(([, { use }]) => use === "refused"))("%s is refused, with its name and place", (keyword) => {
        const cases = REFUSED.filter(([name]) => name === keyword);
        expect(cases).not.toEqual([]);
        for (const [, schema, error] of cases) {
            expect(compileSchema(schema, "answer").error).toMatch(error);
            expect(compileSchema({ type: "object", properties: { inner: schema } }, "arguments").error).not.toBe("");
        }
    });

    it.each(REFUSED_USES)("that is obeyed is refused as %s", (_name, schema, error) => {
        expect(compileSchema(schema, "answer").error).toMatch(error);
    });

    it("pattern may look ahead at its begin, as zod's e-mail addresses do", () => {
        const pattern = "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$";
        const compiled = compileSchema({ type: "string", format: "email", pattern }, "answer");
        const check = "validate" in compiled ? compiled.validate : () => compiled.error;
        expect(["a.b@example.org", "a..b@example.org", ".a@example.org", "a@b"].map((text) => check(text) === "")).toEqual([true, false, false, false]);
    });

    it("that no value comes to may be broken: then the answer cannot be checked, and that is said", () => {
        const compiled = compileSchema({ type: "integer", pattern: "(" }, "answer");
        expect(() => "validate" in compiled && compiled.validate(1)).toThrow(/cannot be checked against the schema: .*\( without its \)/);
    });

    it("finds no property where an object only inherits one", () => {
        const compiled = compileSchema({ type: "object", properties: { toString: { type: "string" } }, required: ["constructor"] }, "answer");
        expect("validate" in compiled && [compiled.validate({}), compiled.validate({ constructor: 1 })]).toEqual([expect.stringContaining("required"), ""]);
    });

    it("that is refused for generating may still be checked", () => {
        const compiled = compileSchema({ not: { type: "string" }, contains: { const: 1 } });
        expect("validate" in compiled && [compiled.validate([1]), compiled.validate("a"), compiled.validate([2])]).toEqual(["", expect.stringContaining("NOT"), expect.stringContaining("contain")]);
    });
});

describe("a schema", () => {
    it("of 16 MB is refused at once", () => {
        const started = performance.now();
        expect(compileSchema({ type: "integer", pattern: "x", default: new Array(8_000_000).fill(0) }).error).toMatch(/too large: more than 10000 values/);
        expect(performance.now() - started).toBeLessThan(500);
    });

    it.each([
        ["many texts", { enum: Array.from({ length: 5000 }, (_, index) => `${index}${"a".repeat(100)}`) }, /characters/],
        ["a long text", { const: "a".repeat(1_000_000) }, /characters/],
        ["a long name", { properties: { ["a".repeat(1000)]: {} } }, /name of more than 500/],
        ["many patterns", { properties: Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`p${index}`, { type: "string", pattern: `${index}` }])) }, /more than 200 patterns/],
        ["half of a surrogate pair", { const: "\ud800" }, /Unicode/],
        ["many optional properties", { properties: Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`p${index}`, {}])) }, /"properties" at # lists more than 200/],
    ])("with %s is refused", (_name, schema, error) => {
        expect(compileSchema(schema, "answer").error).toMatch(error);
    });

    it("that is nested deep is refused, and overflows nothing", () => {
        let schema: object = {};
        for (let level = 0; level < 100_000; level += 1) {
            schema = { items: schema };
        }
        expect(compileSchema(schema, "answer").error).toMatch(/nested too deep/);
    });

    it("that combines alternatives without end is refused", () => {
        const choice = (index: number): object => ({ anyOf: Array.from({ length: 8 }, (_, one) => ({ properties: { [`p${index}-${one}`]: { type: "string" } } })) });
        const started = performance.now();
        expect(compileSchema({ allOf: Array.from({ length: 12 }, (_, index) => choice(index)) }, "answer").error).toMatch(/too many alternatives/);
        expect(performance.now() - started).toBeLessThan(5000);
    });

    it("with the largest pattern is checked in a moment", () => {
        const compiled = compileSchema({ type: "string", pattern: "(a?){1,1000}[^a]$" });
        const started = performance.now();
        expect("validate" in compiled && compiled.validate("a".repeat(4000))).toMatch(/must match pattern/);
        expect(() => "validate" in compiled && compiled.validate("a".repeat(100_000))).toThrow(/too large/);
        expect(performance.now() - started).toBeLessThan(3000);
        expect(compileSchema({ type: "string", pattern: "^((a{1,1000}){1,1000}){1,1000}$" }).error).toMatch(/too large/);
    });
});

describe("a format", () => {
    it.each([
        ["date", ["2024-02-29", "0001-01-01"], ["2023-02-29", "2024-13-01", "2024-1-1"]],
        ["time", ["23:59:59Z", "00:00:00.5+02:00", "23:59:60Z", "01:29:60+01:30", "15:59:60-08:00"], ["24:00:00Z", "10:00", "10:00:00", "12:59:60Z", "23:59:60+01:00"]],
        ["date-time", ["2024-02-29T10:00:00Z", "2024-02-29t10:00:00z"], ["2024-02-30T10:00:00Z", "2024-02-29", "2024-02-29 10:00:00Z"]],
        ["duration", ["P1D", "PT5M", "P1Y2M3DT4H5M6S", "P2W"], ["P", "PT", "1D", "P1H"]],
        ["email", ["a.b@example.org"], ["a", "a@", "@b", "a b@c.de", "a..b@x.y", ".a@x.y", "a.@x.y"]],
        ["hostname", ["a.example.org", "a"], ["-a.org", "a..b", "a_b"]],
        ["ipv4", ["1.2.3.255"], ["1.2.3", "1.2.3.256"]],
        ["ipv6", ["::1", "fe80:0:0:0:1:2:3:4"], [":::", "1:2", "fe80::1%eth0"]],
        ["uri", ["https://example.org/a?b#c", "mailto:a@b.c", "https://[::1]/%20"], ["//a", "a b:c", "https://a b", "https://a/%zz", "https://a/\u00e9"]],
        ["uuid", ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567", "123e4567-e89b-12d3-a456-42661417400g"]],
        ["byte", ["", "YQ==", "YWI=", "YWJj"], ["Y", "YQ=", "Y Q="]],
    ])("%s is checked", (format, valid, invalid) => {
        const compiled = compileSchema({ type: "string", format }, "answer");
        const check = "validate" in compiled ? compiled.validate : () => compiled.error;
        expect(valid.map(check)).toEqual(valid.map(() => ""));
        expect(invalid.map(check)).toEqual(invalid.map(() => expect.stringContaining("format") as string));
    });
});

const DOCUMENT = path.join(import.meta.dirname, "../../docs/json-schema.md");

// The image's build has this folder only.
describe.skipIf(!existsSync(DOCUMENT))("docs/json-schema.md", () => {
    const text = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, "utf8") : "";

    it("has the table of keywords", () => {
        const rows = Object.entries(KEYWORDS).map(([name, { use, note }]) => `| \`${name}\` | ${use} | ${note ?? ""} |`);
        expect(text).toContain(`| keyword | | |\n|---|---|---|\n${rows.join("\n")}\n`);
    });

    it("names the formats", () => {
        expect(text).toContain(Object.keys(TEXT_FORMATS).map((name) => `\`${name}\``).join(", "));
    });
});
