/** From a client's schema, or from tools, to the tree that a grammar is made of. */

import { finish } from "./finish.js";
import { all, ANY_OBJECT, type Definitions, type Node, type Tree, union } from "./node.js";
import { SchemaReader } from "./read.js";

/** A tool as far as a call of it is concerned. */
export interface Callable {
    readonly name: string;
    /** JSON Schema of the arguments; absent: there are none. */
    readonly parameters?: object;
}

const NO_ARGUMENTS: Node = { kind: "object", properties: [], others: "closed", listed: true };

function parametersOf({ parameters }: Callable, definitions: Definitions, prefix: string): Node {
    return parameters === undefined ? NO_ARGUMENTS : all([new SchemaReader(parameters, definitions, prefix).whole(), ANY_OBJECT]);
}

/** Of schemas that are in use: each is checked first, and made a grammar of later. */
const kept = new WeakMap<object, Tree>();

/** @param schema that `compileSchema` took. @throws SchemaRefusal */
export function treeOf(schema: object): Tree {
    const known = kept.get(schema);
    if (known !== undefined) {
        return known;
    }
    const definitions: Definitions = new Map<string, Node>();
    const tree = finish(new SchemaReader(schema, definitions, "d").whole(), definitions);
    kept.set(schema, tree);
    return tree;
}

/** Any JSON object. */
export function objectTree(): Tree {
    return { root: ANY_OBJECT, definitions: new Map<string, Node>() };
}

/** A tool's arguments: an object. @throws SchemaRefusal */
export function argumentsTree(tool: Callable): Tree {
    const definitions: Definitions = new Map<string, Node>();
    return finish(parametersOf(tool, definitions, "d"), definitions);
}

/** A call of one of the tools: `{"name", "arguments"}`. @throws SchemaRefusal */
export function callTree(tools: readonly Callable[]): Tree {
    const definitions: Definitions = new Map<string, Node>();
    const calls = tools.map((tool, index): Node => {
        const name: Node = { kind: "values", values: [tool.name] };
        const given = parametersOf(tool, definitions, `t${index}d`);
        return {
            kind: "object",
            properties: [
                { name: "name", node: name, required: true },
                { name: "arguments", node: given, required: true },
            ],
            others: "closed",
            listed: true,
        };
    });
    return finish(union(calls), definitions);
}
