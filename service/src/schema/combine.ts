/** Makes one node of several that hold at once. Pure. */

import { TEXT_FORMATS } from "./formats.js";
import { all, ANY, type ArrayNode, type Definitions, keyOf, NEVER, type Node, type ObjectNode, type Property, union } from "./node.js";
import { compilePattern } from "./pattern/linear.js";
import { highest, integerNode, firstInteger, lastInteger, lowest, numberNode } from "./bounds.js";
import { SchemaRefusal } from "./refusal.js";

const MOST_STEPS = 50_000;

function sameType(one: Node, other: Node): Node {
    if (one.kind === "string" && other.kind === "string") {
        const [least, most] = [Math.max(one.least, other.least), Math.min(one.most, other.most)];
        const patterns = [...new Set([...one.patterns, ...other.patterns])];
        const formats = [...new Set([...one.formats, ...other.formats])];
        return least > most ? NEVER : { kind: "string", patterns, formats, least, most };
    }
    if (one.kind === "number" && other.kind === "number") {
        return numberNode(lowest(one.low, other.low), highest(one.high, other.high));
    }
    if (one.kind === "integer" && other.kind === "integer") {
        return integerNode(Math.max(one.low, other.low), Math.min(one.high, other.high));
    }
    if (one.kind === "array" && other.kind === "array") {
        return arrays(one, other);
    }
    return one.kind === "object" && other.kind === "object" ? objects(one, other) : one.kind === other.kind ? one : NEVER;
}

function arrays(one: ArrayNode, other: ArrayNode): Node {
    const [least, most] = [Math.max(one.least, other.least), Math.min(one.most, other.most)];
    const first = Array.from({ length: Math.max(one.first.length, other.first.length) }, (_, index) => all([one.first[index] ?? one.rest, other.first[index] ?? other.rest]));
    return least > most ? NEVER : { kind: "array", first, rest: all([one.rest, other.rest]), least, most };
}

/** Of a name that is not listed. */
function unlisted({ others }: ObjectNode): Node {
    return others === "open" ? ANY : others === "closed" ? NEVER : others;
}

function objects(one: ObjectNode, other: ObjectNode): Node {
    const [mine, its] = [one, other].map(({ properties }) => new Map(properties.map((property) => [property.name, property])));
    const names = [...new Set([...one.properties, ...other.properties].map(({ name }) => name))];
    const properties: Property[] = names.map((name) => {
        const [a, b] = [mine?.get(name), its?.get(name)];
        return { name, node: all([a?.node ?? unlisted(one), b?.node ?? unlisted(other)]), required: a?.required === true || b?.required === true };
    });
    const others = one.others === "open" ? other.others : other.others === "open" ? one.others : one.others === "closed" || other.others === "closed" ? "closed" : all([one.others, other.others]);
    return { kind: "object", properties, others, listed: one.listed || other.listed };
}

export class Combiner {
    private readonly heads = new Map<string, Node | undefined>();
    private steps = 0;

    public constructor(private readonly definitions: Definitions) {}

    /** The same node, with `all` and, inside of it, references resolved at its head; what is inside may still hold some. @throws SchemaRefusal */
    public head(node: Node): Node {
        this.count();
        if (node.kind !== "all") {
            return node;
        }
        return node.nodes.map((part) => this.open(part)).reduce((sum, part) => this.both(sum, part), ANY);
    }

    private count(): void {
        this.steps += 1;
        if (this.steps > MOST_STEPS) {
            throw new SchemaRefusal("#", "allOf", "combines too many alternatives");
        }
    }

    private open(node: Node): Node {
        if (node.kind !== "ref") {
            return this.head(node);
        }
        const { name } = node;
        if (!this.heads.has(name)) {
            this.heads.set(name, undefined);
            this.heads.set(name, this.open(this.definitions.get(name) ?? NEVER));
        }
        const head = this.heads.get(name);
        if (head === undefined) {
            throw new SchemaRefusal("#", "$ref", "leads back to itself");
        }
        return head;
    }

    private both(one: Node, other: Node): Node {
        this.count();
        if (one.kind === "any" || other.kind === "any") {
            return one.kind === "any" ? other : one;
        }
        if (one.kind === "never" || other.kind === "never") {
            return NEVER;
        }
        if (one.kind === "ref" || other.kind === "ref" || one.kind === "all" || other.kind === "all") {
            return this.both(this.open(one), this.open(other));
        }
        if (one.kind === "union") {
            return union(one.nodes.map((node) => this.both(this.open(node), other)));
        }
        if (other.kind === "union") {
            return union(other.nodes.map((node) => this.both(one, this.open(node))));
        }
        if (one.kind === "values") {
            const values = one.values.filter((value) => this.accepts(other, value));
            return values.length === 0 ? NEVER : { kind: "values", values };
        }
        if (other.kind === "values") {
            return this.both(other, one);
        }
        if (one.kind === "integer" && other.kind === "number") {
            return sameType(one, integerNode(firstInteger(other.low), lastInteger(other.high)));
        }
        return one.kind === "number" && other.kind === "integer" ? this.both(other, one) : sameType(one, other);
    }

    private accepts(node: Node, value: unknown): boolean {
        this.count();
        switch (node.kind) {
            case "any":
                return true;
            case "never":
                return false;
            case "null":
                return value === null;
            case "boolean":
                return typeof value === "boolean";
            case "integer":
                return Number.isInteger(value) && (value as number) >= node.low && (value as number) <= node.high;
            case "number":
                return typeof value === "number" && isInside(value, node);
            case "string":
                return typeof value === "string" && isText(value, node);
            case "values":
                return node.values.some((one) => keyOf(one) === keyOf(value));
            case "union":
                return node.nodes.some((one) => this.accepts(one, value));
            case "all":
                return node.nodes.every((one) => this.accepts(one, value));
            case "ref":
                return this.accepts(this.open(node), value);
            case "array":
                return (
                    Array.isArray(value) && value.length >= node.least && value.length <= node.most && value.every((item, index) => this.accepts(node.first[index] ?? node.rest, item))
                );
            case "object":
                return this.acceptsObject(node, value);
        }
    }

    private acceptsObject(node: ObjectNode, value: unknown): boolean {
        if (typeof value !== "object" || value === null || Array.isArray(value)) {
            return false;
        }
        const listed = new Map(node.properties.map((property) => [property.name, property.node]));
        const whole = node.properties.every(({ name, required }) => !required || Object.hasOwn(value, name));
        return whole && Object.entries(value).every(([name, one]) => this.accepts(listed.get(name) ?? unlisted(node), one));
    }
}

function isInside(value: number, { low, high }: Extract<Node, { kind: "number" }>): boolean {
    return (low === undefined || value > low.value || (value === low.value && !low.exclusive)) && (high === undefined || value < high.value || (value === high.value && !high.exclusive));
}

function isText(value: string, { patterns, formats, least, most }: Extract<Node, { kind: "string" }>): boolean {
    const { length } = Array.from(value);
    return length >= least && length <= most && patterns.every((pattern) => compilePattern(pattern).test(value)) && formats.every((format) => TEXT_FORMATS[format]?.check(value) !== false);
}
