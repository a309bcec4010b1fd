import { describe, expect, it } from "vitest";
import { limitsOf, References } from "../../src/static/openapi.js";

const references = new References({ components: { schemas: { "a/b": { type: "integer" } } } });

describe("a schema of the OpenAPI document", () => {
    it("is found by its reference", () => {
        expect(references.resolve({ $ref: "#/components/schemas/a~1b" })).toEqual({ type: "integer" });
        expect(references.resolve({ type: "string" })).toEqual({ type: "string" });
        expect(references.resolve({ $ref: "#/components/none/x" })).toBeUndefined();
    });

    it.each([
        [{ const: "list" }, '"list"'],
        [{ type: ["string", "null"] }, "string or null"],
        [{ type: "string", nullable: true }, "string or null"],
        [{ anyOf: [{ type: "null" }, { $ref: "#/components/schemas/a~1b" }, { type: "integer" }] }, "null or integer"],
        [{ type: "array", items: { type: "number" } }, "array of number"],
        [{}, "any"],
    ])("%j has a type in words", (schema, words) => {
        expect(references.typeOf(schema)).toBe(words);
    });

    it("has limits in words", () => {
        expect(limitsOf({ minimum: 1, maximum: 5, default: 2 })).toBe("≥ 1, ≤ 5, default 2");
        expect(limitsOf({ enum: ["a", null], pattern: "^a" })).toBe('one of "a", null, pattern ^a');
    });

    it("shows the properties of its choices and items", () => {
        const one = { type: "object", properties: { a: {} } };
        expect(references.insides({ anyOf: [{ type: "null" }, { type: "array", items: one }, one] })).toEqual([one, one]);
    });
});
