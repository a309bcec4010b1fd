/** Which of the files are models, and why the others are none. Values in, values out. */

import path from "node:path";
import type { FileFacts, ModelFacts } from "./kind.js";
import type { ModelFile } from "./naming.js";
import type { LeftOut } from "./scan.js";
import { partsOf } from "./split.js";

/** A file with what its header says, or with why it has none. */
export type Judged = { readonly file: ModelFile } & ({ readonly facts: FileFacts } | { readonly fault: string });

export interface ArrangedModel extends ModelFile {
    readonly facts: ModelFacts;
    /** All files, relative to modelDir, the first one first. */
    readonly files: readonly string[];
}

export interface Arranged {
    readonly models: readonly ArrangedModel[];
    readonly leftOut: readonly LeftOut[];
}

const CUT = "it is cut short, or not copied to its end yet";

/** Parts that a message names. */
const SHOWN = 3;

function depth(name: string): number {
    return name.split("/").length;
}

/** Files nearer to modelDir come first. */
function byPlace(a: ModelFile, b: ModelFile): number {
    return depth(a.relativeFileName) - depth(b.relativeFileName) || (a.relativeFileName < b.relativeFileName ? -1 : 1);
}

export function arrange(judged: readonly Judged[]): Arranged {
    const models: ArrangedModel[] = [];
    const leftOut: LeftOut[] = [];
    const whole = new Map<string, ModelFile>();
    const splits = new Map<string, { readonly names: readonly string[]; facts?: FileFacts }>();
    const leave = (relativeFileName: string, why: string): void => void leftOut.push({ relativeFileName, why });
    for (const { file, ...found } of [...judged].sort((a, b) => byPlace(a.file, b.file))) {
        const name = file.relativeFileName;
        if ("fault" in found) {
            leave(name, found.fault);
            continue;
        }
        const { part, incomplete, leftOut: why, facts } = found.facts;
        const names = part === undefined ? [] : partsOf(name, part);
        const first = names[0];
        if (why !== undefined) {
            leave(name, `it is ${why}`);
        } else if (incomplete) {
            leave(name, CUT);
        } else if (part === undefined) {
            models.push({ ...file, facts, files: [name] });
        } else if (first === undefined) {
            const needed = `-${String(part.number).padStart(5, "0")}-of-${String(part.of).padStart(5, "0")}.gguf`;
            leave(name, `it is part ${part.number} of ${part.of} of a model, and its name must end in ${needed}`);
        } else {
            whole.set(name, file);
            const split = splits.get(first) ?? { names };
            splits.set(first, part.number === 1 ? { names, facts: found.facts } : split);
        }
    }
    for (const [first, { names, facts }] of splits) {
        const missing = names.filter((name) => !whole.has(name));
        const file = whole.get(first);
        if (file === undefined || facts === undefined || missing.length > 0) {
            const shown = missing.slice(0, SHOWN).map((name) => path.posix.basename(name)).join(", ");
            leave(first, `it is a model of ${names.length} parts, of which ${missing.length} are missing or not complete: ${shown}`);
            continue;
        }
        const sizeBytes = names.reduce((sum, name) => sum + (whole.get(name)?.sizeBytes ?? 0), 0);
        const changedMs = Math.max(...names.map((name) => whole.get(name)?.changedMs ?? 0));
        models.push({ ...file, sizeBytes, changedMs, facts: facts.facts, files: names });
    }
    return withoutTwins(models.sort(byPlace), leftOut);
}

/** The same file under the same name in two folders, as caches of models have it, is one model. Another name is an alias. */
function withoutTwins(models: readonly ArrangedModel[], leftOut: LeftOut[]): Arranged {
    const seen = new Map<string, string>();
    const kept = models.filter(({ relativeFileName, inode }) => {
        const key = `${inode} ${path.posix.basename(relativeFileName).toLowerCase()}`;
        const twin = seen.get(key);
        if (twin === undefined) {
            seen.set(key, relativeFileName);
            return true;
        }
        leftOut.push({ relativeFileName, why: `it is the same file as ${twin}` });
        return false;
    });
    return { models: kept, leftOut };
}
