/** Reads a JSON Schema, which ajv has found well-formed, into a tree of what it allows. */

import { References, type Target } from "./references.js";
import { REFUSED } from "./keywords.js";
import { all, ANY, type Definitions, NEVER, type Node, type Property, union } from "./node.js";
import { MOST_REPEATED, numberOf, readNumber, readText } from "./read-scalar.js";
import { below, SchemaRefusal } from "./refusal.js";
import { isMeant, type Type, TYPES } from "./types.js";

type Schema = Readonly<Record<string, unknown>>;

/** Each optional property takes the translation a time that grows with their number. */
const MOST_OPTIONAL = 200;

/** Nodes of one tree. */
const MOST_NODES = 20_000;

export class SchemaReader {
    private readonly references: References;
    /** Definitions that are still to be read: one after the other, as a long chain would overflow the stack. */
    private readonly open: Required<Target>[] = [];
    private nodes = 0;

    /**
     * @param definitions gets what `$ref`s refer to
     * @param prefix of their names: several schemas may share them
     */
    public constructor(
        private readonly root: unknown,
        private readonly definitions: Definitions,
        prefix: string,
    ) {
        this.references = new References(root, prefix);
    }

    /** @throws SchemaRefusal */
    public whole(): Node {
        const root = this.read(this.root, "#");
        for (let next = this.open.shift(); next !== undefined; next = this.open.shift()) {
            const { name, schema } = next;
            this.definitions.set(name, this.references.within(name, () => this.read(schema.value, schema.path)));
        }
        return root;
    }

    private read(schema: unknown, path: string): Node {
        this.nodes += 1;
        if (this.nodes > MOST_NODES) {
            throw new SchemaRefusal("#", "$ref", "makes the schema too large");
        }
        if (schema === true || schema === undefined) {
            return ANY;
        }
        if (schema === false) {
            return NEVER;
        }
        if (typeof schema !== "object" || schema === null || Array.isArray(schema)) {
            throw new SchemaRefusal(path, "$ref", "leads to something that is not a schema");
        }
        const given = schema as Schema;
        this.refuse(given, path);
        const parts: Node[] = [this.own(given, path)];
        if (typeof given["$ref"] === "string") {
            parts.push(this.reference(given["$ref"], path));
        }
        this.list(given, "allOf", path).forEach((node) => parts.push(node));
        for (const keyword of ["anyOf", "oneOf"]) {
            if (Array.isArray(given[keyword])) {
                parts.push(union(this.list(given, keyword, path)));
            }
        }
        return all(parts);
    }

    /** Of a value inside of the one that is being read. */
    private inner(schema: unknown, path: string): Node {
        return this.references.within(undefined, () => this.read(schema, path));
    }

    private list(schema: Schema, keyword: string, path: string): Node[] {
        const schemas = schema[keyword];
        return Array.isArray(schemas) ? schemas.map((one, index) => this.read(one, below(path, keyword, index))) : [];
    }

    private refuse(schema: Schema, path: string): void {
        for (const keyword of REFUSED) {
            const value = schema[keyword];
            const empty = typeof value === "object" && value !== null && Object.keys(value).length === 0 && keyword !== "not" && keyword !== "if" && keyword !== "contains";
            if (value !== undefined && !empty) {
                throw new SchemaRefusal(path, keyword, "is not supported");
            }
        }
        if (path !== "#" && schema["$id"] !== undefined) {
            throw new SchemaRefusal(path, "$id", "is supported at the root only");
        }
        for (const keyword of ["unevaluatedProperties", "unevaluatedItems"]) {
            if (schema[keyword] !== undefined && typeof schema[keyword] !== "boolean") {
                throw new SchemaRefusal(path, keyword, "is supported as true or false only");
            }
        }
    }

    /** What the schema says by itself. */
    private own(schema: Schema, path: string): Node {
        if (!("const" in schema) && Array.isArray(schema["enum"]) && schema["enum"].length === 0) {
            throw new SchemaRefusal(path, "enum", "is empty: no value is valid");
        }
        const values = "const" in schema ? [schema["const"]] : schema["enum"];
        const types = this.types(schema);
        const plain = types === undefined ? ANY : union(types.map((type) => this.typed(type, schema, path)));
        return Array.isArray(values) ? all([{ kind: "values", values: values as unknown[] }, plain]) : plain;
    }

    /** Undefined: any. */
    private types(schema: Schema): readonly Type[] | undefined {
        const given = schema["type"];
        if (given !== undefined) {
            const types = (Array.isArray(given) ? given : [given]) as Type[];
            return schema["nullable"] === true ? [...types, "null"] : types;
        }
        if ("const" in schema || "enum" in schema) {
            return undefined;
        }
        const meant = TYPES.filter((type) => isMeant(type, schema));
        return meant.length === 0 ? undefined : meant;
    }

    private typed(type: Type, schema: Schema, path: string): Node {
        switch (type) {
            case "null":
            case "boolean":
                return { kind: type };
            case "integer":
            case "number":
                return readNumber(type, schema, path);
            case "string":
                return readText(schema, path);
            case "array":
                return this.array(schema, path);
            case "object":
                return this.object(schema, path);
        }
    }

    private array(schema: Schema, path: string): Node {
        const least = numberOf(schema, "minItems", 0);
        if (least > MOST_REPEATED) {
            throw new SchemaRefusal(path, "minItems", `is more than ${MOST_REPEATED}`);
        }
        if (least > numberOf(schema, "maxItems", Infinity)) {
            throw new SchemaRefusal(path, "minItems", 'is more than "maxItems"');
        }
        // Before 2020-12 a list of schemas stands in `items`, and what comes after in `additionalItems`.
        const listed = Array.isArray(schema["items"]) ? "items" : "prefixItems";
        const after = listed === "items" ? "additionalItems" : "items";
        const rest = schema[after] === undefined && schema["unevaluatedItems"] === false ? NEVER : this.inner(schema[after], below(path, after));
        return { kind: "array", first: this.references.within(undefined, () => this.list(schema, listed, path)), rest, least, most: numberOf(schema, "maxItems", Infinity) };
    }

    private object(schema: Schema, path: string): Node {
        const { additionalProperties: additional } = schema;
        const others =
            additional === false || (additional === undefined && schema["unevaluatedProperties"] === false)
                ? "closed"
                : additional === undefined
                  ? "open"
                  : this.inner(additional, below(path, "additionalProperties"));
        const required = new Set((schema["required"] as string[] | undefined) ?? []);
        const most = numberOf(schema, "maxProperties", Infinity);
        if (numberOf(schema, "minProperties", 0) > most) {
            throw new SchemaRefusal(path, "minProperties", 'is more than "maxProperties"');
        }
        if (required.size > most) {
            throw new SchemaRefusal(path, "required", 'lists more properties than "maxProperties" lets in');
        }
        const listed = Object.entries((schema["properties"] as Schema | undefined) ?? {});
        const properties: Property[] = listed.map(([name, value]) => ({
            name,
            node: this.inner(value, below(path, "properties", name)),
            required: required.delete(name),
        }));
        // Required without being listed.
        const other = others === "closed" ? NEVER : others === "open" ? ANY : others;
        required.forEach((name) => properties.push({ name, node: other, required: true }));
        if (properties.filter((property) => !property.required).length > MOST_OPTIONAL) {
            throw new SchemaRefusal(path, "properties", `lists more than ${MOST_OPTIONAL} optional ones`);
        }
        const plain: Node = { kind: "object", properties, others, listed: "properties" in schema || schema["unevaluatedProperties"] === false };
        return all([plain, ...this.fromNames(schema, path, other)]);
    }

    /** `propertyNames` that lists them: zod's records with a key of a few. */
    private fromNames(schema: Schema, path: string, other: Node): Node[] {
        const { propertyNames } = schema as { propertyNames?: unknown };
        if (typeof propertyNames !== "object" || propertyNames === null) {
            return propertyNames === false ? [{ kind: "object", properties: [], others: "closed", listed: true }] : [];
        }
        const names = propertyNames as Schema;
        const listed = "const" in names ? [names["const"]] : names["enum"];
        if (!Array.isArray(listed)) {
            // Others are checked; what cannot be checked is refused here.
            this.inner({ type: "string", ...names }, below(path, "propertyNames"));
            return [];
        }
        const properties = listed.filter((name) => typeof name === "string").map((name) => ({ name, node: other, required: false }));
        if (properties.length > MOST_OPTIONAL) {
            throw new SchemaRefusal(path, "propertyNames", `lists more than ${MOST_OPTIONAL} names`);
        }
        return [{ kind: "object", properties, others: "closed", listed: true }];
    }

    private reference(ref: string, path: string): Node {
        const { name, schema } = this.references.find(ref, path);
        if (schema !== undefined) {
            this.open.push({ name, schema });
        }
        return { kind: "ref", name };
    }
}
