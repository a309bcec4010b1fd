// What is wrong with a table of backends, as far as the entrypoint reads it: pure. The pipeline checks all of it
// when an image is built (scripts/backends/rows.py); a user may have put another one in its place.

/** @typedef {(value: unknown, place: string) => string | undefined} Check the fault, or undefined where it is good */

const COLUMNS = ["name", "memory", "driver", "mig"];
const VARIABLE = /^[A-Z_][A-Z0-9_]*$/;

/**
 * @param {string} what
 * @param {(value: unknown) => boolean} isGood
 * @returns {Check}
 */
function must(what, isGood) {
    return (value, place) => (isGood(value) ? undefined : `${place} must be ${what}`);
}

/**
 * @param {Check} check of each
 * @returns {Check}
 */
function listOf(check) {
    return (value, place) => (Array.isArray(value)
        ? first(value.map((item, index) => () => check(item, `${place}[${index}]`)))
        : `${place} must be a list`);
}

/**
 * @param {Check} check of each value
 * @param {RegExp} [names] of the keys
 * @returns {Check}
 */
function mapOf(check, names = /^/) {
    return (value, place) => (isObject(value)
        ? first(Object.entries(value).map(([key, item]) => () => (names.test(key)
            ? check(item, `${place}.${key}`)
            : `${place}.${key} must be named in capital letters, digits and _`)))
        : `${place} must be an object`);
}

/**
 * @param {Record<string, Check>} needed
 * @param {Record<string, Check>} [more] that may be left out
 * @returns {Check}
 */
function objectOf(needed, more = {}) {
    return (value, place) => (isObject(value)
        ? first([
            ...Object.keys(needed).map((key) => () => (key in value ? undefined : `${place} has no ${key}`)),
            ...Object.entries({ ...needed, ...more }).map(([key, check]) => () => {
                return key in value ? check(value[key], `${place}.${key}`) : undefined;
            }),
        ])
        : `${place} must be an object`);
}

/**
 * A regular expression that Python reads alike.
 * @param {number} [groups] how many it must have
 * @returns {Check}
 */
function expression(groups) {
    return (value, place) => {
        try {
            const source = String(value);
            if (typeof value !== "string" || /\(\?<[^=!]/.test(source)) {
                return `${place} must be a regular expression without named groups`;
            }
            const found = (new RegExp(`${source}|`, "u").exec("")?.length ?? 1) - 1;
            return groups === undefined || groups === found
                ? undefined
                : `${place} must be a regular expression with ${groups} groups, and has ${found}`;
        } catch (error) {
            return `${place} is not a regular expression: ${error instanceof Error ? error.message : ""}`;
        }
    };
}

/** @param {(() => string | undefined)[]} checks */
function first(checks) {
    for (const check of checks) {
        const fault = check();
        if (fault !== undefined) {
            return fault;
        }
    }
    return undefined;
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @param {unknown} value
 * @param {string[]} keys
 */
function countOf(value, keys) {
    return keys.filter((key) => isObject(value) && key in value).length;
}

const text = must("a text", (value) => typeof value === "string" && value !== "");
const texts = listOf(text);
const number = must("a hexadecimal number", (value) => typeof value === "string" && /^0x[0-9a-f]+$/.test(value));
const count = must("a whole number", (value) => Number.isInteger(value));
const variable = must("the name of a variable", (value) => typeof value === "string" && VARIABLE.test(value));
const folder = must("a folder in the data folder", (value) => {
    return typeof value === "string" && /^[^/]/.test(value) && !value.split("/").includes("..");
});
const faults = listOf(objectOf({ match: listOf(expression()), cause: text }, {
    remedy: text,
    wait: must("true or false", (value) => typeof value === "boolean"),
    words: (value, place) => (value === "keep" ? undefined : expression(1)(value, place)),
}));
const sign = objectOf({}, {
    tool: texts,
    nodes: texts,
    noDevice: texts,
    variable,
    columns: listOf(must(COLUMNS.join(", "), (value) => COLUMNS.some((name) => name === value))),
});

const row = objectOf({
    name: text,
    getLlama: must("a text, or false", (value) => typeof value === "string" || value === false),
}, {
    candidates: listOf(objectOf({ name: text })),
    signs: listOf((value, place) => sign(value, place) ?? (countOf(value, ["tool", "nodes", "variable"]) === 1
        ? undefined
        : `${place} must have either a tool, nodes or a variable`)),
    vendor: objectOf({}, { name: text, pci: text, unserved: objectOf({ below: number, cause: text }) }),
    vendors: listOf(objectOf({ name: text, pci: text })),
    container: objectOf({}, { remedy: text, visible: listOf(variable) }),
    library: objectOf({ name: text }),
    driverFiles: texts,
    deviceLine: expression(3),
    environment: objectOf({}, {
        set: mapOf(must("a text", (value) => typeof value === "string"), VARIABLE),
        default: mapOf(must("a text", (value) => typeof value === "string"), VARIABLE),
        folders: mapOf(folder, VARIABLE),
    }),
    targets: objectOf({
        option: text,
        file: text,
        override: variable,
        overrideNode: text,
        selections: listOf(listOf(variable)),
        substitutes: objectOf({ names: mapOf(texts) }),
    }, { unserved: objectOf({ pattern: expression(), cause: text }) }),
    select: variable,
    integrated: objectOf({}, { targets: texts, line: expression(), minimumUnits: count }),
    faults,
});

/**
 * @param {unknown} table
 * @returns {string | undefined} one line, with row and key
 */
export function findTableFault(table) {
    return objectOf({
        modes: listOf((value, place) => {
            const named = isObject(value) && typeof value["name"] === "string" && value["name"] !== "";
            return row(value, named ? `row ${String(value["name"])}` : place);
        }),
    }, { faults })(table, "the table")?.replaceAll("the table.", "");
}
