/** Reads what a schema says of numbers and of texts. */

import { messageOf } from "../errors.js";
import { boundOf, firstInteger, integerNode, lastInteger, numberNode } from "./bounds.js";
import { isKnownFormat, NUMBER_FORMATS, TEXT_FORMATS } from "./formats.js";
import { textRule } from "./grammar/text-rule.js";
import type { Node } from "./node.js";
import { SchemaRefusal } from "./refusal.js";

type Schema = Readonly<Record<string, unknown>>;

/** Without a bound llama.cpp writes up to 16 digits, which JavaScript cannot all hold. */
export const LARGEST_INTEGER = 10 ** 15 - 1;

/** Of items and characters; llama.cpp writes each one out. */
export const MOST_REPEATED = 1000;

export function numberOf(schema: Schema, keyword: string, otherwise: number): number {
    const value = schema[keyword];
    return typeof value === "number" ? value : otherwise;
}

function formatOf(schema: Schema, path: string): string | undefined {
    const { format } = schema as { format?: unknown };
    if (typeof format === "string" && !isKnownFormat(format)) {
        throw new SchemaRefusal(path, "format", `is "${format.slice(0, 50)}", which is not supported`);
    }
    return typeof format === "string" ? format : undefined;
}

/** @throws SchemaRefusal */
export function readNumber(type: "integer" | "number", schema: Schema, path: string): Node {
    const format = formatOf(schema, path);
    const low = boundOf(schema, "minimum", "exclusiveMinimum", 1);
    const high = boundOf(schema, "maximum", "exclusiveMaximum", -1);
    const limits = format === undefined || !Object.hasOwn(NUMBER_FORMATS, format) ? undefined : NUMBER_FORMATS[format];
    if (type === "number" && !(limits !== undefined && format?.startsWith("int") === true)) {
        return numberNode(low, high);
    }
    const [first, last] = [Math.max(firstInteger(low), limits?.low ?? -Infinity), Math.min(lastInteger(high), limits?.high ?? Infinity)];
    if (first > LARGEST_INTEGER || last < -LARGEST_INTEGER) {
        throw new SchemaRefusal(path, first > LARGEST_INTEGER ? "minimum" : "maximum", `is beyond ${LARGEST_INTEGER}`);
    }
    return integerNode(first, last);
}

/** @throws SchemaRefusal */
export function readText(schema: Schema, path: string): Node {
    const format = formatOf(schema, path);
    const least = numberOf(schema, "minLength", 0);
    const { pattern } = schema as { pattern?: unknown };
    if (typeof pattern === "string") {
        try {
            textRule(pattern, { least: 0, most: Infinity });
        } catch (thrown) {
            throw new SchemaRefusal(path, "pattern", `cannot be generated: ${messageOf(thrown)}`);
        }
    }
    if (least > MOST_REPEATED) {
        throw new SchemaRefusal(path, "minLength", `is more than ${MOST_REPEATED}`);
    }
    if (least > numberOf(schema, "maxLength", Infinity)) {
        throw new SchemaRefusal(path, "minLength", 'is more than "maxLength"');
    }
    return {
        kind: "string",
        patterns: typeof pattern === "string" ? [pattern] : [],
        formats: format !== undefined && Object.hasOwn(TEXT_FORMATS, format) ? [format] : [],
        least,
        most: numberOf(schema, "maxLength", Infinity),
    };
}
