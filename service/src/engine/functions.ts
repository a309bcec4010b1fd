/** Tools that the model may call by itself, as node-llama-cpp takes them. */

import type { ChatModelFunctions } from "node-llama-cpp";
import { mapSchemas } from "../schema/subschemas.js";
import type { ChatRequest, ToolDefinition } from "./engine.js";
import type { Grammars } from "./grammars.js";
import type { Library } from "./library.js";

/** Ends the arguments: so node-llama-cpp knows that they are whole. */
const END = '"\\n\\n\\n\\n"';

/** node-llama-cpp describes `oneOf` and `$defs` to the model, and leaves out `anyOf` and `definitions`. */
function described(parameters: object): object {
    return mapSchemas(parameters, ({ anyOf, definitions, ...rest }) => ({
        ...rest,
        ...(anyOf === undefined ? {} : { oneOf: anyOf }),
        ...(definitions === undefined ? {} : { $defs: definitions }),
        ...(typeof rest["$ref"] === "string" ? { $ref: rest["$ref"].replace(/^#\/definitions\//, "#/$defs/") } : {}),
    })) as object;
}

function functionOf({ name, description, parameters }: ToolDefinition, grammars: Grammars, patched: boolean): ChatModelFunctions[string] {
    const about = description === undefined ? {} : { description };
    if (parameters === undefined) {
        return about;
    }
    const tool = { name, parameters };
    if (!patched || !grammars.translates) {
        return { ...about, params: grammars.stockArguments(tool) as never };
    }
    let grammar: string | undefined;
    return {
        ...about,
        params: described(parameters) as never,
        // Only of the tool that the model calls: to translate all of them takes a while.
        get mentatorGrammar(): string {
            grammar ??= grammars.argumentsGrammar(tool).replace(/^root ::= (.*)$/m, (_, rule: string) => `root ::= (${rule}) ${END}`);
            return grammar;
        },
    };
}

/** @throws ServiceError for parameters that make no grammar */
export function functionsOf({ tools = [], toolChoice = "auto" }: ChatRequest, grammars: Grammars, library: Library): ChatModelFunctions | undefined {
    if (tools.length === 0 || toolChoice === "none") {
        return undefined;
    }
    const patched = "mentatorBatching" in library.LlamaContext;
    return Object.fromEntries<ChatModelFunctions[string]>(tools.map((tool) => [tool.name, functionOf(tool, grammars, patched)]));
}
