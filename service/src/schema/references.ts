/** `$ref`s of one schema: where they lead, and whether they lead back to themselves. */

import { SchemaRefusal } from "./refusal.js";

type Schema = Readonly<Record<string, unknown>>;

/** Of "#" the empty text. @throws SchemaRefusal for a reference out of the document */
function pointerOf(root: unknown, ref: string, path: string): string {
    const { $id: id } = (typeof root === "object" && root !== null ? root : {}) as { $id?: unknown };
    const local = typeof id === "string" && id !== "" && ref.startsWith(`${id}#`) ? ref.slice(id.length) : ref;
    if (local !== "#" && !local.startsWith("#/")) {
        throw new SchemaRefusal(path, "$ref", `to ${JSON.stringify(ref.slice(0, 100))} is not supported, only "#" and "#/..."`);
    }
    try {
        return decodeURIComponent(local.slice(1));
    } catch {
        throw new SchemaRefusal(path, "$ref", "is not a URI");
    }
}

function targetOf(root: unknown, pointer: string, path: string): unknown {
    let value = root;
    for (const token of pointer.split("/").slice(1)) {
        const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
        if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) {
            throw new SchemaRefusal(path, "$ref", `leads to #${pointer.slice(0, 100)}, which is not there`);
        }
        value = (value as Schema)[name];
    }
    return value;
}

/** References that lead to one another without a property or an item in between. */
export const MOST_CHAINED = 100;

/** Definitions looked at for circles. */
const MOST_FOLLOWED = 100_000;

export interface Target {
    readonly name: string;
    /** Absent where it was read before. */
    readonly schema?: { readonly value: unknown; readonly path: string };
}

export class References {
    private readonly names = new Map<string, string>();
    /** How many references lead to a definition, one directly after the other. */
    private readonly levels = new Map<string, number>();
    private followed = 0;
    /** From a definition to those that hold for the same value. */
    private readonly same = new Map<string, Set<string>>();
    /** Whose value is being read; undefined: the root's, or one inside of it. */
    private current: string | undefined;

    /** @param prefix of the definitions' names */
    public constructor(
        private readonly root: unknown,
        private readonly prefix: string,
    ) {}

    /** @throws SchemaRefusal */
    public find(ref: string, path: string): Target {
        const pointer = pointerOf(this.root, ref, path);
        const known = this.names.get(pointer);
        const name = known ?? `${this.prefix}${this.names.size}`;
        if (this.current !== undefined) {
            this.same.get(this.current)?.add(name);
            if (name === this.current || (known !== undefined && this.leads(name, this.current))) {
                throw new SchemaRefusal(path, "$ref", "leads back to itself without a property or an item in between");
            }
        }
        if (known !== undefined) {
            return { name };
        }
        const level = this.current === undefined ? 1 : (this.levels.get(this.current) ?? 0) + 1;
        if (level > MOST_CHAINED) {
            throw new SchemaRefusal(path, "$ref", `is the end of a chain of more than ${MOST_CHAINED}`);
        }
        this.levels.set(name, level);
        this.names.set(pointer, name);
        this.same.set(name, new Set());
        return { name, schema: { value: targetOf(this.root, pointer, path), path: `#${pointer}` } };
    }

    /** Reads something that holds for the value of the definition `name`; undefined: for another value. */
    public within<T>(name: string | undefined, read: () => T): T {
        const before = this.current;
        this.current = name;
        try {
            return read();
        } finally {
            this.current = before;
        }
    }

    private leads(from: string, to: string): boolean {
        const seen = new Set([from]);
        for (const name of seen) {
            this.followed += 1;
            if (this.followed > MOST_FOLLOWED) {
                throw new SchemaRefusal("#", "$ref", "is used too often in definitions that refer to one another");
            }
            for (const next of this.same.get(name) ?? []) {
                seen.add(next);
            }
        }
        return seen.has(to);
    }
}
