/** What a model's tokenizer and template answer without generating: counts, tokens, texts. */

import type { LlamaModel, Token } from "node-llama-cpp";
import { badRequest } from "../errors.js";
import type { TextDone, TextTask } from "./engine.js";
import { type Desk, prepare } from "./prepare.js";
import { refuseTooLong, textsOf } from "./too-long.js";

/** Tokens of one request. */
const MOST_TOKENS = 250_000;

/**
 * @param most tokens that a request may have
 * @throws ServiceError, `signal.reason`
 */
export async function doText(desk: Desk, most: number, task: TextTask, signal: AbortSignal): Promise<TextDone> {
    const { model } = desk;
    const count = (text: string): number => model.tokenize(text).length;
    switch (task.kind) {
        case "count":
        case "layOut": {
            const { request } = task;
            const of = request.kind === "chat" ? "messages" : "prompt";
            await refuseTooLong(textsOf(request), count, { contextSize: most, of, signal });
            const { tokens } = (await prepare(desk, request)).layout;
            return { count: tokens.length, ...(task.kind === "count" ? {} : { text: model.detokenize(tokens, true) }) };
        }
        case "tokenize": {
            await refuseTooLong([task.text], count, { contextSize: MOST_TOKENS, of: "prompt", signal });
            const found = model.tokenize(task.text, task.special);
            const { bos, shouldPrependBosToken } = model.tokens;
            const tokens = task.begin && bos !== null && shouldPrependBosToken ? [bos, ...found] : found;
            return { count: tokens.length, tokens, ...(task.pieces ? { pieces: tokens.map((token) => model.detokenize([token], true)) } : {}) };
        }
        case "detokenize": {
            refuseUnknown(model, task.tokens);
            return { count: task.tokens.length, text: model.detokenize(task.tokens as Token[], true) };
        }
    }
}

/** llama.cpp ends the process for a token that it does not have. @throws ServiceError */
export function refuseUnknown(model: LlamaModel, tokens: readonly number[]): void {
    if (tokens.length > MOST_TOKENS) {
        throw badRequest(`There are ${tokens.length} tokens, and at most ${MOST_TOKENS} are taken.`);
    }
    const size = vocabularySize(model);
    const unknown = tokens.find((token) => token >= size);
    if (unknown !== undefined) {
        throw badRequest(`There is no token ${unknown}: the model's tokens are 0..${size - 1}.`);
    }
}

export function vocabularySize(model: LlamaModel): number {
    return model.fileInfo.metadata.tokenizer.ggml.tokens.length;
}
