/** Vectors in OpenAI's form. Pure. */

import { endianness } from "node:os";

/** 32-bit floats, little-endian: OpenAI's clients ask for this by default, since it is a fifth of the size. */
function base64Of(vector: readonly number[]): string {
    const floats = Buffer.from(new Float32Array(vector).buffer);
    return (endianness() === "BE" ? floats.swap32() : floats).toString("base64");
}

export function embeddingForm(model: string, vectors: readonly (readonly number[])[], tokens: number, base64: boolean): object {
    const data = vectors.map((vector, index) => ({ object: "embedding", index, embedding: base64 ? base64Of(vector) : vector }));
    return { object: "list", data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}
