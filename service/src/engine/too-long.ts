/** Refuses a text that cannot fit, before all of it is made into tokens: 16 MB take 20 s, in one turn of the event loop. */

import { setImmediate } from "node:timers/promises";
import { ContextOverflow } from "../errors.js";
import type { GenerationRequest } from "./engine.js";

/** Texts of fewer characters for each token of the context are not looked at: they may fit, and do not take long. */
const USUAL_CHARACTERS = 8;

/** Characters that are made into tokens in one turn. */
const PIECE = 16_384;

/** Tokens that a text may have fewer than its pieces, for each piece. */
const SEAM = 8;

interface Room {
    readonly contextSize: number;
    /** As OpenAI names the parameter. */
    readonly of: ContextOverflow["of"];
    readonly signal: AbortSignal;
}

/** All that the client's texts add to the prompt. */
export function textsOf(request: GenerationRequest): string[] {
    if (request.kind === "completion") {
        return [request.prompt];
    }
    const messages = request.messages.flatMap((message) => [message.content, ...(message.role === "assistant" ? (message.toolCalls ?? []).map((call) => call.arguments) : [])]);
    const tools = request.toolChoice === "none" ? [] : (request.tools ?? []);
    return [...messages, ...tools.map(({ description = "", parameters = {} }) => description + JSON.stringify(parameters))];
}

/**
 * Counts until it is sure: a usual text is refused after as many tokens as fit.
 * @param count of a text's tokens
 * @throws ContextOverflow, `signal.reason`
 */
export async function refuseTooLong(texts: readonly string[], count: (text: string) => number, { contextSize, of, signal }: Room): Promise<void> {
    if (texts.reduce((sum, { length }) => sum + length, 0) <= contextSize * USUAL_CHARACTERS) {
        return;
    }
    let least = 0;
    for (const text of texts) {
        for (let at = 0; at < text.length; at += PIECE) {
            signal.throwIfAborted();
            least += Math.max(0, count(text.slice(at, at + PIECE)) - SEAM);
            if (least > contextSize) {
                const what = of === "input" ? "The text" : "The prompt";
                throw new ContextOverflow(of, `${what} has more than ${least} tokens and the context ${contextSize}: shorten it.`);
            }
            await setImmediate();
        }
    }
}
