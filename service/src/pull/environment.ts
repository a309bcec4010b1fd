/** What the environment says about pulling. Values in, values out. */

import { messageOf, StartError } from "../errors.js";
import { parseSource } from "./source.js";

const HUGGING_FACE = "https://huggingface.co";

export interface PullEnvironment {
    /** Sources; undefined where the variable is not set. */
    readonly models?: readonly string[];
    /** Hugging Face's or a mirror's, without a slash at the end. */
    readonly endpoint: string;
    readonly token: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws StartError with exit code 2; a fault does not show the token */
export function pullEnvironment({ MENTATOR_MODELS: models = "", HF_ENDPOINT: endpoint = "", HF_TOKEN: token = "" }: Environment): PullEnvironment {
    const faults: string[] = [];
    const sources = models.split(/[\s,]+/).filter((text) => text !== "");
    for (const source of sources) {
        try {
            parseSource(source);
        } catch (thrown) {
            faults.push(`MENTATOR_MODELS: ${messageOf(thrown)}`);
        }
    }
    const url = endpoint === "" ? HUGGING_FACE : endpoint.replace(/\/+$/, "");
    if (!/^https?:\/\/[^\s?#@]+$/.test(url) || !URL.canParse(url)) {
        faults.push("HF_ENDPOINT: must be an address like https://HOST, without user, query and fragment");
    }
    if (!/^[\x21-\x7e]*$/.test(token)) {
        faults.push("HF_TOKEN: must be a text without spaces and control characters");
    }
    if (faults.length > 0) {
        throw new StartError(2, faults);
    }
    return { ...(models.trim() === "" ? {} : { models: sources }), endpoint: url, token: token === "" ? undefined : token };
}

/** The hosts of the operator's own sources: naming one allows it. */
export function hostsOf(sources: readonly string[]): string[] {
    return sources.map(parseSource).flatMap((source) => {
        switch (source.kind) {
            case "url":
                return source.url.origin;
            case "registry":
                return source.host;
            case "hf":
                return [];
        }
    });
}
