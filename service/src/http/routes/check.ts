/** POST /check/*: whether the service would accept something. */

import { defaultsFor, readOptions } from "../../config/options.js";
import { OPTIONS_SCHEMA } from "../../prompt/request.js";
import { compileSchema } from "../../schema/compile.js";
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
    properties: {
        error: { type: "string", description: "Empty, or why they are no options at all" },
        options: { ...OPTIONS_SCHEMA, description: "As they would be used, over the defaults" },
        replaced: { type: "array", items: { type: "string" }, description: "Why a given option is left to its default, or has no effect" },
    },
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

    server.post<{ Body: { options: unknown } }>(
        "/check/options",
        {
            schema: {
                tags: ["check"],
                summary: "Options as they would be used",
                body: OPTIONS_BODY,
                response: answers(OPTIONS_VERDICT, BODY_ERRORS),
            },
        },
        ({ body }) => {
            const given = body.options;
            if (typeof given !== "object" || given === null || Array.isArray(given)) {
                return { options: defaultsFor("json"), error: "Options must be a JSON object", replaced: [] };
            }
            const { options, replaced, unused } = readOptions(given);
            const remarks = [...[...replaced].map(([name, why]) => `${name} ${why}`), ...unused.map((name) => `${name} is not applied`)];
            return { options: { ...service.promptOptions, ...options }, error: "", replaced: remarks };
        },
    );
};
