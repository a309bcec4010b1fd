/** A model's file with another chat template, for tests: the same weights with a new header. */

import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { u64 } from "./gguf-files.js";

const KEY = "tokenizer.chat_template";
const ALIGNMENT = 32;
/** Bytes that hold the whole header of a small model. */
const HEADER = 16 * 1024 ** 2;

const BYTES: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

/** Where things are in a header (ggml/docs/gguf.md, version 3). */
class Cursor {
    public at = 24;

    public constructor(private readonly bytes: Buffer) {}

    public u32(): number {
        this.at += 4;
        return this.bytes.readUInt32LE(this.at - 4);
    }

    public u64(): number {
        this.at += 8;
        return Number(this.bytes.readBigUInt64LE(this.at - 8));
    }

    public text(): string {
        const length = this.u64();
        this.at += length;
        return this.bytes.toString("utf8", this.at - length, this.at);
    }

    public skip(type: number): void {
        if (type === 8) {
            this.text();
        } else if (type === 9) {
            const [of, count] = [this.u32(), this.u64()];
            for (let index = 0; index < count; index += 1) {
                this.skip(of);
            }
        } else {
            this.at += BYTES[type] ?? 0;
        }
    }
}

function aligned(length: number): number {
    return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

/** @param from a GGUF file with a template @param to is written */
export function writeWithTemplate(from: string, to: string, template: string): void {
    const file = openSync(from, "r");
    const bytes = Buffer.alloc(Math.min(HEADER, statSync(from).size));
    readSync(file, bytes, 0, bytes.length, 0);
    const [tensors, keys] = [Number(bytes.readBigUInt64LE(8)), Number(bytes.readBigUInt64LE(16))];
    const cursor = new Cursor(bytes);
    let begin = 0;
    let end = 0;
    for (let index = 0; index < keys; index += 1) {
        const key = cursor.text();
        const type = cursor.u32();
        const at = cursor.at;
        cursor.skip(type);
        if (key === KEY) {
            [begin, end] = [at, cursor.at];
        }
    }
    for (let index = 0; index < tensors; index += 1) {
        cursor.text();
        const dimensions = cursor.u32();
        cursor.at += dimensions * 8 + 4 + 8;
    }
    const header = Buffer.concat([bytes.subarray(0, begin), u64(Buffer.byteLength(template)), Buffer.from(template), bytes.subarray(end, cursor.at)]);
    const out = openSync(to, "w");
    writeSync(out, Buffer.concat([header, Buffer.alloc(aligned(header.length) - header.length)]));
    const piece = Buffer.alloc(8 * 1024 ** 2);
    for (let at = aligned(cursor.at); ; ) {
        const read = readSync(file, piece, 0, piece.length, at);
        if (read === 0) {
            break;
        }
        writeSync(out, piece, 0, read);
        at += read;
    }
    closeSync(out);
    closeSync(file);
}
