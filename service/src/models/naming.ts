/** How model files are called in requests and lists. Values in, values out. */

import path from "node:path";

export interface ModelFile {
    /** Relative to modelDir, with forward slashes; of a split model the first part. */
    readonly relativeFileName: string;
    /** Of all parts together. */
    readonly sizeBytes: number;
    /** Of the first part, milliseconds. With the size it tells whether a file has changed. */
    readonly modifiedMs: number;
}

export interface NamedModel extends ModelFile {
    /** File name, or `file name (folder)` for a later file of the same name. */
    readonly name: string;
}

const SPLIT_PART = /-(\d{5})-of-(\d{5})\.gguf$/i;

/** llama.cpp reads the other parts of a split model by itself when it is given the first. */
function joinParts(files: readonly ModelFile[]): ModelFile[] {
    const whole = new Map<string, ModelFile>();
    for (const file of files) {
        const first = file.relativeFileName.replace(SPLIT_PART, "-00001-of-$2.gguf");
        const known = whole.get(first);
        const sizeBytes = file.sizeBytes + (known?.sizeBytes ?? 0);
        whole.set(first, { ...(first === file.relativeFileName ? file : (known ?? file)), sizeBytes });
    }
    return [...whole].filter(([first, file]) => first === file.relativeFileName).map(([, file]) => file);
}

function depth(file: ModelFile): number {
    return file.relativeFileName.split("/").length;
}

/** Names every file. Files nearer to modelDir come first, so that they keep their plain name. */
export function nameModels(files: readonly ModelFile[]): NamedModel[] {
    const sorted = joinParts(files).sort(
        (a, b) => depth(a) - depth(b) || (a.relativeFileName < b.relativeFileName ? -1 : 1),
    );
    const taken = new Set<string>();
    const named: NamedModel[] = [];
    for (const file of sorted) {
        const base = path.posix.basename(file.relativeFileName);
        const plain = !taken.has(base.toLowerCase());
        const name = plain ? base : `${base} (${path.posix.dirname(file.relativeFileName)})`;
        taken.add(name.toLowerCase());
        named.push({ ...file, name });
    }
    return named;
}

/** Case and `.gguf` do not count. */
function normal(name: string): string {
    return name.trim().toLowerCase().replace(/\.gguf(?= \(|$)/, "");
}

/** The model that a request means: by name, or by its path below modelDir. */
export function findModel<M extends NamedModel>(models: readonly M[], asked: string): M | undefined {
    const wanted = normal(asked);
    return (
        models.find((model) => model.name === asked) ??
        models.find((model) => normal(model.name) === wanted) ??
        models.find((model) => normal(model.relativeFileName) === wanted)
    );
}
