/** A tree as a schema of node-llama-cpp's own kind, for its released native part. That knows less; the rest is refused. */

import { type ArrayNode, type Definitions, lengthsOf, type Node, type ObjectNode, type StringNode, type Tree } from "../node.js";
import { SchemaRefusal } from "../refusal.js";

const FORMATS = ["date", "time", "date-time"];

function refuse(keyword: string, why: string): never {
    throw new SchemaRefusal("#", keyword, `${why === "" ? "" : `${why} `}is supported only with the patched native part of node-llama-cpp, which this service does not have`);
}

function isPlainValue(value: unknown): boolean {
    return value === null || typeof value === "boolean" || typeof value === "number" || (typeof value === "string" && !/\p{Cc}/u.test(value));
}

/** Objects and lists of a schema, written out. */
const MOST_WRITTEN = 50_000;

class StockWriter {
    public readonly schemas: Record<string, object> = {};

    public constructor(private readonly definitions: Definitions) {}

    public schemaOf(node: Node): object {
        switch (node.kind) {
            case "null":
            case "boolean":
                return { type: node.kind };
            case "integer":
                if (node.low > Number.MIN_SAFE_INTEGER || node.high < Number.MAX_SAFE_INTEGER) {
                    refuse("minimum", "or another bound of a number");
                }
                return { type: "integer" };
            case "number":
                if (node.low !== undefined || node.high !== undefined) {
                    refuse("minimum", "or another bound of a number");
                }
                return { type: "number" };
            case "string":
                return this.text(node);
            case "values":
                return node.values.every(isPlainValue) ? { enum: node.values } : refuse("enum", "with objects, lists or control characters");
            case "union":
                return { oneOf: node.nodes.map((one) => this.schemaOf(one)) };
            case "ref":
                return this.refer(node.name);
            case "array":
                return this.array(node);
            case "object":
                return this.object(node);
            default:
                return refuse("type", "or its absence");
        }
    }

    private refer(name: string): object {
        if (!Object.hasOwn(this.schemas, name)) {
            this.schemas[name] = {};
            this.schemas[name] = this.schemaOf(this.definitions.get(name) ?? { kind: "never" });
        }
        return { $ref: `#/$defs/${name}` };
    }

    private text({ patterns, formats, least, most }: StringNode): object {
        const [format] = formats;
        if (patterns.length > 0) {
            refuse("pattern", "");
        }
        if (format !== undefined) {
            return FORMATS.includes(format) && formats.length === 1 && least === 0 && most === Infinity ? { type: "string", format } : refuse("format", `of "${format}"`);
        }
        return { type: "string", ...(least > 0 ? { minLength: least } : {}), ...(most === Infinity ? {} : { maxLength: most }) };
    }

    private array({ first, rest, least, most }: ArrayNode): object {
        if (first.length > 0) {
            const lengths = lengthsOf({ first, least, most });
            const items = Array.from({ length: lengths.at(-1) ?? 0 }, (_, index) => this.schemaOf(first[index] ?? rest));
            const tuples = lengths.map((length) => ({
                type: "array",
                prefixItems: items.slice(0, length),
                minItems: length,
                maxItems: length,
            }));
            return tuples.length === 1 && tuples[0] !== undefined ? tuples[0] : { oneOf: tuples };
        }
        if (most === 0 || rest.kind === "never") {
            return { type: "array", items: { type: "null" }, maxItems: 0 };
        }
        return { type: "array", ...(rest.kind === "any" ? {} : { items: this.schemaOf(rest) }), minItems: least, ...(most === Infinity ? {} : { maxItems: most }) };
    }

    private object({ properties, others, listed }: ObjectNode): object {
        const closed = others === "closed" || (others === "open" && (properties.length > 0 || listed));
        // All properties are written, so an optional one that leads back to itself would never end.
        const written = properties.filter(({ node, required }) => required || !this.refersToItself(node, new Set()));
        return {
            type: "object",
            properties: Object.fromEntries(written.map(({ name, node }) => [name, this.schemaOf(node)])),
            additionalProperties: closed ? false : others === "open" || others.kind === "any" ? true : this.schemaOf(others),
        };
    }

    private refersToItself(node: Node, above: ReadonlySet<string>): boolean {
        switch (node.kind) {
            case "ref":
                return above.has(node.name) || this.refersToItself(this.definitions.get(node.name) ?? { kind: "never" }, new Set([...above, node.name]));
            case "union":
                return node.nodes.some((one) => this.refersToItself(one, above));
            case "array":
                return [...node.first, node.rest].some((one) => this.refersToItself(one, above));
            case "object":
                return [...node.properties.map((property) => property.node), ...(typeof node.others === "string" ? [] : [node.others])].some((one) => this.refersToItself(one, above));
            default:
                return false;
        }
    }
}

/** How many schemas there are when each is written out where it stands: of a tuple with optional items each length has its own. */
function writtenSize(value: unknown): number {
    const known = new Map<object, number>();
    const size = (one: unknown): number => {
        if (typeof one !== "object" || one === null) {
            return 0;
        }
        const sum = known.get(one) ?? Object.values(one).reduce<number>((total, child) => total + size(child), 1);
        known.set(one, sum);
        return sum;
    };
    return size(value);
}

/** @throws SchemaRefusal */
export function stockSchema({ root, definitions }: Tree): object {
    const writer = new StockWriter(definitions);
    const schema = writer.schemaOf(root);
    const whole = Object.keys(writer.schemas).length === 0 ? schema : { ...schema, $defs: writer.schemas };
    if (writtenSize(whole) > MOST_WRITTEN) {
        refuse("prefixItems", "of many lengths inside of one another");
    }
    return whole;
}
