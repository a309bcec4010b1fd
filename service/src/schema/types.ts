/** Types of values, and for which of them a keyword is. Pure. */

import { NUMBER_FORMATS } from "./formats.js";

type Schema = Readonly<Record<string, unknown>>;

export const TYPES = ["string", "integer", "number", "boolean", "null", "array", "object"] as const;
export type Type = (typeof TYPES)[number];

/** Without `type`, a keyword tells for which it was meant. */
const MEANT_FOR: Readonly<Record<string, Type>> = {
    properties: "object",
    required: "object",
    additionalProperties: "object",
    propertyNames: "object",
    minProperties: "object",
    maxProperties: "object",
    items: "array",
    prefixItems: "array",
    minItems: "array",
    maxItems: "array",
    uniqueItems: "array",
    minLength: "string",
    maxLength: "string",
    pattern: "string",
    minimum: "number",
    maximum: "number",
    exclusiveMinimum: "number",
    exclusiveMaximum: "number",
    multipleOf: "number",
};

export function isMeant(type: Type, schema: Schema): boolean {
    return Object.keys(schema).some((keyword) => MEANT_FOR[keyword] === type) || (typeof schema["format"] === "string" && type === formatType(schema["format"]));
}

function formatType(format: string): Type {
    return Object.hasOwn(NUMBER_FORMATS, format) ? "number" : "string";
}
