/** OpenAI's options as the service's own. Pure. */

import type { GenerationOptions } from "../config/configuration.js";
import { ParameterFault } from "./errors.js";
import type { Control } from "./shared-schema.js";

const SEEDS = 2 ** 32;

function unsupported(param: string): ParameterFault {
    return new ParameterFault(param, `${param} is not supported.`, "unsupported_parameter");
}

/** @throws ParameterFault for what would change the answer and is not supported */
export function refuseUnsupported(body: Control): void {
    const { logprobs, logit_bias: bias } = body;
    if (logprobs !== undefined && logprobs !== null && logprobs !== false) {
        throw unsupported("logprobs");
    }
    if (bias !== undefined && bias !== null && Object.keys(bias).length > 0) {
        throw unsupported("logit_bias");
    }
    const { functions, best_of: bestOf, suffix } = body as { functions?: unknown; best_of?: unknown; suffix?: unknown };
    if (functions !== undefined && functions !== null) {
        throw new ParameterFault("functions", "functions is not supported: use tools.", "unsupported_parameter");
    }
    if (typeof bestOf === "number" && bestOf > (body.n ?? 1)) {
        throw unsupported("best_of");
    }
    if (typeof suffix === "string" && suffix !== "") {
        throw unsupported("suffix");
    }
}

/**
 * The configured options, unless the client sets one of those that choose a token: then the others of these are
 * as in OpenAI's API (temperature 1, all tokens allowed). Otherwise a temperature of 1 with a configured `topP`
 * of 0.1 would still give only the most likely answer.
 */
export function optionsOf(body: Control, defaults: GenerationOptions, maxTokens: number): GenerationOptions {
    const { temperature, top_p: topP, top_k: topK, min_p: minP, frequency_penalty: frequency, presence_penalty: presence, seed } = body;
    const repeatPenalty = body.repetition_penalty ?? body.repeat_penalty ?? defaults.repeatPenalty;
    const says = [temperature, topP, topK, minP].some((value) => value !== undefined && value !== null);
    const base = says ? { ...defaults, temperature: 1, topP: 1, topK: 0, minP: 0 } : defaults;
    return {
        ...base,
        temperature: temperature ?? base.temperature,
        topP: topP ?? base.topP,
        topK: Math.max(0, topK ?? base.topK),
        minP: minP ?? base.minP,
        maxTokens,
        repeatPenalty,
        ...(typeof frequency === "number" && frequency !== 0 ? { frequencyPenalty: frequency } : {}),
        ...(typeof presence === "number" && presence !== 0 ? { presencePenalty: presence } : {}),
        ...(seed === undefined || seed === null ? {} : { seed: ((seed % SEEDS) + SEEDS) % SEEDS }),
    };
}

export function stopOf({ stop }: Control): string[] {
    return stop === undefined || stop === null ? [] : [stop].flat();
}

/** Several answers to one prompt differ by their seeds. */
export function nthOptions(options: GenerationOptions, index: number): GenerationOptions {
    return index === 0 || options.seed === undefined ? options : { ...options, seed: (options.seed + index) % SEEDS };
}
