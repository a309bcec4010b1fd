/** Reads the folders of tools and of their secrets. */

import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";

/** Bytes; a tool is a few kB. */
const MOST_BYTES = 1_048_576;

const MOST_FILES = 1000;

export interface Texts {
    /** By the file's name without `end`. */
    readonly texts: ReadonlyMap<string, string>;
    readonly faults: readonly string[];
}

async function textOf(file: string): Promise<string> {
    const found = await stat(file);
    if (!found.isFile() || found.size > MOST_BYTES) {
        throw new Error(`is not a file of at most ${MOST_BYTES} bytes`);
    }
    return readFile(file, "utf8");
}

/** The files below `folder` whose names end so, in any case; of two with one name the first by path. */
export async function readTexts(folder: string | undefined, end: string): Promise<Texts> {
    const texts = new Map<string, string>();
    const faults: string[] = [];
    const root = folder ?? "";
    const all = folder === undefined ? [] : await readdir(root, { recursive: true }).catch(() => []);
    const wanted = all.filter((found) => found.toLowerCase().endsWith(end)).sort();
    for (const relative of wanted.slice(0, MOST_FILES)) {
        const name = path.basename(relative).slice(0, -end.length);
        try {
            if ([...texts.keys()].some((known) => known.toLowerCase() === name.toLowerCase())) {
                throw new Error("is left out: another file has this name");
            }
            texts.set(name, await textOf(path.join(root, relative)));
        } catch (thrown) {
            faults.push(`${relative}: ${thrown instanceof Error ? thrown.message : "cannot be read"}`);
        }
    }
    if (wanted.length > MOST_FILES) {
        faults.push(`${root}: only the first ${MOST_FILES} of ${wanted.length} files *${end} are read`);
    }
    return { texts, faults };
}
