/** Likelier and less likely tokens, as a request names them. */

import type { LlamaModel, Token, TokenBias } from "node-llama-cpp";
import { badRequest } from "../errors.js";
import type { Library } from "./library.js";
import { vocabularySize } from "./text-task.js";

/** What node-llama-cpp's `set` does not take: tokens that end the answer. */
interface Held {
    readonly _biases: Map<Token, number>;
}

/** llama.cpp looks up each of them for each token of an answer. */
const MOST = 10_000;

/** A token's id in a request's object, whose keys are texts. */
const ID = /^\d{1,9}$/;

/**
 * undefined where there are none: then several tokens are computed at once.
 * @param biases what is added to the logits, by a token's id, or by a text: then for each token of it
 * @throws ServiceError for an id that the model does not have
 */
export function biasOf(library: Library, model: LlamaModel, biases: Readonly<Record<string, number>> = {}): TokenBias | undefined {
    if (Object.keys(biases).length === 0) {
        return undefined;
    }
    const bias = new library.TokenBias(model.tokenizer);
    const { _biases: held } = bias as unknown as Held;
    const size = vocabularySize(model);
    for (const [name, logit] of Object.entries(biases)) {
        if (!ID.test(name)) {
            bias.set(name, { logit });
            continue;
        }
        const token = Number(name);
        if (token >= size) {
            throw badRequest(`A bias is given for the token ${name}, but the model's tokens are 0..${size - 1}.`);
        }
        held.set(token as Token, logit);
    }
    if (held.size > MOST) {
        throw badRequest(`The biases are for ${held.size} tokens, and at most ${MOST} are possible.`);
    }
    return bias;
}
