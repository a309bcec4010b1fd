/** What a GGUF file's header says, without loading the model. */

import { stat } from "node:fs/promises";
import { ServiceError } from "../errors.js";
import type { ModelFacts } from "../models/catalog.js";
import { loadLibrary } from "./library.js";

/** Long lists that are not needed here. */
const IGNORED_KEYS = [
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.scores",
    "tokenizer.ggml.token_type",
    "tokenizer.ggml.merges",
];

/** A chat template of a reasoning model has one of these. */
const REASONING_MARKS = ["<think>", "enable_thinking", "reasoning_content", "<|channel|>"];

function numberOf(value: unknown): number | undefined {
    return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

/** @throws when the file is not a GGUF file */
export async function inspectGguf(file: string): Promise<ModelFacts> {
    const { readGgufFileInfo } = await loadLibrary();
    const info = await readGgufFileInfo(file, {
        readTensorInfo: false,
        sourceType: "filesystem",
        ignoreKeys: IGNORED_KEYS,
        logWarnings: false,
    });
    const layerCount = numberOf(info.architectureMetadata.block_count);
    const template = (info.metadata as { tokenizer?: { chat_template?: unknown } }).tokenizer?.chat_template;
    return {
        ...(layerCount === undefined ? {} : { layerCount }),
        ...(typeof template === "string" ? { isReasoning: REASONING_MARKS.some((mark) => template.includes(mark)) } : {}),
    };
}

/**
 * Finds the faults of a file that its header shows. llama.cpp would find them too, but only after other models
 * were unloaded for it.
 * @throws ServiceError
 */
export async function checkGguf(name: string, file: string): Promise<void> {
    const { readGgufFileInfo } = await loadLibrary();
    let ends: number;
    try {
        const info = await readGgufFileInfo(file, {
            sourceType: "filesystem",
            ignoreKeys: IGNORED_KEYS,
            logWarnings: false,
            spliceSplitFiles: false,
        });
        const last = Math.max(0, ...(info.tensorInfo ?? []).map((tensor) => Number(tensor.offset)));
        ends = (info.infoEndOffset ?? 0) + last;
    } catch (thrown) {
        throw new ServiceError(500, `The model ${name} cannot be loaded, its file is damaged or not a GGUF file: ${String(thrown)}`);
    }
    const { size } = await stat(file);
    if (size <= ends) {
        throw new ServiceError(500, `The model ${name} cannot be loaded, its file is cut short: it has ${size} bytes and needs more than ${ends}. Copy it again.`);
    }
}
