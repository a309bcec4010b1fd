/** Finds the files below a folder whose names end like a GGUF file's. */

import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { messageOf } from "../errors.js";
import type { ModelFile } from "./naming.js";

/** A folder that was searched. */
export interface Folder {
    /** Absolute. */
    readonly path: string;
    /** Device and inode: the folder may be another one under the same name. */
    readonly inode: string;
}

/** A file that requests cannot name, and why. */
export interface LeftOut {
    readonly relativeFileName: string;
    readonly why: string;
}

interface Scan {
    readonly files: readonly ModelFile[];
    readonly leftOut: readonly LeftOut[];
    readonly folders: readonly Folder[];
}

const END = ".gguf";

/** The name, or undefined where its bytes are no UTF-8: it could not be opened by the name that is shown. */
function nameOf(bytes: Buffer): string | undefined {
    const name = bytes.toString("utf8");
    return Buffer.from(name, "utf8").equals(bytes) ? name : undefined;
}

/**
 * Links to files count (model caches are made of them), links to folders do not (they may form a loop), hidden
 * folders neither. A folder that cannot be read is left out. @throws when `root` itself cannot be read
 */
export async function scanModels(root: string): Promise<Scan> {
    const files: ModelFile[] = [];
    const leftOut: LeftOut[] = [];
    const folders: Folder[] = [];
    const look = async (relativeFileName: string, hidden: boolean): Promise<void> => {
        const leave = (why: string): void => void leftOut.push({ relativeFileName, why });
        if (hidden) {
            leave("its name begins with a dot, as of a copy's shadow");
            return;
        }
        try {
            const facts = await stat(path.join(root, relativeFileName));
            if (!facts.isFile()) {
                leave("it is no regular file");
                return;
            }
            const { size: sizeBytes, mtimeMs: modifiedMs, ctimeMs: changedMs, dev, ino } = facts;
            files.push({ relativeFileName, sizeBytes, modifiedMs, changedMs, inode: `${dev}:${ino}` });
        } catch (thrown) {
            leave(`it cannot be read: ${messageOf(thrown)}`);
        }
    };
    const visit = async (folder: string): Promise<void> => {
        const absolute = path.join(root, folder);
        const { dev, ino } = await stat(absolute);
        const entries = await readdir(absolute, { withFileTypes: true, encoding: "buffer" });
        folders.push({ path: absolute, inode: `${dev}:${ino}` });
        for (const entry of entries) {
            const name = nameOf(entry.name);
            const shown = name ?? entry.name.toString("latin1");
            const relative = path.posix.join(folder, shown);
            const isModel = shown.toLowerCase().endsWith(END);
            if (name === undefined) {
                if (isModel) {
                    leftOut.push({ relativeFileName: relative, why: "its name is no UTF-8" });
                }
            } else if (entry.isDirectory()) {
                if (!name.startsWith(".")) {
                    await visit(relative).catch(() => undefined);
                }
            } else if (isModel) {
                await look(relative, name.startsWith("."));
            }
        }
    };
    await visit("");
    return { files, leftOut, folders };
}
