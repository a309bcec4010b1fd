/** Compiles clients' JSON Schemas. */

import { Ajv } from "ajv";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { messageOf } from "../errors.js";

/** Why a value is not valid, or "". */
export type Validator = (value: unknown) => string;

export type Compiled = { readonly validate: Validator; readonly error: "" } | { readonly error: string };

/** `format` says what a text means; without a table of formats it is not checked, as the standard allows. */
const SETTINGS = { strict: false, allErrors: true, validateFormats: false, logger: false } as const;

/** Draft 2020-12 unless `$schema` names an older draft. A fresh instance each: schemas may share an `$id`. */
export function compileSchema(schema: object): Compiled {
    const draft = (schema as { $schema?: unknown }).$schema;
    if ((schema as { $async?: unknown }).$async !== undefined) {
        return { error: "$async is not supported" };
    }
    const older = typeof draft === "string" && /draft-0[67]/.test(draft);
    const ajv = older ? new Ajv(SETTINGS) : new Ajv2020(SETTINGS);
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
