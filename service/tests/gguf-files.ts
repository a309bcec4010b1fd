/** GGUF files for tests, byte by byte, as right or as wrong as a test wants. */

export type Value =
    | { readonly u32: number }
    | { readonly u16: number }
    | { readonly text: string }
    | { readonly texts: readonly string[] }
    | { readonly raw: Buffer };

interface Tensor {
    readonly name: string;
    readonly shape: readonly number[];
    /** ggml's number; 0 is F32. */
    readonly type?: number;
    readonly offset?: number;
}

export interface Gguf {
    readonly magic?: string;
    readonly version?: number;
    readonly keys?: Readonly<Record<string, Value>>;
    readonly tensors?: readonly Tensor[];
    /** What the header claims, where it is not the truth. */
    readonly claims?: { readonly tensors?: bigint; readonly keys?: bigint };
    /** Bytes of data after the header; absent: what the tensors need (as F32). */
    readonly data?: number;
}

export const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
export const u64 = (value: bigint | number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

function valueBytes(value: Value): Buffer {
    if ("u32" in value) {
        return Buffer.concat([u32(4), u32(value.u32)]);
    }
    if ("u16" in value) {
        return Buffer.concat([u32(2), Buffer.from(Uint16Array.of(value.u16).buffer)]);
    }
    if ("text" in value) {
        return Buffer.concat([u32(8), text(value.text)]);
    }
    if ("texts" in value) {
        return Buffer.concat([u32(9), u32(8), u64(value.texts.length), ...value.texts.map(text)]);
    }
    return value.raw;
}

/** A file's bytes. Without anything said: a small model of two layers. */
export function gguf(given: Gguf = {}): Buffer {
    const keys = given.keys ?? { "general.architecture": { text: "llama" }, "llama.block_count": { u32: 2 } };
    const tensors = given.tensors ?? [{ name: "token_embd.weight", shape: [8, 4] }];
    const parts = [Buffer.from(given.magic ?? "GGUF"), u32(given.version ?? 3), u64(given.claims?.tensors ?? tensors.length), u64(given.claims?.keys ?? Object.keys(keys).length)];
    for (const [key, value] of Object.entries(keys)) {
        parts.push(text(key), valueBytes(value));
    }
    let end = 0;
    for (const { name, shape, type, offset } of tensors) {
        const at = offset ?? end;
        parts.push(text(name), u32(shape.length), ...shape.map(u64), u32(type ?? 0), u64(at));
        end = Math.max(end, at + shape.reduce((product, side) => product * side, 4));
    }
    const header = Buffer.concat(parts);
    const padding = Buffer.alloc(tensors.length === 0 ? 0 : (32 - (header.length % 32)) % 32);
    return Buffer.concat([header, padding, Buffer.alloc(given.data ?? end)]);
}

/** Of one architecture, with more keys. */
export function model(architecture: string, keys: Readonly<Record<string, Value>> = {}, tensors?: readonly Tensor[]): Buffer {
    return gguf({ keys: { "general.architecture": { text: architecture }, ...keys }, ...(tensors === undefined ? {} : { tensors }) });
}

/** Part `number` (from 1) of a model in `of` parts. */
export function part(number: number, of: number): Buffer {
    const split = { "split.no": { u16: number - 1 }, "split.count": { u16: of } };
    return number === 1 ? model("llama", { ...split, "llama.block_count": { u32: 2 } }) : gguf({ keys: split });
}
