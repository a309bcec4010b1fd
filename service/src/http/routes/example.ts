/** GET /helper/example/*: examples to start from. */

import { defaultsFor } from "../../config/options.js";
import { OPTIONS_SCHEMA } from "../../prompt/request.js";
import { answers } from "../answers.js";
import type { Routes } from "../routes.js";

const ANSWER_SCHEMA = {
    type: "object",
    properties: {
        city: { type: "string" },
        population: { type: "integer" },
        coastal: { type: "boolean" },
    },
    required: ["city", "population", "coastal"],
    additionalProperties: false,
} as const;

const EXAMPLE = { type: "object", required: ["schema"], properties: { schema: { type: "string", description: "The JSON Schema as a text" } } } as const;

export const exampleRoutes: Routes = (server) => {
    server.get(
        "/helper/example/jsonresponse",
        { schema: { tags: ["check"], summary: "A JSON Schema for `format.jsonSchema`", response: answers(EXAMPLE) } },
        () => ({ schema: JSON.stringify(ANSWER_SCHEMA, null, 2) }),
    );
    server.get(
        "/helper/example/options",
        { schema: { tags: ["check"], summary: "Options for prose", response: answers(OPTIONS_SCHEMA) } },
        () => defaultsFor("prose"),
    );
    server.get(
        "/helper/example/optionsjson",
        { schema: { tags: ["check"], summary: "Options for answers in JSON; the defaults where the configuration sets none", response: answers(OPTIONS_SCHEMA) } },
        () => defaultsFor("json"),
    );
};
