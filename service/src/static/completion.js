/** One question to a model: streamed by the OpenAI-compatible API, or in one piece by POST /prompt when the answer is only validated. */

import { ApiError, post, send } from "./api.js";
import { chunksOf, events } from "./sse.js";

/** @typedef {{ role: "system" | "user" | "assistant", content: string }} Message */
/** @typedef {Partial<Record<"temperature" | "topP" | "topK" | "minP" | "maxTokens" | "repeatPenalty" | "seed", number>>} Options */
/**
 * @typedef {object} Question
 * @property {string} model
 * @property {readonly Message[]} messages the last one is the user's
 * @property {Options} options over the service's defaults
 * @property {object} [schema] of the answer
 * @property {boolean} grammar the schema constrains the generation; else the finished answer is checked against it
 */
/**
 * @typedef {object} Answer as far as it came
 * @property {string} text
 * @property {string} reasoning
 * @property {number} pieces that came so far: about one a token
 * @property {number} [firstMsec] from the question to the first piece
 * @property {number} [lastMsec] from the question to the last piece
 * @property {number} [completionTokens]
 * @property {number} [tokensPerSecond] as the service measured it; streams do not say it
 * @property {string} [finish] why it ended, in OpenAI's words
 */

/** Options that choose a token: when one of these is set, the OpenAI-compatible API drops the service's defaults of the others. */
const SAMPLING = /** @type {const} */ (["temperature", "topP", "topK", "minP"]);

/**
 * The options that were set, and where one of them is in SAMPLING, the defaults of the others in it.
 * @param {Options} given
 * @param {Options} whole the given ones over the service's defaults, as POST /check/options answers them
 * @returns {Options}
 */
export function completeOptions(given, whole) {
    const says = SAMPLING.some((name) => given[name] !== undefined);
    return says ? { ...Object.fromEntries(SAMPLING.map((name) => [name, whole[name]])), ...given } : given;
}

/** Time limit of POST /prompt. The stop button ends it sooner. */
const LIMIT_MSEC = 3_600_000;

/** The same options by the names that OpenAI's API and llama.cpp's server give them. */
const OPENAI_NAMES = {
    temperature: "temperature",
    topP: "top_p",
    topK: "top_k",
    minP: "min_p",
    maxTokens: "max_tokens",
    repeatPenalty: "repeat_penalty",
    seed: "seed",
};

/**
 * @param {Question} question
 * @returns {Record<string, unknown>} the body of POST /v1/chat/completions
 */
export function completionBody({ model, messages, options, schema }) {
    const named = Object.entries(OPENAI_NAMES).map(([ours, theirs]) => [theirs, options[/** @type {keyof Options} */ (ours)]]);
    return {
        model,
        messages,
        stream: true,
        stream_options: { include_usage: true },
        ...Object.fromEntries(named.filter(([, value]) => value !== undefined)),
        ...(schema === undefined ? {} : { response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema } } }),
    };
}

/**
 * @param {Question} question
 * @returns {Record<string, unknown>} the body of POST /prompt: one message, no conversation
 */
export function promptBody({ model, messages, options, schema }) {
    const system = messages.find(({ role }) => role === "system")?.content;
    return {
        model,
        message: { user: messages.at(-1)?.content ?? "", ...(system === undefined ? {} : { system }) },
        durationMsec: LIMIT_MSEC,
        options,
        ...(schema === undefined ? {} : { format: { useGrammar: false, jsonSchema: schema } }),
    };
}

/**
 * One event of the stream into the answer.
 * @param {Answer} answer
 * @param {any} event
 * @param {number} atMsec
 * @throws {ApiError} when the event is an error
 */
export function take(answer, event, atMsec) {
    if (event.error !== undefined) {
        throw new ApiError(500, typeof event.error === "string" ? event.error : event.error.message);
    }
    const choice = event.choices?.[0];
    /** @type {string} */
    const text = choice?.delta?.content ?? "";
    /** @type {string} */
    const reasoning = choice?.delta?.reasoning_content ?? "";
    if (text !== "" || reasoning !== "") {
        answer.text += text;
        answer.reasoning += reasoning;
        answer.pieces += 1;
        answer.firstMsec ??= atMsec;
        answer.lastMsec = atMsec;
    }
    answer.finish = choice?.finish_reason ?? answer.finish;
    if (event.usage) {
        answer.completionTokens = event.usage.completion_tokens;
    }
}

/**
 * Tokens a second from the first piece on: the service's figure where there is one, else ours.
 * @param {Answer} answer
 * @returns {number | undefined}
 */
export function rateOf({ tokensPerSecond, firstMsec, lastMsec, completionTokens, pieces }) {
    if (tokensPerSecond !== undefined && tokensPerSecond > 0) {
        return tokensPerSecond;
    }
    const tokens = completionTokens ?? pieces;
    if (firstMsec === undefined || lastMsec === undefined || lastMsec <= firstMsec || tokens < 2) {
        return undefined;
    }
    return ((tokens - 1) / (lastMsec - firstMsec)) * 1000;
}

/** @returns {Answer} */
export const emptyAnswer = () => ({ text: "", reasoning: "", pieces: 0 });

/**
 * Fills `answer` piece by piece, so that the caller has the pieces when it is stopped or fails.
 * @param {Question} question
 * @param {Answer} answer
 * @param {AbortSignal} signal
 * @param {() => void} onPiece
 * @throws {ApiError}
 */
export async function ask(question, answer, signal, onPiece) {
    if (question.schema !== undefined && !question.grammar) {
        await askPrompt(question, answer, signal);
        return;
    }
    const began = performance.now();
    const response = await send("/v1/chat/completions", completionBody(question), { signal });
    if (response.body === null) {
        throw new ApiError(response.status, "The answer has no body.");
    }
    for await (const data of events(chunksOf(response.body))) {
        signal.throwIfAborted();
        if (data === "[DONE]") {
            return;
        }
        take(answer, JSON.parse(data), performance.now() - began);
        onPiece();
    }
    if (answer.finish === undefined) {
        throw new ApiError(0, "The connection ended before the answer did.");
    }
}

/**
 * @param {Question} question
 * @param {Answer} answer
 * @param {AbortSignal} signal
 */
async function askPrompt(question, answer, signal) {
    const { result } = await post("/prompt", promptBody(question), { signal });
    const { data, usage } = result;
    answer.text = typeof data === "string" ? data : JSON.stringify(data, null, 2);
    answer.finish = "stop";
    answer.completionTokens = usage?.completionTokens;
    answer.tokensPerSecond = usage?.tokensPerSecond;
    answer.firstMsec = usage?.firstTokenMsec;
}
