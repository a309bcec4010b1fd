/** Writes what comes to the part, and keeps its sum. */

import type { Hash } from "node:crypto";
import { type FileHandle, statfs } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import path from "node:path";
import { ServiceError } from "../errors.js";
import type { Partial } from "./partial.js";
import { badGateway } from "./wanted.js";

/** Written at once, bytes: twice as much is lost of a process that is killed. */
const PIECE = 512 * 1024;

/** Bytes that stay free, for the database and the log. */
const RESERVE = 64 * 1024 ** 2;

/** How often free space is looked at where the server does not say how much comes, bytes. */
const LOOK_AGAIN = 64 * 1024 ** 2;

/** @param total bytes; undefined where the server does not say */
export type OnBytes = (completed: number, total: number | undefined) => void;

class Cut extends Error {}

/** The sum of the first bytes of a part. */
export interface Sum {
    readonly hash: Hash;
    bytes: number;
}

interface Receiving {
    readonly answer: IncomingMessage;
    readonly partial: Partial;
    /** Bytes of the whole file; undefined where nobody says. */
    readonly total: number | undefined;
    readonly sum: Sum;
    readonly signal: AbortSignal;
    readonly onBytes: OnBytes;
}

/** @throws ServiceError 507 */
export async function requireSpace(partial: Partial, bytes: number): Promise<void> {
    const folder = path.dirname(partial.file);
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    if (free < bytes + RESERVE) {
        throw new ServiceError(507, `${partial.name} needs ${megabytes(bytes + RESERVE)}, and ${megabytes(free)} are free in ${path.dirname(folder)}. Free some space there.`);
    }
}

function megabytes(bytes: number): string {
    return `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}

/**
 * Appends the body and continues the sum with it. A piece is written while the next one comes and is summed.
 * @throws Cut where it ends too early
 */
export async function receive({ answer, partial, total, sum, signal, onBytes }: Receiving): Promise<void> {
    const handle = await partial.open();
    let waiting: Buffer[] = [];
    let size = 0;
    let checked = 0;
    let writing: Promise<void> = Promise.resolve();
    const write = async (chunks: readonly Buffer[], bytes: number): Promise<void> => {
        try {
            await writeAll(handle, chunks, sum.bytes);
        } catch (thrown) {
            // The sum is ahead of the file now: it has to be made again.
            sum.bytes = -1;
            throw thrown;
        }
        sum.bytes += bytes;
        if (total === undefined && sum.bytes > checked + LOOK_AGAIN) {
            checked = sum.bytes;
            await requireSpace(partial, 0);
        }
        onBytes(sum.bytes, total);
    };
    const flush = async (): Promise<void> => {
        await writing;
        const [chunks, bytes] = [waiting, size];
        waiting = [];
        size = 0;
        writing = write(chunks, bytes);
        // A failure is told where it is waited for.
        writing.catch(() => undefined);
        chunks.forEach((chunk) => sum.hash.update(chunk));
    };
    const abort = (): void => void answer.destroy(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    let came = sum.bytes;
    try {
        try {
            for await (const chunk of answer as AsyncIterable<Buffer>) {
                came += chunk.length;
                if (total !== undefined && came > total) {
                    throw badGateway(`${partial.name} has more than the ${total} bytes that were announced.`);
                }
                waiting.push(chunk);
                size += chunk.length;
                if (size >= PIECE) {
                    await flush();
                }
            }
        } finally {
            await flush();
            await writing;
        }
        if (total !== undefined && sum.bytes !== total) {
            throw new Cut(`${sum.bytes} of ${total} bytes came`);
        }
    } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === "ENOSPC") {
            throw new ServiceError(507, `There is no space left for ${partial.name} in ${path.dirname(partial.target)}. What came is kept, and the next try continues with it.`);
        }
        throw thrown;
    } finally {
        signal.removeEventListener("abort", abort);
        await handle.close();
    }
}

async function writeAll(handle: FileHandle, chunks: readonly Buffer[], at: number): Promise<void> {
    let left = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (left === 0) {
        return;
    }
    const { bytesWritten } = await handle.writev([...chunks], at);
    left -= bytesWritten;
    for (let done = bytesWritten, all: Buffer | undefined; left > 0; ) {
        // Seldom: a file system that is nearly full.
        all ??= Buffer.concat(chunks);
        const wrote = (await handle.write(all, done, left, at + done)).bytesWritten;
        done += wrote;
        left -= wrote;
    }
}
