/** Writes what comes to the part, and keeps its sum. */

import type { Hash } from "node:crypto";
import { statfs } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import path from "node:path";
import { ServiceError } from "../errors.js";
import type { Partial } from "./partial.js";
import { badGateway } from "./wanted.js";

/** Written at once, bytes: also what is lost of a process that is killed. */
const PIECE = 256 * 1024;

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

/** Appends the body and continues the sum with it. @throws Cut where it ends too early */
export async function receive({ answer, partial, total, sum, signal, onBytes }: Receiving): Promise<void> {
    const handle = await partial.open();
    let waiting: Buffer[] = [];
    let size = 0;
    let checked = 0;
    const flush = async (): Promise<void> => {
        const bytes = Buffer.concat(waiting);
        waiting = [];
        size = 0;
        for (let done = 0; done < bytes.length; ) {
            const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, sum.bytes);
            sum.hash.update(bytes.subarray(done, done + bytesWritten));
            sum.bytes += bytesWritten;
            done += bytesWritten;
        }
        if (total === undefined && sum.bytes > checked + LOOK_AGAIN) {
            checked = sum.bytes;
            await requireSpace(partial, 0);
        }
        onBytes(sum.bytes, total);
    };
    const abort = (): void => void answer.destroy(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    try {
        try {
            for await (const chunk of answer as AsyncIterable<Buffer>) {
                waiting.push(chunk);
                size += chunk.length;
                if (total !== undefined && sum.bytes + size > total) {
                    waiting = [];
                    throw badGateway(`${partial.name} has more than the ${total} bytes that were announced.`);
                }
                if (size >= PIECE) {
                    await flush();
                }
            }
        } finally {
            await flush();
        }
        if (total !== undefined && sum.bytes !== total) {
            throw new Cut(`${sum.bytes} of ${total} bytes came`);
        }
    } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === "ENOSPC") {
            throw new ServiceError(507, `There is no space left for ${partial.name} in ${path.dirname(partial.target)}. ${sum.bytes} bytes are kept, and the next try continues with them.`);
        }
        throw thrown;
    } finally {
        signal.removeEventListener("abort", abort);
        await handle.close();
    }
}

