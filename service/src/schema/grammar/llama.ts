/**
 * A tree as a JSON Schema of those that llama.cpp translates exactly, and its translation with rules of our own where
 * it has none. llama.cpp ignores keywords beside `$ref` and `anyOf`, bounds of numbers, and much more without a word;
 * by then nothing of that is left in the tree.
 */

import { TEXT_FORMATS } from "../formats.js";
import { type ArrayNode, type Definitions, keyOf, lengthsOf, type Node, type ObjectNode, type StringNode, type Tree } from "../node.js";
import { PatternFault } from "../pattern/tree.js";
import { LARGEST_INTEGER, MOST_REPEATED } from "../read-scalar.js";
import { SchemaRefusal } from "../refusal.js";
import { otherNameRule } from "./name-rule.js";
import { numberRule } from "./number-rule.js";
import { textRule } from "./text-rule.js";

/** llama.cpp's `json_schema_to_grammar`: JSON Schema to GBNF, both texts. */
export type Translate = (schema: string) => string;

/** Rules of llama.cpp's and what takes their place: no numbers like 1e999, which are infinite, and no half of a surrogate pair. */
const BETTER: ReadonlyMap<string, string> = new Map([
    ['("-"? integral-part) ("." decimal-part)? ([eE] [-+]? integral-part)?', '("-"? integral-part) ("." decimal-part)? ([eE] [-+]? [0-9]{1,2})?'],
    ['[^"\\\\\\x7F\\x00-\\x1F] | [\\\\] (["\\\\bfnrt] | "u" [0-9a-fA-F]{4})', '[^"\\\\\\x7F\\x00-\\x1F] | [\\\\] (["\\\\bfnrt] | "u" ([0-9a-cA-CefEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}))'],
    ['("-"? integral-part)', '("-"? ([0] | [1-9] [0-9]{0,14}))'],
]);

const OTHER_NAMES = /^(ref-defs-n(\d+)-additional-k\d*) ::= \["\] \( /;

/** Of a schema for llama.cpp, and of a grammar. */
const MOST_CHARACTERS = 2_000_000;

class Writer {
    public readonly schemas: Record<string, object> = {};
    /** Texts that stand for rules of our own. */
    public readonly rules = new Map<string, string>();
    /** Of the definitions that are objects with others beside their properties: the properties' names. */
    public readonly listed = new Map<number, readonly string[]>();
    private readonly numbers = new Map<string, number>();

    public constructor(
        private readonly definitions: Definitions,
        private readonly mark: string,
    ) {}

    /** Each node is a definition with a short name: names of rules are made of the path else, and two may be the same. */
    public refer(node: Node): object {
        const key = node.kind === "ref" ? `ref ${node.name}` : keyOf(node);
        const known = this.numbers.get(key);
        const number = known ?? this.numbers.size;
        if (known === undefined) {
            this.numbers.set(key, number);
            this.schemas[`n${number}`] = this.schemaOf(node.kind === "ref" ? (this.definitions.get(node.name) ?? { kind: "never" }) : node, number);
        }
        return { $ref: `#/$defs/n${number}` };
    }

    private schemaOf(node: Node, number: number): object {
        switch (node.kind) {
            case "any":
                return {};
            case "null":
            case "boolean":
                return { type: node.kind };
            case "integer":
                return this.integer(node.low, node.high);
            case "number": {
                const rule = numberRule(node);
                return rule === undefined ? { type: "number" } : this.ruled(rule);
            }
            case "string":
                return this.text(node);
            case "values":
                return { enum: node.values };
            case "union":
                return { anyOf: node.nodes.map((one) => this.refer(one)) };
            case "ref":
                return this.refer(node);
            case "array":
                return this.array(node);
            case "object":
                return this.object(node, number);
            default:
                throw new SchemaRefusal("#", "type", "leaves no value");
        }
    }

    /** A constant that stands for the rule. */
    private ruled(rule: string): object {
        const text = `${this.mark}${this.rules.size}`;
        this.rules.set(text, rule);
        return { const: text };
    }

    private integer(low: number, high: number): object {
        if (low === -Infinity && high === Infinity) {
            return { type: "integer" };
        }
        // Always both: llama.cpp's rules with one bound are of another kind, with limits of their own.
        return { type: "integer", minimum: Math.max(low, -LARGEST_INTEGER), maximum: Math.min(high, LARGEST_INTEGER) };
    }

    private text({ patterns, formats, least, most }: StringNode): object {
        const lengths = { least, most: most > MOST_REPEATED ? Infinity : most };
        const [pattern] = patterns;
        const generated = formats.map((format) => TEXT_FORMATS[format]?.generated).find((one) => one !== undefined);
        // zod's e-mail addresses have a pattern that looks ahead, which no grammar does; those of the format fit it.
        if (pattern !== undefined && (generated === undefined || !pattern.includes("(?!"))) {
            try {
                return this.ruled(textRule(pattern, lengths));
            } catch (thrown) {
                if (thrown instanceof PatternFault) {
                    throw new SchemaRefusal("#", "pattern", `is ${JSON.stringify(pattern.slice(0, 100))}, which cannot be generated: ${thrown.message}`);
                }
                throw thrown;
            }
        }
        if (generated !== undefined) {
            return this.ruled(textRule(generated, lengths));
        }
        return { type: "string", ...(least > 0 ? { minLength: least } : {}), ...(lengths.most === Infinity ? {} : { maxLength: lengths.most }) };
    }

    private array({ first, rest, least, most }: ArrayNode): object {
        if (first.length > 0) {
            const lengths = lengthsOf({ first, least, most });
            const items = Array.from({ length: lengths.at(-1) ?? 0 }, (_, index) => this.refer(first[index] ?? rest));
            const tuples = lengths.map((length) => ({ type: "array", prefixItems: items.slice(0, length) }));
            return tuples.length === 1 && tuples[0] !== undefined ? tuples[0] : { anyOf: tuples };
        }
        if (most === 0 || rest.kind === "never") {
            return { type: "array", items: {}, maxItems: 0 };
        }
        return { type: "array", items: this.refer(rest), minItems: least, ...(most > MOST_REPEATED ? {} : { maxItems: most }) };
    }

    private object({ properties, others, listed, without = [] }: ObjectNode, number: number): object {
        const none = properties.length === 0 && !listed;
        const additional = others === "closed" || (others === "open" && !none) ? false : others === "open" ? {} : this.refer(others);
        if (additional !== false && properties.length > 0) {
            this.listed.set(number, [...properties.map(({ name }) => name), ...without]);
        }
        return {
            type: "object",
            ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties.map(({ name, node }) => [name, this.refer(node)])) }),
            required: properties.filter(({ required }) => required).map(({ name }) => name),
            additionalProperties: additional,
        };
    }
}

/** @throws SchemaRefusal for what llama.cpp would take seconds to read */
function refuseLarge(text: string): void {
    if (text.length > MOST_CHARACTERS) {
        throw new SchemaRefusal("#", "type", `and the other keywords make a grammar of more than ${MOST_CHARACTERS} characters`);
    }
}

/** A text that the schema does not hold. */
function markFor(tree: Tree): string {
    const text = keyOf([tree.root, ...tree.definitions.values()]);
    let mark = "rule-";
    while (text.includes(mark)) {
        mark = `-${mark}`;
    }
    return mark;
}

function better(line: string, { rules, listed }: Writer): string {
    const at = line.indexOf(" ::= ");
    const [name, rule] = [line.slice(0, at), line.slice(at + 5)];
    const own = /^"\\"(.*)\\""$/.exec(rule)?.[1];
    const names = OTHER_NAMES.exec(line);
    const listedNames = names === null ? undefined : listed.get(Number(names[2]));
    const instead = BETTER.get(rule) ?? (own === undefined ? undefined : rules.get(own)) ?? (listedNames === undefined ? undefined : otherNameRule(listedNames));
    return instead === undefined ? line : `${name} ::= ${instead}`;
}

/**
 * @returns a grammar in GBNF whose every text is a value that the tree allows, as far as keywords.ts says "grammar"
 * @throws SchemaRefusal, Error of llama.cpp
 */
export function grammarOf(tree: Tree, translate: Translate): string {
    const writer = new Writer(tree.definitions, markFor(tree));
    const root = writer.refer(tree.root);
    const schema = JSON.stringify({ ...root, $defs: writer.schemas });
    refuseLarge(schema);
    const text = translate(schema)
        .trimEnd()
        .split("\n")
        .map((line) => better(line, writer))
        .join("\n");
    refuseLarge(text);
    return text;
}
