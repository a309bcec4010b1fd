/** What a GGUF file is, from its header. Values in, values out. */

import type { Header } from "./header.js";

/** What a model can be asked for: text, vectors, or a score for two texts. */
export type ModelKind = "chat" | "embedding" | "rerank";

/** What a file's header says about it. */
export interface ModelFacts {
    readonly kind: ModelKind;
    readonly layerCount?: number;
    readonly isReasoning?: boolean;
}

/** The place of a file among the files of a split model. */
export interface Part {
    /** Counted from 1. */
    readonly number: number;
    readonly of: number;
}

/** Of one file. */
export interface FileFacts {
    /** Why requests cannot name it, in a few words; absent for a model or a part of one. */
    readonly leftOut?: string;
    /** It is shorter than its tensors need. */
    readonly incomplete: boolean;
    readonly part?: Part;
    readonly facts: ModelFacts;
}

/** A chat template of a reasoning model has one of these. */
const REASONING_MARKS = ["<think>", "enable_thinking", "reasoning_content", "<|channel|>"];

/** `general.type` of llama.cpp's converters, and files that are older than that key, by architecture. */
const NO_MODELS: ReadonlyMap<string, string> = new Map([
    ["mmproj", "a projector for images or sound (mmproj), which belongs to a model"],
    ["clip", "a projector for images or sound (mmproj), which belongs to a model"],
    ["adapter", "an adapter (LoRA), which belongs to a model"],
    ["controlvector", "a control vector, which belongs to a model"],
    ["imatrix", "an importance matrix, which is for quantizing"],
    ["eagle3", "a draft model, which belongs to a larger one"],
    ["dflash", "a draft model, which belongs to a larger one"],
    ["gemma4-assistant", "a draft model, which belongs to a larger one"],
    ["wavtokenizer-dec", "a decoder for sound"],
    ["t5", "a model with encoder and decoder, which this service cannot run"],
    ["dream", "a diffusion model, which this service cannot run"],
    ["llada", "a diffusion model, which this service cannot run"],
    ["llada-moe", "a diffusion model, which this service cannot run"],
    ["rnd1", "a diffusion model, which this service cannot run"],
]);

/** Encoders: they have no output layer, so that llama.cpp ends the process where they are asked for text. */
const ENCODERS = new Set([
    "bert",
    "modern-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "neo-bert",
    "jina-bert-v2",
    "jina-bert-v3",
    "eurobert",
    "gemma-embedding",
    "llama-embed",
    "t5encoder",
]);

/** `LLAMA_POOLING_TYPE_RANK`; 1 to 3 are ways to get one vector of a text, 0 is none. */
const POOLING_RANK = 4;

export function judge(header: Header): FileFacts {
    const { metadata, tensors, size, needed } = header;
    const text = (key: string): string | undefined => {
        const value = metadata.get(key);
        return typeof value === "string" ? value : undefined;
    };
    const number = (key: string): number | undefined => {
        const value = metadata.get(key);
        return typeof value === "number" ? value : undefined;
    };
    const architecture = text("general.architecture") ?? "";
    const type = text("general.type") ?? "model";
    const layerCount = number(`${architecture}.block_count`);
    const template = text("tokenizer.chat_template");
    const facts: ModelFacts = {
        kind: kindOf(architecture, number(`${architecture}.pooling_type`) ?? 0, header.hasRankHead),
        ...(layerCount === undefined ? {} : { layerCount }),
        ...(template === undefined ? {} : { isReasoning: REASONING_MARKS.some((mark) => template.includes(mark)) }),
    };
    const incomplete = needed > size;
    const parts = number("split.count") ?? 0;
    if (parts > 1) {
        const part = { number: (number("split.no") ?? 0) + 1, of: parts };
        // All but the first have hardly any metadata, and the first may have no tensors.
        const leftOut = part.number === 1 ? reasonToLeaveOut(architecture, type, 1) : undefined;
        return { facts, incomplete, part, ...(leftOut === undefined ? {} : { leftOut }) };
    }
    const leftOut = reasonToLeaveOut(architecture, type, tensors);
    return { facts, incomplete, ...(leftOut === undefined ? {} : { leftOut }) };
}

function kindOf(architecture: string, pooling: number, hasRankHead: boolean): ModelKind {
    if (pooling === POOLING_RANK || hasRankHead) {
        return "rerank";
    }
    return ENCODERS.has(architecture) || (pooling > 0 && pooling < POOLING_RANK) ? "embedding" : "chat";
}

/** Undefined for a model. */
function reasonToLeaveOut(architecture: string, type: string, tensors: number): string | undefined {
    const known = NO_MODELS.get(type) ?? NO_MODELS.get(architecture);
    if (known !== undefined) {
        return known;
    }
    if (architecture === "") {
        return "damaged: its metadata lacks general.architecture";
    }
    if (type !== "model") {
        return `not a model: its type is "${type.slice(0, 40)}"`;
    }
    return tensors === 0 ? "a vocabulary without weights" : undefined;
}
