/** The configuration's keys: a row each, with type, limits, default, and the template's comment. */

import { messageOf } from "../errors.js";
import { originOf } from "../pull/hosts.js";
import { parseSource } from "../pull/source.js";

export interface Key {
    /** Dotted path in the file. */
    readonly path: string;
    readonly type: "integer" | "number" | "boolean" | "path" | "choice" | "text" | "name" | "texts" | "keys";
    readonly min?: number;
    readonly max?: number;
    /** 0 is allowed too, whatever `min` is. */
    readonly zero?: boolean;
    readonly choices?: readonly string[];
    /** Absent: the key is needed, or may be left out when `optional`. */
    readonly fallback?: number | boolean | string | readonly string[];
    readonly optional?: boolean;
    readonly absolute?: boolean;
    /** Fixed in container mode: a value in the file is ignored. */
    readonly fixedInContainer?: boolean;
    /** Never shown, not even in a fault. */
    readonly secret?: boolean;
    /** Why one of the texts cannot be used; undefined when it can. */
    readonly each?: (text: string) => string | undefined;
    /** Only in the template. */
    readonly example?: string;
    readonly comment: string;
}

function faultOfSource(text: string): string | undefined {
    try {
        parseSource(text);
        return undefined;
    } catch (thrown) {
        return messageOf(thrown);
    }
}

export const KEYS: readonly Key[] = [
    { path: "port", type: "integer", min: 1, max: 65535, fallback: 19777, fixedInContainer: true, comment: "TCP port of the HTTP API" },
    { path: "modelDir", type: "path", absolute: true, fixedInContainer: true, example: "/srv/mentator/models", comment: "Folder that is searched for *.gguf, with its subfolders; absolute" },
    { path: "dbFile", type: "path", absolute: true, fixedInContainer: true, example: "/srv/mentator/mentator-llm-service.db", comment: "SQLite file for logs and statistics; absolute" },
    { path: "toolDir", type: "path", optional: true, fixedInContainer: true, example: "/srv/mentator/tools", comment: "Folder of *.tool.txt; optional" },
    { path: "toolEnvDir", type: "path", optional: true, fixedInContainer: true, example: "/srv/mentator/toolsenv", comment: "Folder of *.toolenv.txt, the tools' secrets; optional" },
    { path: "apiKey", type: "text", secret: true, fallback: "", comment: "When it is set, every call needs Authorization: Bearer KEY. The variable MENTATOR_API_KEY overrides it" },
    { path: "apiKeys", type: "keys", secret: true, fallback: [], comment: "Keys of clients, e.g. [{\"name\": \"shop\", \"key\": \"...\", \"requestsPerMinute\": 60, \"requestsAtOnce\": 4}]; sha256 instead of key hides it, \"operator\": true lets it do all that apiKey may" },
    { path: "allowedHosts", type: "texts", fallback: [], comment: "Without a key: public names that browsers call this service by, e.g. [\"llm.example.org\", \"*.example.org\"]; local names and addresses always work" },
    { path: "corsOrigins", type: "texts", fallback: [], comment: "Origins whose pages may call, e.g. [\"https://example.org\"], or [\"*\"]; empty: none" },
    { path: "models", type: "texts", each: faultOfSource, fallback: [], comment: "Models that are pulled at the start, e.g. [\"hf:OWNER/REPO:Q4_K_M\"]. The variable MENTATOR_MODELS overrides it" },
    { path: "pull.hosts", type: "texts", each: (text) => (originOf(text) === undefined ? "has not the form HOST, HOST:PORT or http://HOST" : undefined), fallback: [], comment: "Hosts that models may be pulled from, beside Hugging Face's (or HF_ENDPOINT) and Ollama's; http://HOST for one without TLS" },
    { path: "pull.withoutKey", type: "boolean", fallback: false, comment: "Pull and delete models by the API also where no apiKey is set" },
    { path: "defaultOptions.temperature", type: "number", min: 0, fallback: 0.0, comment: "0: always the most likely token" },
    { path: "defaultOptions.topP", type: "number", min: 0, max: 1, fallback: 0.1, comment: "Choose among the smallest set of tokens with this probability together, 0..1" },
    { path: "defaultOptions.topK", type: "integer", min: 0, fallback: 10, comment: "Choose among the K most likely tokens; 0: all" },
    { path: "defaultOptions.minP", type: "number", min: 0, max: 1, fallback: 0, comment: "Lowest probability of a token, relative to the most likely one, 0..1" },
    { path: "defaultOptions.maxTokens", type: "integer", min: 1, fallback: 4096, comment: "Longest answer, in tokens" },
    { path: "defaultOptions.repeatPenalty", type: "number", min: 0, fallback: 1.0, comment: "1: none" },
    { path: "engine.slots", type: "integer", min: 1, max: 64, zero: true, fallback: 0, comment: "Requests of one model that generate at once, 1..64; 0: from memory and CPU quota" },
    { path: "engine.contextSize", type: "integer", min: 512, zero: true, fallback: 0, comment: "Context size of each slot in tokens, prompt and answer together, 512 or more; 0: from the model and the memory" },
    { path: "engine.batchSize", type: "integer", min: 16, max: 4096, zero: true, fallback: 0, comment: "Tokens in a batch at most, 16..4096; 0: from the CPU quota" },
    { path: "engine.preload", type: "name", fallback: "auto", comment: "The model that is loaded at the start: auto (the only one, or the one that was used last), off, or its name" },
    { path: "engine.queueSize", type: "integer", min: 1, max: 100_000, fallback: 256, comment: "Requests that may wait, 1..100000; one more is answered with 429" },
    { path: "engine.queueTimeLimit", type: "integer", min: 1, max: 86_400, zero: true, fallback: 600, comment: "Seconds that a request may wait, 1..86400; then it is answered with 503. 0: no limit" },
    { path: "engine.timeLimit", type: "integer", min: 1, max: 86_400, zero: true, fallback: 3600, comment: "Seconds that an answer may take where the request sets no limit, 1..86400; waiting and loading do not count. 0: no limit" },
    { path: "responses.liveHours", type: "integer", min: 1, max: 8760, zero: true, fallback: 24, comment: "Hours that answers of /v1/responses are kept with their questions, so that a conversation can go on by previous_response_id; requests with store: false are not kept. 0: none is" },
    { path: "tools.folders", type: "texts", absolute: true, fallback: [], comment: "Folders that server-side tools may read and write by LIB.fs, e.g. [\"/srv/reports\"]; absolute; empty: none" },
    { path: "tools.http", type: "boolean", fallback: true, comment: "Whether server-side tools may reach the network by LIB.http and LIB.fetch" },
    { path: "log.level", type: "choice", choices: ["error", "debug", "trace"], fallback: "debug", comment: "error, debug or trace" },
    { path: "log.format", type: "choice", choices: ["text", "json"], fallback: "text", comment: "Lines on standard output: text or json" },
    { path: "log.liveDay", type: "integer", min: 1, max: 365, fallback: 30, comment: "Days that the service's log is kept in the database, 1..365; prompts are kept as log.promptLiveDay says" },
    { path: "log.promptLiveDay", type: "integer", min: 1, max: 36_500, zero: true, fallback: 0, comment: "Days that prompts are kept, 1..36500; 0: for ever. What is older is deleted, and the log says so an hour before" },
    { path: "log.savePrompt", type: "boolean", fallback: false, comment: "Keep the texts of prompts and answers in the database" },
];

/** The objects of the file that hold keys. */
export const SECTIONS: Readonly<Record<string, string>> = {
    pull: "Models by name: POST /models/pull, DELETE /models/NAME",
    defaultOptions: "Options of a request that does not set them; all names that POST /check/options answers with",
    engine: "How models are run",
    responses: "The Responses API",
    tools: "What server-side tools may reach",
    log: "Logs, on standard output and in the database",
};
