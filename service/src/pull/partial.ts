/**
 * What has come so far of a file, and the note beside it that says of what it is a part. Both outlive an interruption;
 * without the note the bytes are worthless.
 */

import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { chmod, type FileHandle, mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Wanted } from "./wanted.js";

/** Below modelDir, so that a complete file only needs another name. Hidden: the search for models passes it. */
export const DOWNLOADS = ".downloads";

/** Of the file on the server. */
export interface Note {
    /** A digest of the address, which may hold a secret, or the sum that is wanted. */
    readonly of: string;
    readonly etag?: string;
    readonly modified?: string;
    readonly total?: number;
}

/** What the bytes must be of. */
export function identityOf({ url, sha256 }: Wanted): string {
    return sha256 ?? `url ${createHash("sha256").update(url.href).digest("hex")}`;
}

const READ = 1024 ** 2;

/** Bytes of a note, at most. */
const LONGEST_NOTE = 64 * 1024;

export class Partial {
    public readonly file: string;
    public readonly lockFile: string;
    private readonly noteFile: string;

    public constructor(
        private readonly modelDir: string,
        public readonly name: string,
    ) {
        const base = path.join(modelDir, DOWNLOADS, name);
        this.file = `${base}.part`;
        this.noteFile = `${base}.part.json`;
        this.lockFile = `${base}.lock`;
    }

    public get target(): string {
        return path.join(this.modelDir, this.name);
    }

    public async prepare(): Promise<void> {
        await mkdir(path.dirname(this.file), { recursive: true });
    }

    /** Bytes that have come. */
    public async size(): Promise<number> {
        return stat(this.file).then((facts) => facts.size, () => 0);
    }

    public async note(): Promise<Note | undefined> {
        try {
            const { size } = await stat(this.noteFile);
            return size > LONGEST_NOTE ? undefined : (JSON.parse(await readFile(this.noteFile, "utf8")) as Note);
        } catch {
            return undefined;
        }
    }

    /** Starts from nothing. Emptied first: a note must never describe older bytes. */
    public async begin(note: Note): Promise<void> {
        await writeFile(this.file, "");
        await writeFile(`${this.noteFile}~`, JSON.stringify(note));
        await rename(`${this.noteFile}~`, this.noteFile);
    }

    /** Forgets what came. */
    public async drop(): Promise<void> {
        await rm(this.file, { force: true });
        await rm(this.noteFile, { force: true });
    }

    /** To write on at the end. */
    public async open(): Promise<FileHandle> {
        return open(this.file, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
    }

    /** The sum of what has come, to be continued. */
    public async sum(signal: AbortSignal): Promise<Hash> {
        return sumOf(this.file, signal);
    }

    /** Gives the complete file its name, once its bytes are on the disk. */
    public async finish(): Promise<void> {
        const handle = await open(this.file, "r");
        try {
            await handle.sync();
        } finally {
            await handle.close();
        }
        await chmod(this.file, 0o644);
        await rename(this.file, this.target);
        await rm(this.noteFile, { force: true });
    }

    /** When the target is there: whoever waits for the lock finds it then. */
    public async unlock(): Promise<void> {
        await rm(this.lockFile, { force: true });
    }
}

/** SHA-256 so far; of a file that is not there, of nothing. */
export async function sumOf(file: string, signal: AbortSignal): Promise<Hash> {
    const hash = createHash("sha256");
    const handle = await open(file, "r").catch(() => undefined);
    try {
        const buffer = Buffer.allocUnsafe(READ);
        for (let read = 1; handle !== undefined && read > 0; ) {
            signal.throwIfAborted();
            ({ bytesRead: read } = await handle.read(buffer, 0, READ));
            hash.update(buffer.subarray(0, read));
        }
    } finally {
        await handle?.close();
    }
    return hash;
}
