/** From a tree as it was read to one that a grammar can be written of: combined, and without what can have no end. */

import { Combiner } from "./combine.js";
import { dependents, refuseExpansion } from "./expansion.js";
import { all, type Definitions, keyOf, NEVER, type Node, type Property, type Tree, union } from "./node.js";
import { MOST_CHAINED } from "./references.js";
import { SchemaRefusal } from "./refusal.js";

const MOST_DEFINITIONS = 2000;

/** Resolves `all` everywhere. What is combined inside of a definition becomes one of its own, as it may come again inside of itself. */
class Flattener {
    public readonly made: Definitions = new Map<string, Node>();
    private readonly names = new Map<string, string>();
    private readonly open: string[] = [];
    private readonly combiner: Combiner;

    public constructor(private readonly definitions: Definitions) {
        this.combiner = new Combiner(definitions);
    }

    public flatten(root: Node): Node {
        const flat = this.child(root);
        for (let name = this.open.pop(); name !== undefined; name = this.open.pop()) {
            this.made.set(name, this.inside(this.combiner.head(this.definitions.get(name) ?? NEVER)));
        }
        return flat;
    }

    private child(node: Node): Node {
        if (node.kind === "all") {
            const key = keyOf(node);
            const name = this.names.get(key) ?? `all${this.names.size}`;
            this.names.set(key, name);
            this.definitions.set(name, node);
            return this.child({ kind: "ref", name });
        }
        if (node.kind !== "ref") {
            return this.inside(node);
        }
        if (!this.made.has(node.name)) {
            this.made.set(node.name, NEVER);
            this.open.push(node.name);
            if (this.made.size > MOST_DEFINITIONS) {
                throw new SchemaRefusal("#", "allOf", "combines too many alternatives");
            }
        }
        return node;
    }

    private inside(node: Node): Node {
        switch (node.kind) {
            case "all":
            case "ref":
                return this.child(node);
            case "union":
                return union(node.nodes.map((one) => this.child(one)));
            case "array":
                return { ...node, first: node.first.map((one) => this.child(one)), rest: this.child(node.rest) };
            case "object": {
                const others = typeof node.others === "string" ? node.others : this.child(node.others);
                return { ...node, properties: node.properties.map((property) => ({ ...property, node: this.child(property.node) })), others };
            }
            default:
                return node;
        }
    }
}

/** Whether there is a value with an end, given which definitions have one. */
function hasValue(node: Node, known: ReadonlySet<string>): boolean {
    switch (node.kind) {
        case "never":
            return false;
        case "ref":
            return known.has(node.name);
        case "union":
            return node.nodes.some((one) => hasValue(one, known));
        case "array":
            return Array.from({ length: Math.min(node.least, node.first.length + 1) }, (_, index) => node.first[index] ?? node.rest).every((one) => hasValue(one, known));
        case "object":
            return node.properties.every((property) => !property.required || hasValue(property.node, known));
        default:
            return true;
    }
}

/** Names of the definitions that have one. */
function withValues(definitions: Definitions): Set<string> {
    const known = new Set<string>();
    const users = dependents(definitions);
    const open = [...definitions.keys()];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
        if (!known.has(name) && hasValue(definitions.get(name) ?? NEVER, known)) {
            known.add(name);
            open.push(...(users.get(name) ?? []));
        }
    }
    return known;
}

/** Without what has no value: alternatives, optional properties, items. */
function pruned(node: Node, known: ReadonlySet<string>): Node {
    if (!hasValue(node, known)) {
        return NEVER;
    }
    const inner = (one: Node): Node => pruned(one, known);
    switch (node.kind) {
        case "union":
            return union(node.nodes.map(inner));
        case "array": {
            const all = Array.from({ length: node.first.length }, (_, index) => inner(node.first[index] ?? NEVER));
            const end = all.findIndex(({ kind }) => kind === "never");
            const first = end === -1 ? all : all.slice(0, end);
            const rest = end === -1 ? inner(node.rest) : NEVER;
            return { ...node, first, rest, most: rest.kind === "never" ? Math.min(node.most, first.length) : node.most };
        }
        case "object": {
            const all: Property[] = node.properties.map((property) => ({ ...property, node: inner(property.node) }));
            const properties = all.filter((property) => property.node.kind !== "never");
            const without = all.filter((property) => property.node.kind === "never").map(({ name }) => name);
            const others = typeof node.others === "string" ? node.others : inner(node.others);
            const closed = (typeof others !== "string" && others.kind === "never") || (properties.length === 0 && without.length > 0);
            return { ...node, properties, others: closed ? "closed" : others, ...(without.length === 0 ? {} : { without }) };
        }
        default:
            return node;
    }
}

/** Definitions that come first in a value of this one, before any other character. */
function leading(node: Node): string[] {
    return node.kind === "ref" ? [node.name] : node.kind === "union" || node.kind === "all" ? node.nodes.flatMap(leading) : [];
}

function refuseCircles(definitions: Definitions): void {
    /** How long the chain is that begins with it. */
    const lengths = new Map<string, number>();
    const above = new Set<string>();
    const visit = (name: string): number => {
        if (above.has(name)) {
            throw new SchemaRefusal("#", "$ref", "leads back to itself without a property or an item in between");
        }
        const known = lengths.get(name);
        if (known !== undefined) {
            return known;
        }
        if (above.size > MOST_CHAINED) {
            throw new SchemaRefusal("#", "$ref", `leads through a chain of more than ${MOST_CHAINED}`);
        }
        above.add(name);
        const length = leading(definitions.get(name) ?? NEVER).reduce((longest, next) => Math.max(longest, 1 + visit(next)), 1);
        above.delete(name);
        if (length > MOST_CHAINED) {
            throw new SchemaRefusal("#", "$ref", `leads through a chain of more than ${MOST_CHAINED}`);
        }
        lengths.set(name, length);
        return length;
    };
    [...definitions.keys()].forEach(visit);
}

/** @throws SchemaRefusal when no value can be valid, or when it cannot be done */
export function finish(root: Node, definitions: Definitions): Tree {
    refuseCircles(definitions);
    const flattener = new Flattener(definitions);
    const flat = flattener.flatten(all([root]));
    refuseCircles(flattener.made);
    const known = withValues(flattener.made);
    const made: Definitions = new Map([...flattener.made].filter(([name]) => known.has(name)).map(([name, node]) => [name, pruned(node, known)]));
    const result = pruned(flat, known);
    if (result.kind === "never") {
        throw new SchemaRefusal("#", "type", "and the other keywords leave no value that is valid and has an end");
    }
    refuseExpansion(result, made);
    return { root: result, definitions: made };
}
