/** The options of a generation, as version 1.1.3 names them: a row each. Pure. */

export interface OptionRow {
    readonly name: string;
    readonly type: "number" | "integer" | "boolean" | "texts" | "biases";
    readonly min?: number;
    readonly max?: number;
    /** Absent: none. */
    readonly fallback?: number | boolean | readonly string[] | Readonly<Record<string, number>>;
    /** The example for prose, where it differs: /helper/example/options. */
    readonly prose?: number | boolean;
    /** The engine has nothing like it: other values than `fallback` are told in the log and have no effect. */
    readonly unused?: boolean;
    readonly description: string;
}

export const OPTION_TABLE: readonly OptionRow[] = [
    { name: "temperature", type: "number", min: 0, max: 2, fallback: 0, prose: 0.8, description: "0: always the most likely token" },
    { name: "topP", type: "number", min: 0, max: 1, fallback: 0.1, prose: 0.9, description: "Choose among the smallest set of tokens with this probability together" },
    { name: "minP", type: "number", min: 0, max: 1, fallback: 0, description: "Lowest probability of a token, relative to the most likely one" },
    { name: "topK", type: "integer", min: 0, max: 1000, fallback: 10, prose: 40, description: "Choose among the K most likely tokens; 0: all" },
    { name: "maxTokens", type: "integer", min: 1, max: 131_072, fallback: 4096, prose: 128, description: "Longest answer, in tokens" },
    { name: "repeatPenalty", type: "number", min: -2, max: 2, fallback: 1, prose: 1.1, description: "1: none; 0 and less are taken as none" },
    { name: "repeatPenaltyNum", type: "integer", min: 0, max: 2048, fallback: 0, prose: 64, description: "Last tokens that the penalties look at; 0: 64" },
    { name: "presencePenalty", type: "number", min: -2, max: 2, fallback: 0, description: "For tokens that were there before" },
    { name: "frequencyPenalty", type: "number", min: -2, max: 2, fallback: 0, prose: 1.1, description: "The same, by how often" },
    { name: "mirostat", type: "integer", min: 0, max: 2, fallback: 0, unused: true, description: "Not applied" },
    { name: "mirostatTau", type: "number", min: 0, max: 10, fallback: 5, unused: true, description: "Not applied" },
    { name: "mirostatEta", type: "number", min: 0, max: 1, fallback: 0.1, unused: true, description: "Not applied" },
    { name: "penalizeNewline", type: "boolean", fallback: false, prose: true, description: "Whether penalties count for line ends" },
    { name: "stopSequences", type: "texts", fallback: [], description: "Texts that end the answer" },
    { name: "trimWhitespace", type: "boolean", fallback: true, description: "Removes white space at the end of the answer" },
    { name: "seed", type: "integer", min: 0, max: 4_294_967_295, description: "Has an effect only with a temperature above 0" },
    { name: "tokenBias", type: "biases", fallback: {}, description: "Added to the logits of tokens: by id, or by text for each of its tokens; -100 and less: never" },
    { name: "evaluationPriority", type: "integer", min: 0, max: 10, fallback: 5, unused: true, description: "Not applied" },
    { name: "contextShiftSize", type: "integer", min: 0, max: 4096, fallback: 0, unused: true, description: "Not applied: an answer ends where the context does" },
    // The context is never shifted.
    { name: "disableContextShift", type: "boolean", fallback: false, description: "Has no effect: the context is never shifted" },
];

function schemaOf({ type, min, max, description }: OptionRow): object {
    switch (type) {
        case "texts":
            return { type: "array", items: { type: "string" }, description };
        case "biases":
            return { type: "object", additionalProperties: { type: "number" }, description };
        default:
            return { type, description, ...(min === undefined ? {} : { minimum: min }), ...(max === undefined ? {} : { maximum: max }) };
    }
}

/** For the OpenAPI document. Requests are read by `readOptions`, which refuses nothing. */
export const OPTION_PROPERTIES: Readonly<Record<string, object>> = Object.fromEntries(OPTION_TABLE.map((row) => [row.name, schemaOf(row)]));
