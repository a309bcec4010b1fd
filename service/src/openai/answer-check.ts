/** Checks an answer against what the request asked for, before it is sent. */

import type { Constraint, Generated, ToolCall, ToolDefinition } from "../engine/engine.js";
import { compileSchema, type Validator } from "../schema/compile.js";
import { nestsTooDeep } from "../schema/limits.js";
import { ParameterFault } from "./errors.js";

/** @throws ParameterFault when the answer breaks it */
export type Check = (answer: Generated) => void;

const BROKEN = "invalid_answer";

const isObject: Validator = (value) => (typeof value === "object" && value !== null && !Array.isArray(value) ? "" : "answer must be object");

function validatorOf(schema: object, purpose: "answer" | "arguments"): Validator {
    const compiled = compileSchema(schema, purpose);
    return "validate" in compiled ? compiled.validate : () => "";
}

/** Without a word of the answer: the message is logged. */
function faultOf(text: string, validate: Validator): string {
    let value: unknown;
    try {
        value = JSON.parse(text);
    } catch {
        return "it is not JSON";
    }
    return nestsTooDeep(value) ? "it is nested too deep" : validate(value);
}

function checkCall({ name, arguments: given }: ToolCall, tools: readonly ToolDefinition[]): void {
    const index = tools.findIndex((tool) => tool.name === name);
    const fault = faultOf(given, validatorOf(tools[index]?.parameters ?? {}, "arguments"));
    if (fault !== "") {
        throw new ParameterFault(`tools[${index}].function.parameters`, `The model called ${name} with arguments that are not valid: ${fault}.`, BROKEN);
    }
}

export function checkOf(tools: readonly ToolDefinition[], constraint: Constraint | undefined): Check {
    return ({ text, toolCalls, finishReason }) => {
        // What was cut says so by its finish_reason, as with OpenAI.
        if (finishReason === "length") {
            return;
        }
        toolCalls.forEach((call) => checkCall(call, tools));
        if (constraint === undefined || constraint.kind === "grammar" || toolCalls.length > 0) {
            return;
        }
        const fault = faultOf(text, constraint.kind === "json" ? isObject : validatorOf(constraint.schema, "answer"));
        if (fault !== "") {
            throw new ParameterFault("response_format", `The model's answer is not valid: ${fault}.`, BROKEN);
        }
    };
}
