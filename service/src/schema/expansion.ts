/** How large what is made of a tree may become: written out for llama.cpp, and nested inside of it. */

import { type ArrayNode, type Definitions, keyOf, type Node } from "./node.js";
import { MOST_REPEATED } from "./read-scalar.js";
import { SchemaRefusal } from "./refusal.js";

/** Items of all lists whose first items are listed, of each length that is possible: n items without `minItems` are some n * n / 2. */
const MOST_LISTED_ITEMS = 5000;

/** Levels from the root, through references. What translates a tree calls itself at each, in llama.cpp too. */
const MOST_LEVELS = 200;

/** Items and characters that llama.cpp writes out, of `minItems`, `maxItems`, `minLength` and `maxLength` of different schemas. */
const MOST_REPETITIONS = 50_000;

/** Characters of the properties' names of objects that may have others: each is written out, with what it is not. */
const MOST_NAME_CHARACTERS = 10_000;

function repetitions(node: Node): number {
    return node.kind === "string" || (node.kind === "array" && node.first.length === 0) ? (node.most > MOST_REPEATED ? node.least : node.most) : 0;
}

function nameCharacters(node: Node): number {
    return node.kind !== "object" || typeof node.others === "string" ? 0 : node.properties.reduce((sum, { name }) => sum + name.length, 0);
}

function writtenItems({ first, least, most }: ArrayNode): number {
    const longest = Math.min(most, Math.max(least, first.length));
    return first.length === 0 ? 0 : ((longest - least + 1) * (longest + least)) / 2;
}

function childrenOf(node: Node): readonly Node[] {
    switch (node.kind) {
        case "union":
        case "all":
            return node.nodes;
        case "array":
            return [...node.first, node.rest];
        case "object":
            return [...node.properties.map((property) => property.node), ...(typeof node.others === "string" ? [] : [node.others])];
        default:
            return [];
    }
}

/** @throws SchemaRefusal */
export function refuseExpansion(root: Node, definitions: Definitions): void {
    const seen = new Set<string>();
    const counted = new Set<string>();
    let [items, repeated, characters] = [0, 0, 0];
    const visit = (node: Node, level: number): void => {
        if (level > MOST_LEVELS) {
            throw new SchemaRefusal("#", "$ref", `nests the schema deeper than ${MOST_LEVELS} levels`);
        }
        if (node.kind === "ref") {
            const { name } = node;
            if (!seen.has(name)) {
                seen.add(name);
                visit(definitions.get(name) ?? { kind: "never" }, level + 1);
            }
            return;
        }
        const key = nameCharacters(node) + repetitions(node) > 0 ? keyOf(node) : "";
        if (key !== "" && !counted.has(key)) {
            counted.add(key);
            repeated += repetitions(node);
            characters += nameCharacters(node);
        }
        if (repeated > MOST_REPETITIONS) {
            throw new SchemaRefusal("#", node.kind === "array" ? "maxItems" : "maxLength", `and other limits of lengths make more than ${MOST_REPETITIONS} together`);
        }
        if (characters > MOST_NAME_CHARACTERS) {
            throw new SchemaRefusal("#", "additionalProperties", `stands beside names of more than ${MOST_NAME_CHARACTERS} characters together`);
        }
        if (node.kind === "array") {
            items += writtenItems(node);
            if (items > MOST_LISTED_ITEMS) {
                throw new SchemaRefusal("#", "prefixItems", `lists too many optional items: with each possible length they are more than ${MOST_LISTED_ITEMS} (set "minItems" to their number)`);
            }
        }
        childrenOf(node).forEach((child) => visit(child, level + 1));
    };
    visit(root, 0);
}

/** Of each definition, those that refer to it. */
export function dependents(definitions: Definitions): ReadonlyMap<string, readonly string[]> {
    const result = new Map<string, string[]>();
    for (const [name, node] of definitions) {
        const inside = [node];
        const found = new Set<string>();
        for (const one of inside) {
            if (one.kind === "ref") {
                found.add(one.name);
            }
            inside.push(...childrenOf(one));
        }
        for (const other of found) {
            const list = result.get(other) ?? [];
            list.push(name);
            result.set(other, list);
        }
    }
    return result;
}
