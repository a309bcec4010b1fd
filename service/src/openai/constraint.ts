/** What the answer must be, by OpenAI's name and by those of vLLM and llama-server. Pure. */

import type { Constraint } from "../engine/engine.js";
import { compileSchema } from "../schema/compile.js";
import { ParameterFault } from "./errors.js";
import type { Control } from "./shared-schema.js";

/** The schema of a field, or undefined where the field asks for none. */
type Read = (value: unknown) => unknown;

/** Some clients send the schema as a text. */
const asText: Read = (value) => {
    try {
        return typeof value === "string" ? (JSON.parse(value) as unknown) : value;
    } catch {
        return value;
    }
};

function structuredOutputs(value: unknown): unknown {
    const given = Object.entries((value ?? {})).filter(([, wish]) => wish !== null && wish !== undefined && wish !== false);
    const other = given.find(([name]) => name !== "json");
    if (other !== undefined) {
        throw new ParameterFault("structured_outputs", `structured_outputs.${other[0].slice(0, 50)} is not supported: use json with a JSON Schema.`, "unsupported_parameter");
    }
    return asText(given[0]?.[1]);
}

const OTHER_NAMES: Readonly<Record<string, Read>> = { json_schema: asText, guided_json: asText, structured_outputs: structuredOutputs };

function ofSchema(schema: unknown, param: string, place: string): Constraint {
    if (typeof schema !== "object" || schema === null || Array.isArray(schema)) {
        throw new ParameterFault(param, `${place} must be a JSON Schema: an object.`);
    }
    const { error } = compileSchema(schema, "answer");
    if (error !== "") {
        throw new ParameterFault(param, `${place} cannot be used as a JSON Schema: ${error}`);
    }
    return { kind: "schema", schema };
}

function ofFormat({ response_format: format }: Control): Constraint | undefined {
    if (format === undefined || format === null || format.type === "text") {
        return undefined;
    }
    if (format.type === "json_object") {
        const { schema } = format;
        return schema === undefined || schema === null ? { kind: "json" } : ofSchema(schema, "response_format", "response_format.schema");
    }
    const { schema } = format.json_schema;
    return schema === undefined ? { kind: "json" } : ofSchema(schema, "response_format", "response_format.json_schema.schema");
}

/** @throws ParameterFault where it cannot be obeyed, or several fields ask for it */
export function constraintOf(body: Control): Constraint | undefined {
    const format = ofFormat(body);
    const others = Object.entries(OTHER_NAMES).flatMap(([name, read]) => {
        const schema = read((body as unknown as Record<string, unknown>)[name]);
        return schema === undefined || schema === null ? [] : [[name, schema] as const];
    });
    const [[name, schema] = []] = others;
    if (name === undefined) {
        return format;
    }
    if (format !== undefined || others.length > 1) {
        throw new ParameterFault(name, `${name} and another field both say what the answer must be: send one of them.`);
    }
    return ofSchema(schema, name, name);
}
