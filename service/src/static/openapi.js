/** What an OpenAPI document says of a schema, in words. Pure. */

/** Resolves references of one document. */
export class References {
    /** @param {any} spec the document */
    constructor(spec) {
        this.spec = spec;
    }

    /**
     * A reference's target; the thing itself when it is not a reference.
     * @param {any} thing
     * @returns {any}
     */
    resolve(thing) {
        if (typeof thing?.$ref !== "string") {
            return thing;
        }
        const steps = thing.$ref.replace(/^#\//, "").split("/");
        return steps.reduce((/** @type {any} */ at, /** @type {string} */ step) => at?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], this.spec);
    }

    /**
     * @param {any} schema
     * @returns {string}
     */
    typeOf(schema) {
        if (schema.const !== undefined) {
            return JSON.stringify(schema.const);
        }
        const choices = schema.anyOf ?? schema.oneOf;
        if (Array.isArray(choices)) {
            const names = choices.map((choice) => this.typeOf(this.resolve(choice)));
            return [...new Set(names)].join(" or ");
        }
        if (schema.type === "array") {
            return `array of ${this.typeOf(this.resolve(schema.items ?? {}))}`;
        }
        const type = Array.isArray(schema.type) ? schema.type.join(" or ") : (schema.type ?? "any");
        return schema.nullable === true ? `${type} or null` : type;
    }

    /**
     * The parts of a schema that have properties of their own.
     * @param {any} schema
     * @returns {any[]}
     */
    insides(schema) {
        const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
        if (Array.isArray(choices)) {
            return choices.flatMap((choice) => this.insides(this.resolve(choice)));
        }
        if (schema.type === "array") {
            return this.insides(this.resolve(schema.items ?? {}));
        }
        return schema.properties === undefined ? [] : [schema];
    }
}

const LIMITS = /** @type {const} */ ([
    ["minimum", "≥ "],
    ["exclusiveMinimum", "> "],
    ["maximum", "≤ "],
    ["exclusiveMaximum", "< "],
    ["minLength", "length ≥ "],
    ["maxLength", "length ≤ "],
    ["minItems", "items ≥ "],
    ["maxItems", "items ≤ "],
    ["pattern", "pattern "],
    ["format", "format "],
    ["default", "default "],
]);

/** @param {any} schema */
export function limitsOf(schema) {
    const limits = LIMITS.filter(([key]) => schema[key] !== undefined).map(([key, word]) => word + (typeof schema[key] === "string" ? schema[key] : JSON.stringify(schema[key])));
    const values = Array.isArray(schema.enum) ? [`one of ${schema.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(", ")}`] : [];
    return [...values, ...limits].join(", ");
}
