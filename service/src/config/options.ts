/** Options as a request or the configuration gives them, as version 1.1.3 reads them. Pure. */

import type { GenerationOptions } from "./configuration.js";
import { OPTION_TABLE, type OptionRow } from "./option-table.js";

export interface PromptOptions extends GenerationOptions {
    readonly stopSequences: readonly string[];
    readonly trimWhitespace: boolean;
}

export interface ReadOptions {
    /** Only what was given and can be used. */
    readonly options: Partial<PromptOptions>;
    /** What was left out, so that the default counts, and why: by name. */
    readonly replaced: ReadonlyMap<string, string>;
    /** Names of what was given and has no effect. */
    readonly unused: readonly string[];
}

/** Forms and scripts give numbers as texts, and true as one, too. */
function plain(value: unknown, type: OptionRow["type"]): unknown {
    if (typeof value !== "string") {
        return value;
    }
    if (type === "boolean") {
        return value === "true" ? true : value === "false" ? false : value;
    }
    const isNumber = (type === "number" || type === "integer") && value.trim() !== "";
    return isNumber ? Number(value) : value;
}

/** Why the value cannot be used; undefined when it can. */
function faultOf({ type, min, max }: OptionRow, value: unknown): string | undefined {
    const isNumber = (item: unknown): boolean => typeof item === "number" && Number.isFinite(item);
    switch (type) {
        case "boolean":
            return typeof value === "boolean" ? undefined : "must be true or false";
        case "texts":
            return Array.isArray(value) && value.every((item) => typeof item === "string") ? undefined : "must be a list of texts";
        case "biases":
            return typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isNumber) ? undefined : "must be an object of numbers";
        case "integer":
        case "number": {
            const isTyped = isNumber(value) && (type === "number" || Number.isInteger(value));
            const inRange = (value as number) >= (min ?? -Infinity) && (value as number) <= (max ?? Infinity);
            return isTyped && inRange ? undefined : `must be ${type === "integer" ? "an integer" : "a number"}, ${min ?? 0}..${max ?? ""}`;
        }
    }
}

/** Never throws: what cannot be used is left out and told. `null` is as good as absent. Unknown names are dropped. */
export function readOptions(given: object): ReadOptions {
    const options: Record<string, unknown> = {};
    const replaced = new Map<string, string>();
    const unused: string[] = [];
    for (const row of OPTION_TABLE) {
        const raw: unknown = Object.hasOwn(given, row.name) ? Reflect.get(given, row.name) : undefined;
        if (raw === undefined || raw === null) {
            continue;
        }
        const value = plain(raw, row.type);
        const fault = faultOf(row, value);
        if (fault !== undefined) {
            replaced.set(row.name, fault);
            continue;
        }
        options[row.name] = value;
        if (row.unused === true && JSON.stringify(value) !== JSON.stringify(row.fallback)) {
            unused.push(row.name);
        }
    }
    return { options, replaced, unused };
}

/** All options but those without a default: for answers in JSON, or for prose. */
export function defaultsFor(use: "json" | "prose"): PromptOptions {
    const values = OPTION_TABLE.map((row) => [row.name, use === "prose" ? (row.prose ?? row.fallback) : row.fallback] as const);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as unknown as PromptOptions;
}

/** What the engine takes of them. */
export function engineOptions({ temperature, topP, minP, topK, maxTokens, repeatPenalty, ...rest }: PromptOptions): GenerationOptions {
    const { seed, frequencyPenalty = 0, presencePenalty = 0, repeatPenaltyNum = 0, penalizeNewline, tokenBias = {} } = rest;
    return {
        temperature,
        topP,
        minP,
        topK,
        maxTokens,
        // llama.cpp divides by it.
        repeatPenalty: repeatPenalty > 0 ? repeatPenalty : 1,
        ...(seed === undefined ? {} : { seed }),
        ...(frequencyPenalty === 0 ? {} : { frequencyPenalty }),
        ...(presencePenalty === 0 ? {} : { presencePenalty }),
        ...(repeatPenaltyNum === 0 ? {} : { repeatPenaltyNum }),
        ...(penalizeNewline === undefined ? {} : { penalizeNewline }),
        ...(Object.keys(tokenBias).length === 0 ? {} : { tokenBias }),
    };
}

/** The same for requests of other APIs, which have no word for line ends. */
export function plainOptions(options: PromptOptions): GenerationOptions {
    const { penalizeNewline, ...rest } = engineOptions(options);
    return penalizeNewline === true ? { ...rest, penalizeNewline } : rest;
}
