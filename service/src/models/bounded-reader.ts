/** Reads numbers and texts from a file that is not trusted: never past its end, and never more than a limit. */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Bytes that are read at once; the most that a text which is kept may have. */
const WINDOW = 1024 ** 2;

/** Bytes of a header that are read, at most: real ones have up to 30 MiB. */
const MOST_BYTES = 128 * 1024 ** 2;

/** Why this is not a usable file. */
export class Malformed extends Error {}

export interface OpenFile {
    readonly handle: FileHandle;
    readonly size: number;
}

/**
 * Opens a regular file. Anything else (a FIFO, a device) would wait or never end, so it is not even waited for.
 * @throws Malformed, or what opening gives
 */
export async function openRegular(file: string): Promise<OpenFile> {
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
        const facts = await handle.stat();
        if (!facts.isFile()) {
            throw new Malformed("It is not a regular file.");
        }
        return { handle, size: facts.size };
    } catch (thrown) {
        await handle.close();
        throw thrown;
    }
}

/** A position in the file; every read is checked against the file's end before anything is allocated. */
export class BoundedReader {
    /** From the start of the file. */
    public at = 0;
    private readonly buffer = Buffer.alloc(WINDOW);
    /** What of the file `buffer` holds. */
    private from = 0;
    private to = 0;
    private bytesRead = 0;

    public constructor(
        private readonly handle: FileHandle,
        public readonly size: number,
    ) {}

    /** Steps over bytes without reading them. */
    public skip(count: number, what: string): void {
        this.require(count, what);
        this.at += count;
    }

    public async u32(what: string): Promise<number> {
        const at = await this.take(4, what);
        return this.buffer.readUInt32LE(at);
    }

    /** A count, a length or an offset. Above what a file can have, the number is not exact. */
    public async u64(what: string): Promise<number> {
        const at = await this.take(8, what);
        return this.buffer.readUInt32LE(at) + this.buffer.readUInt32LE(at + 4) * 2 ** 32;
    }

    /** The next bytes; valid until the next read. */
    public async bytes(count: number, what: string): Promise<Buffer> {
        const at = await this.take(count, what);
        return this.buffer.subarray(at, at + count);
    }

    /** Steps over texts, each with its length before it, without an await for each: vocabularies have hundreds of thousands. */
    public async skipStrings(count: number, what: string): Promise<void> {
        // Each takes at least its length's 8 bytes.
        this.require(count * 8, what);
        for (let left = count; left > 0; ) {
            await this.fill(8, what);
            while (left > 0 && this.at + 8 <= this.to) {
                const at = this.at - this.from;
                this.skip(8 + this.buffer.readUInt32LE(at) + this.buffer.readUInt32LE(at + 4) * 2 ** 32, what);
                left -= 1;
            }
        }
    }

    private require(count: number, what: string): void {
        if (!(this.at + count <= this.size)) {
            throw new Malformed(`It is cut short or damaged: its ${this.size} bytes end within ${what}.`);
        }
    }

    /** @returns where in `buffer` the bytes begin */
    private async take(count: number, what: string): Promise<number> {
        await this.fill(count, what);
        this.at += count;
        return this.at - count - this.from;
    }

    /** Makes sure that `buffer` holds the next bytes. */
    private async fill(count: number, what: string): Promise<void> {
        this.require(count, what);
        if (this.at >= this.from && this.at + count <= this.to) {
            return;
        }
        if (count > WINDOW) {
            throw new Malformed(`It is damaged: ${what} claims ${count} bytes.`);
        }
        this.from = this.at;
        this.to = this.at;
        while (this.to - this.from < count) {
            const { bytesRead } = await this.handle.read(this.buffer, this.to - this.from, WINDOW - (this.to - this.from), this.to);
            if (bytesRead === 0) {
                throw new Malformed(`It became shorter while it was read.`);
            }
            this.to += bytesRead;
            this.bytesRead += bytesRead;
        }
        if (this.bytesRead > MOST_BYTES) {
            throw new Malformed(`It is damaged: its header has more than ${MOST_BYTES / 1024 ** 2} MiB.`);
        }
    }
}
