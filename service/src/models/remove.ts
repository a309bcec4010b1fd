/** Deletes a model's files, and nothing that lies outside of the models' folder. */

import { realpath, rm } from "node:fs/promises";
import path from "node:path";
import { ServiceError } from "../errors.js";
import type { Model } from "./catalog.js";

/** @returns the names of what was deleted. A link is deleted, and not what it leads to. @throws ServiceError */
export async function removeFiles(modelDir: string, { name, files }: Pick<Model, "name" | "files">): Promise<readonly string[]> {
    const root = await realpath(modelDir);
    const targets: string[] = [];
    for (const file of files) {
        const folder = await realpath(path.dirname(path.join(modelDir, file)));
        if (folder !== root && !folder.startsWith(`${root}${path.sep}`)) {
            throw new ServiceError(409, `${name} lies outside of the models' folder and is not deleted.`);
        }
        targets.push(path.join(folder, path.basename(file)));
    }
    for (const target of targets) {
        try {
            await rm(target);
        } catch (thrown) {
            const { code } = thrown as NodeJS.ErrnoException;
            if (code !== "ENOENT") {
                throw new ServiceError(409, `${name} cannot be deleted (${code ?? String(thrown)}): the folder may be read-only or belong to another user.`);
            }
        }
    }
    return files;
}
