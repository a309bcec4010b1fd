/** How large a client's JSON may be before anything is done with it. The walk keeps a list of its own: deep values do not overflow the stack. */

/** Of a JSON Schema. What lies beyond takes seconds to compile, in one turn of the event loop. */
export const SCHEMA_LIMITS = { values: 10_000, characters: 200_000, depth: 64, nameCharacters: 500 } as const;

/** Objects and lists inside one another in an answer or in a tool call's arguments. Templates and validators recurse over them. */
export const MOST_NESTED = 256;

/** In Unicode mode a pair is one character of another kind. */
const LONE_SURROGATE = /\p{Surrogate}/u;

function childrenOf(value: object): [name: string, child: unknown][] {
    return Array.isArray(value) ? value.map((child) => ["", child]) : Object.entries(value);
}

/** "" or why the schema is not taken. Ends at the first limit that is passed. */
export function sizeFault(schema: unknown): string {
    const open: { value: unknown; depth: number }[] = [{ value: schema, depth: 0 }];
    let values = 0;
    let characters = 0;
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
        const { value, depth } = next;
        values += 1;
        if (typeof value === "string") {
            characters += value.length;
            if (LONE_SURROGATE.test(value)) {
                return "The schema holds a text that is not valid Unicode (a lone surrogate)";
            }
        }
        if (depth > SCHEMA_LIMITS.depth) {
            return `The schema is nested too deep: more than ${SCHEMA_LIMITS.depth} levels`;
        }
        if (typeof value === "object" && value !== null) {
            if (Array.isArray(value) && value.length > SCHEMA_LIMITS.values) {
                return tooManyValues();
            }
            for (const [name, child] of childrenOf(value)) {
                characters += name.length;
                if (name.length > SCHEMA_LIMITS.nameCharacters) {
                    return `The schema has a name of more than ${SCHEMA_LIMITS.nameCharacters} characters`;
                }
                if (name === "__proto__") {
                    return 'The schema has a property named "__proto__", which cannot be checked';
                }
                if (LONE_SURROGATE.test(name)) {
                    return "The schema has a name that is not valid Unicode (a lone surrogate)";
                }
                open.push({ value: child, depth: depth + 1 });
            }
        }
        if (values + open.length > SCHEMA_LIMITS.values) {
            return tooManyValues();
        }
        if (characters > SCHEMA_LIMITS.characters) {
            return `The schema is too large: more than ${SCHEMA_LIMITS.characters} characters of text`;
        }
    }
    return "";
}

function tooManyValues(): string {
    return `The schema is too large: more than ${SCHEMA_LIMITS.values} values`;
}

/** Whether objects and lists lie deeper inside one another than `MOST_NESTED`. */
export function nestsTooDeep(value: unknown): boolean {
    const open: { value: unknown; depth: number }[] = [{ value, depth: 1 }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
        if (typeof next.value !== "object" || next.value === null) {
            continue;
        }
        if (next.depth > MOST_NESTED) {
            return true;
        }
        for (const child of Object.values(next.value)) {
            open.push({ value: child, depth: next.depth + 1 });
        }
    }
    return false;
}
