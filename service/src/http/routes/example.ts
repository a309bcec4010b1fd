/** GET /helper/example/*: something to start from. */

import type { Routes } from "../server.js";

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
    server.get("/helper/example/jsonresponse", () => ANSWER_SCHEMA);
    server.get("/helper/example/options", () => service.defaultOptions);
};
