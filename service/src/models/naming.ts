/** How model files are called in requests and lists. Values in, values out. */

import path from "node:path";

export interface ModelFile {
    /** Relative to modelDir, with forward slashes; of a split model the first part. */
    readonly relativeFileName: string;
    /** Of all parts together. */
    readonly sizeBytes: number;
    /** Of the first part, milliseconds. */
    readonly modifiedMs: number;
    /** When bytes, name or owner of any part changed last, milliseconds (ctime): nobody can set it back. */
    readonly changedMs: number;
    /** Device and inode, of the first part. */
    readonly inode: string;
}

/** Another value: another file, or other bytes in it. */
export function identityOf({ inode, sizeBytes, modifiedMs, changedMs }: ModelFile): string {
    return [inode, sizeBytes, modifiedMs, changedMs].join(" ");
}

export interface Named {
    /** File name, or `file name (folder)` for a later file of the same name. */
    readonly name: string;
}

/** Names every file, in their order: the first one of a name keeps it as it is. */
export function nameModels<M extends { readonly relativeFileName: string }>(files: readonly M[]): (M & Named)[] {
    const taken = new Set<string>();
    return files.map((file) => {
        const base = path.posix.basename(file.relativeFileName);
        const plain = !taken.has(base.toLowerCase());
        const name = plain ? base : `${base} (${path.posix.dirname(file.relativeFileName)})`;
        taken.add(name.toLowerCase());
        return { ...file, name };
    });
}

/** Case and `.gguf` do not count. */
function normal(name: string): string {
    return name.trim().toLowerCase().replace(/\.gguf(?= \(|$)/, "");
}

/** The one that a request means: by name, or by its path below modelDir. */
export function findModel<M extends Named & { readonly relativeFileName: string }>(models: readonly M[], asked: string): M | undefined {
    const wanted = normal(asked);
    return (
        models.find((model) => model.name === asked) ??
        models.find((model) => normal(model.name) === wanted) ??
        models.find((model) => normal(model.relativeFileName) === wanted)
    );
}
