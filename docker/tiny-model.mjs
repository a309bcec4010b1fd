// Writes the model that a backend has to run before it is chosen: `node tiny-model.mjs FILE`.
//
// A random llama of two layers, some 200 kB, the same bytes on every machine; it needs nothing but
// Node. Its text is noise. What counts is which kernels it needs: F16 weights go to the vendor's BLAS
// library as soon as a batch has more than a few tokens, Q4_0 ones to ggml's own kernels, and a head
// of 64 values to flash attention. A card that lacks one of them shows it here.
import { writeFileSync } from "node:fs";

const width = 64; // one head; a multiple of Q4_0's block
const hidden = 128;
const layers = 2;
const context = 256; // tokens
const bytes = Array.from({ length: 256 }, (_, byte) => byte);
// The least that llama.cpp's SentencePiece tokenizer starts with: a token for each byte.
const tokens = ["<unk>", "<s>", "</s>", ...bytes.map((byte) => `<0x${hex(byte)}>`)];
const tokenTypes = [2, 3, 3, ...bytes.map(() => 6)]; // unknown, control, control, byte

/** @param {number} byte */
function hex(byte) {
    return byte.toString(16).toUpperCase().padStart(2, "0");
}

/** Mulberry32: 32 random bits a call, from a fixed seed. */
let state = 20777;
function random() {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
}

// ---- GGUF, version 3 (ggml's docs/gguf.md): header, metadata, tensor list, tensor data -------------

const alignment = 32; // bytes
const type = { u32: 4, i32: 5, f32: 6, text: 8, array: 9 };

/** @param {number} value */
function u32(value) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
}

/** @param {number} value */
function f32(value) {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return bytes;
}

/** @param {number} value */
function u64(value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
}

/** @param {string} value */
function text(value) {
    const bytes = Buffer.from(value, "utf8");
    return Buffer.concat([u64(bytes.length), bytes]);
}

/**
 * @param {number} kind
 * @param {number | string} item
 */
function write(kind, item) {
    if (typeof item === "string") {
        return text(item);
    }
    return kind === type.f32 ? f32(item) : u32(item);
}

/**
 * @param {number} kind
 * @param {number | string} item
 */
function value(kind, item) {
    return Buffer.concat([u32(kind), write(kind, item)]);
}

/**
 * @param {number} kind
 * @param {(number | string)[]} items
 */
function array(kind, items) {
    const head = [u32(type.array), u32(kind), u64(items.length)];
    return Buffer.concat([...head, ...items.map((item) => write(kind, item))]);
}

/** @type {[string, Buffer][]} */
const metadata = [
    ["general.architecture", value(type.text, "llama")],
    ["general.name", value(type.text, "Mentator probe")],
    ["general.alignment", value(type.u32, alignment)],
    ["llama.context_length", value(type.u32, context)],
    ["llama.embedding_length", value(type.u32, width)],
    ["llama.block_count", value(type.u32, layers)],
    ["llama.feed_forward_length", value(type.u32, hidden)],
    ["llama.attention.head_count", value(type.u32, 1)],
    ["llama.attention.head_count_kv", value(type.u32, 1)],
    ["llama.attention.layer_norm_rms_epsilon", value(type.f32, 1e-5)],
    ["llama.rope.dimension_count", value(type.u32, width)],
    ["llama.vocab_size", value(type.u32, tokens.length)],
    ["tokenizer.ggml.model", value(type.text, "llama")],
    ["tokenizer.ggml.tokens", array(type.text, tokens)],
    ["tokenizer.ggml.scores", array(type.f32, tokens.map(() => 0))],
    ["tokenizer.ggml.token_type", array(type.i32, tokenTypes)],
    ["tokenizer.ggml.unknown_token_id", value(type.u32, 0)],
    ["tokenizer.ggml.bos_token_id", value(type.u32, 1)],
    ["tokenizer.ggml.eos_token_id", value(type.u32, 2)],
];

// ---- tensors: made of random bits, so nothing is rounded -------------------------------------------

/**
 * How the weights of a tensor are written.
 * @typedef {{ id: number, make: (count: number) => Buffer }} Kind
 * @typedef {[string, Kind, number[]]} Tensor its name, kind and shape
 */

/** @type {Kind} */
const float32 = { id: 0, make: (count) => Buffer.concat(Array.from({ length: count }, () => f32(1))) };

/**
 * Halves between 1/32 and 1/16, of either sign: an exponent of 10, a random mantissa.
 * @type {Kind}
 */
const float16 = {
    id: 1,
    make(count) {
        const bytes = Buffer.alloc(2 * count);
        for (let index = 0; index < count; index++) {
            const bits = random();
            bytes.writeUInt16LE(((bits & 1) << 15) | (10 << 10) | ((bits >>> 1) & 0x3ff), 2 * index);
        }
        return bytes;
    },
};

/**
 * Blocks of 32 values: a half as scale (1/128), then 16 bytes of two 4-bit values each.
 * @type {Kind}
 */
const quantized4 = {
    id: 2,
    make(count) {
        const blocks = Array.from({ length: count / 32 }, () => {
            const block = Buffer.alloc(18);
            block.writeUInt16LE(8 << 10);
            for (let index = 2; index < 18; index++) {
                block[index] = random() & 0xff;
            }
            return block;
        });
        return Buffer.concat(blocks);
    },
};

/**
 * @param {number} index
 * @returns {Tensor[]}
 */
function layer(index) {
    const at = `blk.${index}`;
    return [
        [`${at}.attn_norm.weight`, float32, [width]],
        [`${at}.attn_q.weight`, quantized4, [width, width]],
        [`${at}.attn_k.weight`, quantized4, [width, width]],
        [`${at}.attn_v.weight`, float16, [width, width]],
        [`${at}.attn_output.weight`, float16, [width, width]],
        [`${at}.ffn_norm.weight`, float32, [width]],
        [`${at}.ffn_gate.weight`, quantized4, [width, hidden]],
        [`${at}.ffn_up.weight`, float16, [width, hidden]],
        [`${at}.ffn_down.weight`, float16, [hidden, width]],
    ];
}

/** @type {Tensor[]} */
const tensors = [
    ["token_embd.weight", float16, [width, tokens.length]],
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
    ["output_norm.weight", float32, [width]],
    ["output.weight", float16, [width, tokens.length]],
];

/** @param {Buffer} buffer */
function padded(buffer) {
    return Buffer.concat([buffer, Buffer.alloc(-buffer.length & (alignment - 1))]);
}

function build() {
    const pairs = metadata.map(([key, bytes]) => Buffer.concat([text(key), bytes]));
    const list = [];
    const data = [];
    let offset = 0;
    for (const [name, kind, shape] of tensors) {
        const bytes = padded(kind.make(shape.reduce((product, size) => product * size, 1)));
        list.push(text(name), u32(shape.length), ...shape.map(u64), u32(kind.id), u64(offset));
        data.push(bytes);
        offset += bytes.length;
    }
    const head = [Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(metadata.length)];
    return Buffer.concat([padded(Buffer.concat([...head, ...pairs, ...list])), ...data]);
}

const [file] = process.argv.slice(2);
if (!file) {
    process.stderr.write("usage: node tiny-model.mjs FILE\n");
    process.exit(64);
}
writeFileSync(file, build());
