/** Compiles clients' JSON Schemas. */

import { Ajv } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { messageOf } from "../errors.js";
import { checkPatterns, hasPattern } from "./pattern-check.js";

/** Why a value is not valid, or "". Rejects with a ServiceError when the check takes too long. */
export type Validator = (value: unknown, signal: AbortSignal) => Promise<string>;

type Compiled = { readonly validate: Validator; readonly error: "" } | { readonly error: string };

/** The keyword `format` is not checked, as the standard allows. */
const SETTINGS = { strict: false, allErrors: true, validateFormats: false, logger: false } as const;

interface Draft {
    readonly make: typeof Ajv | typeof Ajv2019 | typeof Ajv2020;
    readonly module: string;
}

/** The draft that `$schema` names; 2020-12 where it names none. */
function draftOf(schema: object): Draft {
    const draft = String((schema as { $schema?: unknown }).$schema);
    if (draft.includes("draft-07")) {
        return { make: Ajv, module: "ajv" };
    }
    return draft.includes("2019-09") ? { make: Ajv2019, module: "ajv/dist/2019.js" } : { make: Ajv2020, module: "ajv/dist/2020.js" };
}

/** A new instance for each schema: two schemas may have the same `$id`. */
export function compileSchema(schema: object): Compiled {
    if ((schema as { $async?: unknown }).$async !== undefined) {
        return { error: "$async is not supported" };
    }
    const { make, module } = draftOf(schema);
    const ajv = new make(SETTINGS);
    let check: ValidateFunction;
    try {
        check = ajv.compile(schema);
    } catch (thrown) {
        return { error: messageOf(thrown) };
    }
    if (hasPattern(schema)) {
        return { validate: async (value, signal) => checkPatterns({ module, settings: SETTINGS }, schema, value, signal), error: "" };
    }
    const validate: Validator = async (value) =>
        Promise.resolve(check(value) ? "" : ajv.errorsText(check.errors, { dataVar: "answer", separator: "; " }));
    return { validate, error: "" };
}
