/** A body of /v1/completions as requests to the engine. Pure. */

import type { GenerationOptions } from "../config/configuration.js";
import type { CompletionBody } from "./completion-schema.js";
import type { Asked } from "./generations.js";
import { nthOptions, optionsOf, refuseUnsupported, stopOf } from "./options.js";

/** OpenAI's default; a raw text has no end of its own that a model would find. */
const MAX_TOKENS = 16;

function promptsOf({ prompt, n }: CompletionBody): { prompt: string; index: number }[] {
    return [prompt].flat().flatMap((text) => Array.from({ length: n ?? 1 }, (_, index) => ({ prompt: text, index })));
}

/** Each prompt `n` times, in their order. @throws ParameterFault */
export function completionRequests(body: CompletionBody, defaults: GenerationOptions): Asked[] {
    refuseUnsupported(body);
    const options = optionsOf(body, defaults, body.max_tokens ?? MAX_TOKENS);
    const stop = stopOf(body);
    return promptsOf(body).map(({ prompt, index }) => ({
        request: { kind: "completion", prompt, options: nthOptions(options, index), ...(stop.length === 0 ? {} : { stop }) },
    }));
}

/** What stands before each answer. */
export function echoed(body: CompletionBody): string[] {
    return body.echo === true ? promptsOf(body).map(({ prompt }) => prompt) : [];
}
