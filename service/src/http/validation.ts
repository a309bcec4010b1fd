/** How requests are checked: bodies as they are; in query strings, numbers are read from text. */

import { Ajv } from "ajv";
import type { FastifyInstance } from "fastify";

export function installValidation(server: FastifyInstance): void {
    // The first fault is enough: a body with thousands of faults would get as many errors.
    const settings = { strict: false, removeAdditional: false, useDefaults: true } as const;
    const body = new Ajv(settings);
    const text = new Ajv({ ...settings, coerceTypes: true });
    server.setValidatorCompiler(({ schema, httpPart }) => (httpPart === "body" ? body : text).compile(schema as object));
    server.setSchemaErrorFormatter((errors, part) => {
        // "Must be null" and "must match anyOf" add nothing to the fault that they come with.
        const telling = errors.filter(({ keyword, params }) => keyword !== "anyOf" && params["type"] !== "null");
        const lines = telling.map(({ instancePath, message, params }) => {
            const extra = params["additionalProperty"];
            const place = `${part}${instancePath.replaceAll("/", ".")}`;
            return `${place} ${message ?? "is not valid"}${typeof extra === "string" ? ` (${extra})` : ""}`;
        });
        return new Error([...new Set(lines)].join("; "));
    });
}
