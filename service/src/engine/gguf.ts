/** What a GGUF file's header says before the model is loaded. */

import { type FileFacts, judge } from "../models/kind.js";
import { partsOf } from "../models/split.js";
import { readHeader } from "../models/header.js";
import { messageOf, ServiceError } from "../errors.js";

/**
 * Finds the faults of a file that its header shows. llama.cpp would find them too, but only after other models
 * were unloaded for it; and node-llama-cpp's reader, which comes next, believes what a file claims.
 * @throws ServiceError
 */
export async function checkGguf(name: string, file: string): Promise<void> {
    const { part } = await checkFile(name, file);
    const others = part === undefined ? [] : partsOf(file, part).slice(1);
    for (const other of others) {
        await checkFile(name, other);
    }
}

async function checkFile(name: string, file: string): Promise<FileFacts> {
    const header = await readHeader(file).catch((thrown: unknown) => {
        throw new ServiceError(500, `The model ${name} cannot be loaded, its file is damaged or not a GGUF file: ${messageOf(thrown)}`);
    });
    const { size, needed } = header;
    if (size < needed) {
        throw new ServiceError(500, `The model ${name} cannot be loaded, its file is cut short: it has ${size} bytes and needs ${needed}. Copy it again.`);
    }
    return judge(header);
}
