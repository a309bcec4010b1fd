/** Where schemas stand in a schema. */

const ONE = ["additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"];
const LISTS = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];
const MAPS = ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];

function isSchema(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A copy in which `change` was applied to each schema, from the inside out.
 * @param schema not nested deeper than limits.ts allows
 */
export function mapSchemas(schema: unknown, change: (schema: Record<string, unknown>) => object): unknown {
    if (!isSchema(schema)) {
        return schema;
    }
    const inner = (value: unknown): unknown => mapSchemas(value, change);
    const copy = Object.entries(schema).map(([keyword, value]) => {
        if (LISTS.includes(keyword) && Array.isArray(value)) {
            return [keyword, value.map(inner)] as const;
        }
        if (MAPS.includes(keyword) && isSchema(value)) {
            return [keyword, plainObject(Object.entries(value).map(([name, child]) => [name, inner(child)]))] as const;
        }
        return [keyword, ONE.includes(keyword) ? inner(value) : value] as const;
    });
    return change(plainObject(copy));
}

/** `Object.fromEntries` makes an own property of `__proto__` too, where assigning would not. */
function plainObject(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
    return Object.fromEntries(entries);
}
