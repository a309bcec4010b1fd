/** A body of /v1/completions as requests to the engine. Pure. */

import type { GenerationOptions } from "../config/configuration.js";
import { checkOf } from "./answer-check.js";
import type { CompletionBody } from "./completion-schema.js";
import { constraintOf } from "./constraint.js";
import type { Asked } from "./generations.js";
import { maxTokensOf, nthOptions, optionsOf, stopOf } from "./options.js";
import { refuseUnsupported } from "./unsupported.js";

/** OpenAI's default. A raw text has no natural end at which a model would stop. */
const MAX_TOKENS = 16;

function promptsOf({ prompt, n }: CompletionBody): { prompt: string; index: number }[] {
    return [prompt].flat().flatMap((text) => Array.from({ length: n ?? 1 }, (_, index) => ({ prompt: text, index })));
}

/** Each prompt `n` times, in their order. @throws ParameterFault */
export function completionRequests(body: CompletionBody, defaults: GenerationOptions): Asked[] {
    refuseUnsupported(body);
    const options = optionsOf(body, defaults, maxTokensOf(body, MAX_TOKENS));
    const stop = stopOf(body);
    const constraint = constraintOf(body);
    const check = checkOf([], constraint);
    return promptsOf(body).map(({ prompt, index }) => ({
        check,
        samePrompt: index > 0,
        request: { kind: "completion", prompt, options: nthOptions(options, index), ...(stop.length === 0 ? {} : { stop }), ...(constraint === undefined ? {} : { constraint }) },
    }));
}

/** The prompts that are put before the answers. */
export function promptsToEcho(body: CompletionBody): string[] {
    return body.echo === true ? promptsOf(body).map(({ prompt }) => prompt) : [];
}
