/** GET /helper/example/*: examples to start from. */

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

export const exampleRoutes: Routes = (server, service) => {
    server.get(
        "/helper/example/jsonresponse",
        { schema: { tags: ["check"], summary: "A JSON Schema for `format.jsonSchema`", response: answers({ type: "object" }) } },
        () => ANSWER_SCHEMA,
    );
    server.get(
        "/helper/example/options",
        { schema: { tags: ["check"], summary: "The default options, which a request can override", response: answers(OPTIONS_SCHEMA) } },
        () => service.defaultOptions,
    );
};
