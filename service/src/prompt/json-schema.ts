/** Compiles clients' JSON Schemas. */

import { Ajv } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { messageOf } from "../errors.js";

/** Why a value is not valid, or "". */
export type Validator = (value: unknown) => string;

export type Compiled = { readonly validate: Validator; readonly error: "" } | { readonly error: string };

/** `format` says what a text means; without a table of formats it is not checked, as the standard allows. */
const SETTINGS = { strict: false, allErrors: true, validateFormats: false, logger: false } as const;

/** By what `$schema` says; 2020-12 when it says nothing. */
function draftOf(schema: object): typeof Ajv | typeof Ajv2019 | typeof Ajv2020 {
    const draft = String((schema as { $schema?: unknown }).$schema);
    if (draft.includes("draft-07")) {
        return Ajv;
    }
    return draft.includes("2019-09") ? Ajv2019 : Ajv2020;
}

/** A fresh instance for each schema: two of them may share an `$id`. */
export function compileSchema(schema: object): Compiled {
    if ((schema as { $async?: unknown }).$async !== undefined) {
        return { error: "$async is not supported" };
    }
    const ajv = new (draftOf(schema))(SETTINGS);
    let check: ValidateFunction;
    try {
        check = ajv.compile(schema);
    } catch (thrown) {
        return { error: messageOf(thrown) };
    }
    const validate = (value: unknown): string =>
        check(value) ? "" : ajv.errorsText(check.errors, { dataVar: "answer", separator: "; " });
    return { validate, error: "" };
}
