/** OpenAI's options as the service's own. */

import { randomInt } from "node:crypto";
import type { GenerationOptions } from "../config/configuration.js";
import { ParameterFault } from "./errors.js";
import type { Control } from "./shared-schema.js";

const SEEDS = 2 ** 32;

/** What "no limit" is given to the engine as: the context ends the answer before. */
const NO_LIMIT = 2 ** 31 - 1;

/** Some clients write -1 for "no limit". @param fallback where the body sets none. @throws ParameterFault */
export function maxTokensOf(body: Control & { readonly max_completion_tokens?: number | null }, fallback: number): number {
    const param = typeof body.max_completion_tokens === "number" ? "max_completion_tokens" : "max_tokens";
    const given = body[param] ?? fallback;
    if (given === 0) {
        throw new ParameterFault(param, `${param} must be 1 or more, or -1 for no limit.`);
    }
    return given === -1 ? NO_LIMIT : given;
}

/**
 * The configured options, unless the client sets one of those that choose a token: then the others of these are
 * as in OpenAI's API (temperature 1, all tokens allowed). Otherwise a temperature of 1 with a configured `topP`
 * of 0.1 would still give only the most likely answer. So it is for several answers, too, which else would all be the same.
 */
export function optionsOf(body: Control, defaults: GenerationOptions, maxTokens: number): GenerationOptions {
    const { temperature, top_p: topP, top_k: topK, min_p: minP, frequency_penalty: frequency, presence_penalty: presence, seed } = body;
    const repeatPenalty = body.repetition_penalty ?? body.repeat_penalty ?? defaults.repeatPenalty;
    const says = [temperature, topP, topK, minP].some((value) => value !== undefined && value !== null);
    const severalOfOne = (body.n ?? 1) > 1 && defaults.temperature === 0;
    const base = says || severalOfOne ? { ...defaults, temperature: 1, topP: 1, topK: 0, minP: 0 } : defaults;
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
        ...biasOf(body, defaults),
        // node-llama-cpp takes the time in seconds for a seed: answers that begin together would be the same.
        seed: typeof seed === "number" ? ((seed % SEEDS) + SEEDS) % SEEDS : randomInt(SEEDS),
    };
}

/** The client's biases go before the configured ones, token by token. */
function biasOf({ logit_bias: biases }: Control, { tokenBias }: GenerationOptions): Pick<GenerationOptions, "tokenBias"> {
    return biases === undefined || biases === null ? {} : { tokenBias: { ...tokenBias, ...biases } };
}

export function stopOf({ stop }: Control): string[] {
    return stop === undefined || stop === null ? [] : [stop].flat();
}

/** Several answers to one prompt differ by their seeds. */
export function nthOptions(options: GenerationOptions, index: number): GenerationOptions {
    return index === 0 || options.seed === undefined ? options : { ...options, seed: (options.seed + index) % SEEDS };
}
