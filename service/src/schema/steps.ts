/** What a check of a value by one schema takes. One step is a schema without anything. Pure. */

/** Listed properties that take as long as one schema. */
const PROPERTIES_A_STEP = 20;

/** Characters of a text whose length is counted as fast as one schema is looked at. */
const CHARACTERS_A_STEP = 200;

/** For its error, which is copied with all before it. */
const STEPS_AN_ALTERNATIVE = 4;

/** Each listed property is looked for in each object, and each alternative that fails leaves an error. */
export function stepsOf({ properties, required, anyOf, oneOf }: Readonly<Record<string, unknown>>): number {
    const [listed, needed] = [properties, required].map((names) => (typeof names === "object" && names !== null ? Object.keys(names).length : 0));
    const alternatives = [anyOf, oneOf].reduce<number>((sum, list) => sum + (Array.isArray(list) ? list.length : 0), 0);
    return 1 + alternatives * STEPS_AN_ALTERNATIVE + ((listed ?? 0) + (needed ?? 0)) / PROPERTIES_A_STEP;
}

/** Lengths are counted and names gone through, by each schema again. */
export function stepsFor(value: unknown): number {
    if (typeof value === "string") {
        return value.length / CHARACTERS_A_STEP;
    }
    return typeof value === "object" && value !== null ? (Array.isArray(value) ? value : Object.keys(value)).length / PROPERTIES_A_STEP : 0;
}
