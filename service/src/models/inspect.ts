/** Reads what a file is. */

import { readHeader } from "./header.js";
import { type FileFacts, judge } from "./kind.js";

/** @throws Malformed, or what opening and reading give */
export async function inspectFile(file: string): Promise<FileFacts> {
    return judge(await readHeader(file));
}
