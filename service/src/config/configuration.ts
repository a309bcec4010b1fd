/** What the rest of the service sees of the configuration file. */

import type { EngineSettings } from "../engine/sizing.js";
import type { LogFormat, LogLevel } from "../log.js";
import type { Access } from "../tools/access.js";
import type { NamedKey } from "./api-keys.js";
import type { PromptOptions } from "./options.js";

/** How the next token is chosen, and how many at most. */
export interface GenerationOptions {
    readonly temperature: number;
    readonly topP: number;
    readonly topK: number;
    readonly minP: number;
    /** Tokens of the answer, at most. */
    readonly maxTokens: number;
    /** 1: no penalty. */
    readonly repeatPenalty: number;
    /** -2 to 2, as OpenAI has them; 0 is none. */
    readonly frequencyPenalty?: number;
    readonly presencePenalty?: number;
    /** Last tokens that the penalties look at; absent: 64. */
    readonly repeatPenaltyNum?: number;
    /** Whether penalties count for line ends. */
    readonly penalizeNewline?: boolean;
    /** Added to the logits: by a token's id, or by a text for each of its tokens. Absent: none. */
    readonly tokenBias?: Readonly<Record<string, number>>;
    /** Has an effect only with a temperature above 0. */
    readonly seed?: number;
}

export interface Paths {
    readonly modelDir: string;
    readonly dbFile: string;
    readonly toolDir?: string;
    readonly toolEnvDir?: string;
}

export interface Configuration extends Paths {
    readonly port: number;
    /** Empty: no key is needed. */
    readonly apiKey: string;
    readonly apiKeys: readonly NamedKey[];
    readonly allowedHosts: readonly string[];
    readonly corsOrigins: readonly string[];
    /** Sources that are pulled at the start. */
    readonly models: readonly string[];
    readonly pull: {
        readonly hosts: readonly string[];
        /** Also where no API key is set. */
        readonly withoutKey: boolean;
    };
    readonly defaultOptions: PromptOptions;
    readonly engine: EngineSettings;
    /** "auto", "off" or a model's name. */
    readonly preload: string;
    /** 0: none. */
    readonly limits: { readonly answerSeconds: number; readonly queueSeconds: number };
    /** Hours that answers of /v1/responses are kept; 0: not at all. */
    readonly responses: { readonly liveHours: number };
    readonly tools: Access;
    readonly log: {
        readonly level: LogLevel;
        readonly format: LogFormat;
        /** Days that rows of the service's log are kept. */
        readonly liveDay: number;
        /** Days that prompts are kept; 0: for ever. */
        readonly promptLiveDay: number;
        readonly savePrompt: boolean;
    };
}
