/** Finds the GGUF files below a folder. */

import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { ModelFile } from "./naming.js";

/**
 * Links to files count (model caches are made of them), links to folders do not (they may form a loop).
 * A folder or file that cannot be read is left out. @throws when `root` itself cannot be read
 */
export async function scanModels(root: string): Promise<ModelFile[]> {
    const found: ModelFile[] = [];
    const visit = async (folder: string): Promise<void> => {
        const entries = await readdir(path.join(root, folder), { withFileTypes: true });
        for (const entry of entries) {
            const relative = path.posix.join(folder, entry.name);
            if (entry.isDirectory()) {
                await visit(relative).catch(() => undefined);
            } else if (entry.name.toLowerCase().endsWith(".gguf")) {
                const facts = await stat(path.join(root, relative)).catch(() => undefined);
                if (facts?.isFile() === true) {
                    found.push({ relativeFileName: relative, sizeBytes: facts.size, modifiedMs: facts.mtimeMs });
                }
            }
        }
    };
    await visit("");
    return found;
}
