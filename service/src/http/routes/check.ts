/** POST /check/*: whether the service would accept something. */

import { Ajv } from "ajv";
import { compileSchema } from "../../schema/compile.js";
import { OPTIONS_SCHEMA } from "../../prompt/request.js";
import { answers, BODY_ERRORS } from "../answers.js";
import type { Routes } from "../routes.js";

const SCHEMA_BODY = { type: "object", required: ["schema"], properties: { schema: { type: "object", description: "A JSON Schema" } } } as const;
const OPTIONS_BODY = { type: "object", required: ["options"], properties: { options: { description: "As in POST /prompt" } } } as const;

const VERDICT = {
    type: "object",
    required: ["error"],
    properties: { error: { type: "string", description: "Empty, or why it cannot be used" } },
} as const;

const OPTIONS_VERDICT = {
    ...VERDICT,
    properties: { ...VERDICT.properties, options: { ...OPTIONS_SCHEMA, description: "As they would be used, over the defaults" } },
} as const;

export const checkRoutes: Routes = (server, service) => {
    const schemaCall = (summary: string): object => ({
        tags: ["check"],
        summary,
        body: SCHEMA_BODY,
        response: answers(VERDICT, BODY_ERRORS),
    });

    server.post<{ Body: { schema: object } }>("/check/jsonresponse", { schema: schemaCall("Whether answers can be checked against this JSON Schema") }, ({ body }) => ({
        error: compileSchema(body.schema).error,
    }));

    server.post<{ Body: { schema: object } }>(
        "/check/gbnf",
        { schema: { ...schemaCall("Whether this JSON Schema can constrain the generation"), response: answers(VERDICT, [...BODY_ERRORS, 503]) } },
        async ({ body }) => {
            const { error } = compileSchema(body.schema, "answer");
            return { error: error === "" ? await service.engine.checkGrammar(body.schema) : error };
        },
    );

    const ajv = new Ajv({ allErrors: true });
    const isOptions = ajv.compile(OPTIONS_SCHEMA);
    server.post<{ Body: { options: object } }>(
        "/check/options",
        {
            schema: {
                tags: ["check"],
                summary: "Whether these options would be accepted",
                body: OPTIONS_BODY,
                response: answers(OPTIONS_VERDICT, BODY_ERRORS),
            },
        },
        ({ body }) =>
            isOptions(body.options)
                ? { options: { ...service.defaultOptions, ...body.options }, error: "" }
                : { error: ajv.errorsText(isOptions.errors, { dataVar: "options", separator: "; " }) },
    );
};
