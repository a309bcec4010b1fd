/** Makes one node of several that hold at once. Pure. */

import { canonical } from "./exact.js";
import { TEXT_FORMATS } from "./formats.js";
import { all, ANY, type ArrayNode, type Definitions, keyOf, NEVER, type Node, type ObjectNode, type Property, union } from "./node.js";
import { compilePattern, type LinearPattern } from "./pattern/linear.js";
import { MOST_CHAINED } from "./references.js";
import { highest, integerNode, firstInteger, lastInteger, lowest, numberNode } from "./bounds.js";
import { SchemaRefusal } from "./refusal.js";

/** Some 0.1 s. */
const MOST_STEPS = 50_000;

/** Characters of a text that take as long as one step. */
const CHARACTERS_A_STEP = 1000;

/** Steps of a pattern that take as long as one step here. */
const PATTERN_STEPS = 20;

/** Of a name that is not listed. */
function unlisted({ others }: ObjectNode): Node {
    return others === "open" ? ANY : others === "closed" ? NEVER : others;
}

/** In steps: nodes are compared by their texts. */
function sizeOf(nodes: readonly Node[]): number {
    return nodes.reduce((sum, node) => sum + 1 + keyOf(node).length / CHARACTERS_A_STEP, 0);
}

export class Combiner {
    private readonly heads = new Map<string, Node | undefined>();
    private readonly keys = new Map<Node, ReadonlySet<string>>();
    private readonly patterns = new Map<string, LinearPattern>();
    private steps = 0;
    /** References that are being opened, each inside of the one before. */
    private depth = 0;

    public constructor(private readonly definitions: Definitions) {}

    /** The same node, with `all` and, inside of it, references resolved at its head; what is inside may still hold some. @throws SchemaRefusal */
    public head(node: Node): Node {
        this.count();
        if (node.kind !== "all") {
            return node;
        }
        return node.nodes.map((part) => this.open(part)).reduce((sum, part) => this.both(sum, part), ANY);
    }

    private count(steps = 1): void {
        this.steps += steps;
        if (this.steps > MOST_STEPS) {
            throw new SchemaRefusal("#", "allOf", "combines too many alternatives, properties or values");
        }
    }

    private open(node: Node): Node {
        if (node.kind !== "ref") {
            return this.head(node);
        }
        const { name } = node;
        if (!this.heads.has(name)) {
            this.heads.set(name, undefined);
            this.depth += 1;
            if (this.depth > MOST_CHAINED) {
                throw new SchemaRefusal("#", "$ref", `leads through a chain of more than ${MOST_CHAINED}`);
            }
            this.heads.set(name, this.open(this.definitions.get(name) ?? NEVER));
            this.depth -= 1;
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
            return this.alternatives(one.nodes.map((node) => this.both(this.open(node), other)));
        }
        if (other.kind === "union") {
            return this.alternatives(other.nodes.map((node) => this.both(one, this.open(node))));
        }
        if (one.kind === "values") {
            const values = one.values.filter((value) => this.accepts(other, value));
            return values.length === 0 ? NEVER : values.length === one.values.length ? one : { kind: "values", values };
        }
        if (other.kind === "values") {
            return this.both(other, one);
        }
        if (one.kind === "integer" && other.kind === "number") {
            return this.sameType(one, integerNode(firstInteger(other.low), lastInteger(other.high)));
        }
        return one.kind === "number" && other.kind === "integer" ? this.both(other, one) : this.sameType(one, other);
    }

    private sameType(one: Node, other: Node): Node {
        if (one.kind === "string" && other.kind === "string") {
            const [least, most] = [Math.max(one.least, other.least), Math.min(one.most, other.most)];
            const patterns = [...new Set([...one.patterns, ...other.patterns])];
            this.count(patterns.reduce((sum, pattern) => sum + pattern.length, 0) / CHARACTERS_A_STEP);
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
            return this.arrays(one, other);
        }
        return one.kind === "object" && other.kind === "object" ? this.objects(one, other) : one.kind === other.kind ? one : NEVER;
    }

    private arrays(one: ArrayNode, other: ArrayNode): Node {
        const [least, most] = [Math.max(one.least, other.least), Math.min(one.most, other.most)];
        const first = Array.from({ length: Math.max(one.first.length, other.first.length) }, (_, index) => this.together([one.first[index] ?? one.rest, other.first[index] ?? other.rest]));
        return least > most ? NEVER : { kind: "array", first, rest: this.together([one.rest, other.rest]), least, most };
    }

    private objects(one: ObjectNode, other: ObjectNode): Node {
        const [mine, its] = [one, other].map(({ properties }) => new Map(properties.map((property) => [property.name, property])));
        const names = [...new Set([...one.properties, ...other.properties].map(({ name }) => name))];
        const properties: Property[] = names.map((name) => {
            const [a, b] = [mine?.get(name), its?.get(name)];
            return { name, node: this.together([a?.node ?? unlisted(one), b?.node ?? unlisted(other)]), required: a?.required === true || b?.required === true };
        });
        const others = one.others === "open" ? other.others : other.others === "open" ? one.others : one.others === "closed" || other.others === "closed" ? "closed" : this.together([one.others, other.others]);
        return { kind: "object", properties, others, listed: one.listed || other.listed };
    }

    /** All at once; counted, as many schemas with the same properties would be copied for each of them. */
    private together(nodes: readonly Node[]): Node {
        const node = all(nodes);
        this.count(1 + (node.kind === "all" ? sizeOf(node.nodes) : 0));
        return node;
    }

    private alternatives(nodes: readonly Node[]): Node {
        this.count(sizeOf(nodes));
        return union(nodes);
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
                return typeof value === "string" && this.isText(value, node);
            case "values":
                return this.keysOf(node).has(canonical(value));
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

    /** A list of values is asked for many values. */
    private keysOf(node: Extract<Node, { kind: "values" }>): ReadonlySet<string> {
        const keys = this.keys.get(node) ?? new Set(node.values.map(canonical));
        this.keys.set(node, keys);
        return keys;
    }

    private isText(value: string, { patterns, formats, least, most }: Extract<Node, { kind: "string" }>): boolean {
        this.count(value.length / CHARACTERS_A_STEP);
        const { length } = Array.from(value);
        return length >= least && length <= most && patterns.every((pattern) => this.fits(value, pattern)) && formats.every((format) => TEXT_FORMATS[format]?.check(value) !== false);
    }

    private fits(value: string, pattern: string): boolean {
        const compiled = this.patterns.get(pattern) ?? compilePattern(pattern);
        this.patterns.set(pattern, compiled);
        this.count((compiled.steps * value.length) / PATTERN_STEPS);
        return compiled.test(value);
    }

    private acceptsObject(node: ObjectNode, value: unknown): boolean {
        if (typeof value !== "object" || value === null || Array.isArray(value)) {
            return false;
        }
        this.count(node.properties.length);
        const listed = new Map(node.properties.map((property) => [property.name, property.node]));
        const whole = node.properties.every(({ name, required }) => !required || Object.hasOwn(value, name));
        return whole && Object.entries(value).every(([name, one]) => this.accepts(listed.get(name) ?? unlisted(node), one));
    }
}

function isInside(value: number, { low, high }: Extract<Node, { kind: "number" }>): boolean {
    return (low === undefined || value > low.value || (value === low.value && !low.exclusive)) && (high === undefined || value < high.value || (value === high.value && !high.exclusive));
}
