/** What values a schema allows, as a tree that grammars are made of. */

/** A limit of a number. */
export interface Bound {
    readonly value: number;
    /** The value itself is not inside. */
    readonly exclusive: boolean;
}

export interface Property {
    readonly name: string;
    readonly node: Node;
    readonly required: boolean;
}

export interface ObjectNode {
    readonly kind: "object";
    readonly properties: readonly Property[];
    /**
     * What other properties may be. "open": the schema says nothing of them, so they may be there and need
     * not; "closed": there are none.
     */
    readonly others: Node | "open" | "closed";
    /** The schema lists properties, be it none. */
    readonly listed: boolean;
    /** Names that no property may have: what is listed for them has no value. */
    readonly without?: readonly string[];
}

export interface ArrayNode {
    readonly kind: "array";
    /** Of the first items, each its own. */
    readonly first: readonly Node[];
    /** Of those after. */
    readonly rest: Node;
    readonly least: number;
    /** Infinity: no limit. */
    readonly most: number;
}

export interface StringNode {
    readonly kind: "string";
    /** All of them hold. As the schema has them. */
    readonly patterns: readonly string[];
    readonly formats: readonly string[];
    /** Code points. */
    readonly least: number;
    readonly most: number;
}

export interface NumberNode {
    readonly kind: "number";
    readonly low?: Bound;
    readonly high?: Bound;
}

export interface IntegerNode {
    readonly kind: "integer";
    /** Inside; infinite where there is no limit. */
    readonly low: number;
    readonly high: number;
}

export type Node =
    | { readonly kind: "any" | "never" | "null" | "boolean" }
    | NumberNode
    | IntegerNode
    | StringNode
    | ArrayNode
    | ObjectNode
    /** One of these values. */
    | { readonly kind: "values"; readonly values: readonly unknown[] }
    | { readonly kind: "union"; readonly nodes: readonly Node[] }
    /** All of these at once; `combine.ts` makes one node of them. */
    | { readonly kind: "all"; readonly nodes: readonly Node[] }
    /** A definition's name. */
    | { readonly kind: "ref"; readonly name: string };

export type Definitions = Map<string, Node>;

/** A root with the definitions that it refers to. */
export interface Tree {
    readonly root: Node;
    readonly definitions: Definitions;
}

export const ANY: Node = { kind: "any" };
export const NEVER: Node = { kind: "never" };
export const ANY_OBJECT: ObjectNode = { kind: "object", properties: [], others: "open", listed: false };

/** How many items are generated where the first ones are listed: up to as many as there are, or as there must be. */
export function lengthsOf({ first, least, most }: Pick<ArrayNode, "first" | "least" | "most">): number[] {
    const longest = Math.min(most, Math.max(least, first.length));
    return Array.from({ length: longest - least + 1 }, (_, index) => least + index);
}

/** Nodes never change, and are compared often. */
const keys = new WeakMap<object, string>();

function keyText(node: unknown): string {
    return JSON.stringify(node, (_key, value: unknown) => (value === Infinity ? "Infinity" : value === -Infinity ? "-Infinity" : value));
}

export function keyOf(node: unknown): string {
    if (typeof node !== "object" || node === null) {
        return keyText(node);
    }
    const key = keys.get(node) ?? keyText(node);
    keys.set(node, key);
    return key;
}

function unlikeOf(nodes: readonly Node[]): readonly Node[] {
    return nodes.length < 2 ? nodes : [...new Map(nodes.map((node) => [keyOf(node), node])).values()];
}

/** Without repetitions; flat. */
export function union(nodes: readonly Node[]): Node {
    const flat = nodes.flatMap((node) => (node.kind === "union" ? node.nodes : [node])).filter(({ kind }) => kind !== "never");
    if (flat.some(({ kind }) => kind === "any")) {
        return ANY;
    }
    const unlike = unlikeOf(flat);
    return unlike.length === 1 && unlike[0] !== undefined ? unlike[0] : unlike.length === 0 ? NEVER : { kind: "union", nodes: unlike };
}

/** All at once, not yet combined. */
export function all(nodes: readonly Node[]): Node {
    const flat = nodes.flatMap((node) => (node.kind === "all" ? node.nodes : [node])).filter(({ kind }) => kind !== "any");
    const unlike = unlikeOf(flat);
    return unlike.length === 0 ? ANY : unlike.length === 1 && unlike[0] !== undefined ? unlike[0] : { kind: "all", nodes: unlike };
}
