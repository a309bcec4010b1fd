/** Fields that would change the answer and are not supported: refused by name, so that nobody takes the answer for what they asked. Pure. */

import { ParameterFault } from "./errors.js";

interface Refused {
    /** Values that ask for nothing, beside null, "", [] and {}. */
    readonly neutral?: readonly unknown[];
    /** What to use. */
    readonly instead?: string;
}

const OFF: Refused = { neutral: [false, 0] };
const SCHEMA: Refused = { instead: "response_format with a JSON Schema" };

/** OpenAI's, vLLM's, llama-server's and others' names. */
const REFUSED: Readonly<Record<string, Refused>> = {
    logprobs: { neutral: [false] },
    top_logprobs: OFF,
    prompt_logprobs: OFF,
    n_probs: OFF,
    functions: { instead: "tools" },
    function_call: { neutral: ["auto", "none"], instead: "tool_choice" },
    suffix: {},
    audio: {},
    web_search_options: {},
    grammar: SCHEMA,
    guided_grammar: SCHEMA,
    guided_regex: SCHEMA,
    guided_choice: SCHEMA,
    ignore_eos: OFF,
    min_tokens: OFF,
    n_predict: { instead: "max_tokens" },
    stop_token_ids: {},
    allowed_token_ids: {},
    bad_words: {},
    use_beam_search: OFF,
    length_penalty: { neutral: [1] },
    truncate_prompt_tokens: {},
    include_stop_str_in_output: OFF,
    skip_special_tokens: { neutral: [true] },
    add_generation_prompt: { neutral: [true] },
    continue_final_message: OFF,
    chat_template: {},
    chat_template_kwargs: {},
    documents: {},
    mirostat: OFF,
    typical_p: { neutral: [1] },
    tfs_z: { neutral: [1] },
    dynatemp_range: OFF,
    dry_multiplier: OFF,
    xtc_probability: OFF,
    samplers: {},
    image_data: {},
    lora: {},
};

function asksForNothing(value: unknown, neutral: readonly unknown[] = []): boolean {
    if (value === undefined || value === null || value === "" || neutral.includes(value)) {
        return true;
    }
    return typeof value === "object" && Object.keys(value).length === 0;
}

/** @throws ParameterFault */
export function refuseUnsupported(body: object): void {
    for (const [name, value] of Object.entries(body)) {
        const refused = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined;
        if (refused !== undefined && !asksForNothing(value, refused.neutral)) {
            const instead = refused.instead === undefined ? "" : `: use ${refused.instead}`;
            throw new ParameterFault(name, `${name} is not supported${instead}.`, "unsupported_parameter");
        }
    }
    const { best_of: best, n, modalities } = body as { best_of?: unknown; n?: number | null; modalities?: unknown };
    if (typeof best === "number" && best > (n ?? 1)) {
        throw new ParameterFault("best_of", "best_of is not supported.", "unsupported_parameter");
    }
    if (Array.isArray(modalities) && modalities.some((kind) => kind !== "text")) {
        throw new ParameterFault("modalities", "Only text is supported.", "unsupported_parameter");
    }
}
