/** POST /check/*: would this be accepted. */

import { Ajv } from "ajv";
import { compileSchema } from "../../prompt/json-schema.js";
import { OPTIONS_SCHEMA } from "../../prompt/request.js";
import type { Routes } from "../server.js";

const SCHEMA_BODY = { type: "object", required: ["schema"], properties: { schema: { type: "object" } } } as const;
const OPTIONS_BODY = { type: "object", required: ["options"], properties: { options: {} } } as const;

export const checkRoutes: Routes = (server, service) => {
    server.post<{ Body: { schema: object } }>("/check/jsonresponse", { schema: { body: SCHEMA_BODY } }, ({ body }) => ({
        error: compileSchema(body.schema).error,
    }));

    server.post<{ Body: { schema: object } }>("/check/gbnf", { schema: { body: SCHEMA_BODY } }, async ({ body }) => {
        const { error } = compileSchema(body.schema);
        return { error: error === "" ? await service.engine.checkGrammar(body.schema) : error };
    });

    const ajv = new Ajv({ allErrors: true });
    const isOptions = ajv.compile(OPTIONS_SCHEMA);
    server.post<{ Body: { options: object } }>("/check/options", { schema: { body: OPTIONS_BODY } }, ({ body }) =>
        isOptions(body.options)
            ? { options: { ...service.defaultOptions, ...body.options }, error: "" }
            : { error: ajv.errorsText(isOptions.errors, { dataVar: "options", separator: "; " }) },
    );
};
