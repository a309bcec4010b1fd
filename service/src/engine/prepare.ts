/** What is made of a request before it gets a slot: the prompt's tokens and the answer's grammar. */

import type { ChatWrapper, LlamaGrammar, LlamaModel } from "node-llama-cpp";
import type { GenerationRequest } from "./engine.js";
import { forcedTools } from "./forced-call.js";
import { functionsOf } from "./functions.js";
import { type Layout, layOut } from "./generation.js";
import type { Grammars } from "./grammars.js";
import type { Library } from "./library.js";
import { OwnTemplate } from "./own-template.js";

/** Of one model. */
export interface Desk {
    readonly library: Library;
    readonly grammars: Grammars;
    readonly model: LlamaModel;
    /** Resolved once, since this parses and tries the model's own template. */
    readonly chatWrapper: ChatWrapper;
    readonly own: OwnTemplate | undefined;
}

export function deskOf(library: Library, grammars: Grammars, model: LlamaModel): Desk {
    return { library, grammars, model, chatWrapper: library.resolveChatWrapper(model), own: OwnTemplate.of(model.llama, model) };
}

interface Prepared {
    readonly layout: Layout;
    readonly grammar: LlamaGrammar | undefined;
}

/** @throws ServiceError */
export async function prepare({ library, grammars, model, chatWrapper, own }: Desk, request: GenerationRequest): Promise<Prepared> {
    const laidOut = request.kind === "chat" ? own?.layOut(request, (tool) => grammars.argumentsGrammar(tool)) : undefined;
    if (laidOut !== undefined) {
        const wanted = laidOut.grammar === undefined ? request.constraint : ({ kind: "own", ...laidOut.grammar } as const);
        const grammar = wanted === undefined ? undefined : await grammars.of(wanted);
        return { layout: { tokens: laidOut.tokens, forced: false, own: laidOut }, grammar };
    }
    const forced = request.kind === "chat" ? forcedTools(request) : undefined;
    const wanted = forced === undefined ? request.constraint : ({ kind: "call", tools: forced } as const);
    const grammar = wanted === undefined ? undefined : await grammars.of(wanted);
    const functions = request.kind === "chat" ? functionsOf(request, grammars, library) : undefined;
    return { layout: layOut(model, chatWrapper, request, functions), grammar };
}
