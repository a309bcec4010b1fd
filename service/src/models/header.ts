/**
 * What a GGUF file's header says (ggml/docs/gguf.md, versions 2 and 3, little endian), without loading the model.
 * Nothing that the file claims is believed before it is compared with the file's size, so a hostile or a half-copied
 * file costs neither memory nor time. That is why the reader is ours: node-llama-cpp's allocates what the file claims.
 */

import { BoundedReader, Malformed, openRegular } from "./bounded-reader.js";
import { ARRAY, FIRST_UNKNOWN_TYPE, LAST_UNKNOWN_TYPE, SCALAR_BYTES, STRING, TENSOR_TYPES } from "./ggml-types.js";

/** Far above any real model. */
const MOST_KEYS = 65_536;
const MOST_TENSORS = 262_144;

/** Bytes of a key (the specification's limit) and of a tensor's name (above llama.cpp's 64). */
const LONGEST_KEY = 65_535;
const LONGEST_NAME = 1024;

/** Bytes of a text that is kept, by key: chat templates have up to 100 kB, all others are names. */
const LONGEST_TEXT = 256;
const LONGEST_TEMPLATE = 1024 ** 2;
const TEMPLATE = "tokenizer.chat_template";

/** Keys that are kept, at most: a file may have one that ends so for each of many architectures. */
const MOST_KEPT = 64;

/** The keys that somebody asks for; `.` at the begin stands for the architecture. */
const KEPT = new Set([
    "general.architecture",
    "general.type",
    "general.alignment",
    "split.no",
    "split.count",
    TEMPLATE,
    ".block_count",
    ".pooling_type",
]);

/** Tensors that only a rerank model has, its classification head. */
const RANK_TENSORS = new Set(["cls.weight", "cls.output.weight"]);

/** What is often found under a model's name instead of a model. */
const IMPOSTORS: readonly (readonly [begin: string, what: string])[] = [
    ["version https://git-lfs", "It is a Git LFS pointer: the file itself was never fetched."],
    ["<", "It begins like a web page: a link to the page was saved, not the file."],
    ["PK\x03\x04", "It is a zip archive."],
    ["tjgg", "It is a GGJT file, older than GGUF."],
    ["lmgg", "It is a GGML file, older than GGUF."],
    ["\0\0\0\0", "It begins with zeros: a download or copy that is not complete."],
];

export interface Header {
    /** What is kept of the metadata. */
    readonly metadata: ReadonlyMap<string, string | number>;
    readonly tensors: number;
    readonly hasRankHead: boolean;
    /** Bytes of the file, and what it needs for all tensors. */
    readonly size: number;
    readonly needed: number;
}

/** @throws Malformed, or what opening and reading give */
export async function readHeader(file: string): Promise<Header> {
    const { handle, size } = await openRegular(file);
    try {
        return await read(new BoundedReader(handle, size));
    } finally {
        await handle.close();
    }
}

async function read(reader: BoundedReader): Promise<Header> {
    const { size } = reader;
    if (size < 24) {
        throw new Malformed(`It has ${size} bytes; a GGUF header alone has more.`);
    }
    await checkMagic(reader);
    await checkVersion(reader);
    const tensors = await reader.u64("the header");
    const keys = await reader.u64("the header");
    if (tensors > MOST_TENSORS || keys > MOST_KEYS) {
        throw new Malformed(`It is damaged: it claims ${tensors} tensors and ${keys} metadata keys.`);
    }
    const metadata = new Map<string, string | number>();
    for (let index = 0; index < keys; index += 1) {
        await readKey(reader, metadata);
    }
    const alignment = metadata.get("general.alignment") ?? 32;
    if (typeof alignment !== "number" || alignment < 1 || !Number.isInteger(Math.log2(alignment))) {
        throw new Malformed(`It is damaged: its alignment, ${alignment}, is not a power of two.`);
    }
    let end = 0;
    let hasRankHead = false;
    for (let index = 0; index < tensors; index += 1) {
        const tensor = await readTensor(reader);
        end = Math.max(end, tensor.end);
        hasRankHead ||= RANK_TENSORS.has(tensor.name);
    }
    const needed = tensors === 0 ? reader.at : Math.ceil(reader.at / alignment) * alignment + end;
    return { metadata, tensors, hasRankHead, size, needed };
}

async function checkMagic(reader: BoundedReader): Promise<void> {
    const begin = (await reader.bytes(Math.min(64, reader.size), "the magic")).toString("latin1");
    if (!begin.startsWith("GGUF")) {
        const [, what] = IMPOSTORS.find(([mark]) => begin.startsWith(mark)) ?? [];
        throw new Malformed(what ?? `It is not a GGUF file: it begins with ${JSON.stringify(begin.slice(0, 4))}.`);
    }
    reader.at = 4;
}

async function checkVersion(reader: BoundedReader): Promise<void> {
    const version = await reader.u32("the version");
    if (version === 2 || version === 3) {
        return;
    }
    const swapped = Buffer.from(Uint32Array.of(version).buffer).swap32().readUInt32LE(0);
    const shown = swapped < 16 ? `big-endian GGUF, version ${swapped}` : `GGUF version ${version}`;
    throw new Malformed(`It is ${shown}; versions 2 and 3, little endian, can be read. Convert it again.`);
}

/** One key and its value, kept where somebody asks for it. */
async function readKey(reader: BoundedReader, metadata: Map<string, string | number>): Promise<void> {
    const length = await reader.u64("a metadata key");
    if (length > LONGEST_KEY) {
        throw new Malformed(`It is damaged: a metadata key claims ${length} bytes.`);
    }
    const key = (await reader.bytes(length, "a metadata key")).toString("utf8");
    const what = key.slice(0, 100);
    const kept = metadata.size < MOST_KEPT && (KEPT.has(key) || KEPT.has(key.slice(Math.max(0, key.lastIndexOf(".")))));
    if (kept && metadata.has(key)) {
        throw new Malformed(`It is damaged: it has ${what} twice.`);
    }
    const type = await reader.u32(what);
    const scalar = SCALAR_BYTES.get(type);
    if (scalar !== undefined) {
        const bytes = await reader.bytes(scalar, what);
        if (kept) {
            metadata.set(key, numberOf(bytes, type));
        }
    } else if (type === STRING) {
        const count = await reader.u64(what);
        if (kept && count <= (key === TEMPLATE ? LONGEST_TEMPLATE : LONGEST_TEXT)) {
            metadata.set(key, (await reader.bytes(count, what)).toString("utf8"));
        } else {
            reader.skip(count, what);
        }
    } else if (type === ARRAY) {
        await skipArray(reader, what);
    } else {
        throw new Malformed(`It is damaged: ${what} has the unknown type ${type}.`);
    }
}

function numberOf(bytes: Buffer, type: number): number {
    switch (type) {
        case 6:
            return bytes.readFloatLE(0);
        case 12:
            return bytes.readDoubleLE(0);
        default:
            // Negative numbers are large ones then, which is as wrong for every key that is kept.
            return bytes.length === 8 ? Number(bytes.readBigUInt64LE(0)) : bytes.readUIntLE(0, bytes.length);
    }
}

async function skipArray(reader: BoundedReader, what: string): Promise<void> {
    const type = await reader.u32(what);
    const count = await reader.u64(what);
    const scalar = SCALAR_BYTES.get(type);
    if (scalar !== undefined) {
        reader.skip(count * scalar, what);
    } else if (type === STRING) {
        await reader.skipStrings(count, what);
    } else {
        // llama.cpp refuses arrays of arrays as well.
        throw new Malformed(`It is damaged: ${what} is an array of the unknown type ${type}.`);
    }
}

/** Name, and where the data ends, in bytes from the start of all data. */
async function readTensor(reader: BoundedReader): Promise<{ readonly name: string; readonly end: number }> {
    const length = await reader.u64("the list of tensors");
    if (length > LONGEST_NAME) {
        throw new Malformed(`It is damaged: a tensor's name claims ${length} bytes.`);
    }
    const name = (await reader.bytes(length, "the list of tensors")).toString("utf8");
    const dimensions = await reader.u32(name);
    if (dimensions < 1 || dimensions > 4) {
        throw new Malformed(`It is damaged: ${name} has ${dimensions} dimensions.`);
    }
    let elements = 1;
    for (let index = 0; index < dimensions; index += 1) {
        elements *= await reader.u64(name);
    }
    const type = await reader.u32(name);
    const offset = await reader.u64(name);
    const block = TENSOR_TYPES.get(type);
    if (block === undefined) {
        if (type < FIRST_UNKNOWN_TYPE || type > LAST_UNKNOWN_TYPE) {
            throw new Malformed(`It is damaged: the type of ${name}, ${type}, is not one of ggml's.`);
        }
        // A type newer than the table: llama.cpp decides about it.
        return { name, end: offset + 1 };
    }
    return { name, end: offset + Math.ceil(elements / block[0]) * block[1] };
}
