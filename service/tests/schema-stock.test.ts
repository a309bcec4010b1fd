/** What node-llama-cpp's own translation gets where the native part is the released one. */

import { describe, expect, it } from "vitest";
import { stockSchema } from "../src/schema/grammar/stock.js";
import { treeOf } from "../src/schema/tree.js";

const stock = (schema: object): object => stockSchema(treeOf(schema));

describe("the released native part", () => {
    it("gets alternatives, definitions and closed objects in node-llama-cpp's words", () => {
        const schema = {
            $defs: { Node: { type: "object", properties: { v: { type: "integer" }, next: { anyOf: [{ $ref: "#/$defs/Node" }, { type: "null" }] } }, required: ["v", "next"] } },
            $ref: "#/$defs/Node",
        };
        expect(stock(schema)).toEqual({
            $ref: "#/$defs/d0",
            $defs: {
                d0: {
                    type: "object",
                    properties: { v: { type: "integer" }, next: { oneOf: [{ $ref: "#/$defs/d0" }, { type: "null" }] } },
                    additionalProperties: false,
                },
            },
        });
    });

    it.each([
        ["a list of types", { type: ["string", "null"] }, { oneOf: [{ type: "string" }, { type: "null" }] }],
        ["any object", { type: "object" }, { type: "object", properties: {}, additionalProperties: true }],
        ["lengths", { type: "array", items: { type: "string", minLength: 1 }, maxItems: 3 }, { type: "array", items: { type: "string", minLength: 1 }, minItems: 0, maxItems: 3 }],
        ["a date", { type: "string", format: "date" }, { type: "string", format: "date" }],
        ["constants", { enum: ["a", 1, null] }, { enum: ["a", 1, null] }],
        ["an optional property that leads back to itself", { type: "object", properties: { a: { type: "null" }, b: { $ref: "#" } } }, { type: "object", properties: { a: { type: "null" } }, additionalProperties: false }],
    ])("gets %s", (_name, schema, expected) => {
        expect(stock(schema)).toEqual(expected);
    });

    it.each([
        ["pattern", { type: "string", pattern: "^a$" }],
        ["format", { type: "string", format: "email" }],
        ["minimum", { type: "integer", minimum: 1 }],
        ["minimum", { type: "number", maximum: 1 }],
        ["enum", { const: { a: 1 } }],
        ["enum", { const: "\u0001" }],
        ["type", {}],
    ])("is not asked for what it would mistake: %s is refused", (keyword, schema) => {
        expect(() => stock({ type: "object", properties: { a: schema }, required: ["a"] })).toThrow(new RegExp(`^"${keyword}"`));
    });
});
