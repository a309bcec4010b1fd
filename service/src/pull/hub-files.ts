/** Which files of a repository make the model that was asked for. Values in, values out. */

import path from "node:path";
import { ServiceError } from "../errors.js";
import { fileName } from "./wanted.js";

export interface HubFile {
    /** In the repository. */
    readonly path: string;
    readonly size: number;
    readonly sha256?: string;
}

export interface Picked extends HubFile {
    /** That it gets here. */
    readonly name: string;
}

/** Where nothing was asked for: the usual compromise first. */
const GOOD = ["Q4_K_M", "Q4_K_S", "Q4_0", "Q5_K_M", "Q8_0", "F16", "BF16"];

const SPLIT = /-(\d{5})-of-(\d{5})\.gguf$/;

/** Names in a message. */
const SHOWN = 30;

function isProjector(file: HubFile): boolean {
    return /mmproj/i.test(path.posix.basename(file.path));
}

/** The first or only file of each model. */
function heads(files: readonly HubFile[]): HubFile[] {
    return files.filter((file) => !isProjector(file) && (SPLIT.exec(file.path)?.[1] ?? "00001") === "00001");
}

/** Whether the file's name holds the quantization as a word of its own. */
function hasQuantization(file: HubFile, quantization: string): boolean {
    const word = quantization.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`(?:^|[-._])${word}(?:\\.gguf|-\\d{5}-of-)`, "i").test(path.posix.basename(file.path));
}

/** The shortest name: `NAME-Q4_K_M` and not `NAME-UD-Q4_K_M`. */
function shortest(files: readonly HubFile[]): HubFile | undefined {
    return [...files].sort((a, b) => a.path.length - b.path.length || (a.path < b.path ? -1 : 1))[0];
}

function headOf(models: readonly HubFile[], pick: string | undefined): HubFile | undefined {
    if (pick === undefined) {
        const good = GOOD.map((quantization) => shortest(models.filter((file) => hasQuantization(file, quantization))));
        return good.find((file) => file !== undefined) ?? shortest(models);
    }
    return models.find((file) => file.path === pick) ?? shortest(models.filter((file) => hasQuantization(file, pick)));
}

/**
 * All parts of a split model, and its projector where the repository has one.
 * @param pick a path or a quantization
 * @throws ServiceError 404 that says what there is
 */
export function pickFiles(repository: string, all: readonly HubFile[], pick: string | undefined): Picked[] {
    const files = all.filter((file) => file.path.toLowerCase().endsWith(".gguf"));
    const named = files.find((file) => file.path === pick);
    if (named !== undefined && isProjector(named)) {
        return [{ ...named, name: fileName(named.path) }];
    }
    const models = heads(files);
    const head = headOf(models, pick);
    if (head === undefined) {
        const names = models.map((file) => file.path);
        const there = names.length === 0 ? "It has no GGUF files." : `It has ${names.slice(0, SHOWN).join(", ")}${names.length > SHOWN ? ", and more" : ""}.`;
        throw new ServiceError(404, `${repository} has no ${pick === undefined ? "model" : `"${pick.slice(0, 100)}"`}. ${there}`);
    }
    const count = Number(SPLIT.exec(head.path)?.[2] ?? 1);
    const parts = Array.from({ length: Math.min(count, files.length) }, (_none, index) => {
        const wanted = head.path.replace(SPLIT, `-${String(index + 1).padStart(5, "0")}-of-$2.gguf`);
        return files.find((file) => file.path === wanted);
    });
    if (parts.length < count || parts.includes(undefined)) {
        throw new ServiceError(404, `${repository} lacks parts of ${head.path}.`);
    }
    const whole = parts.flatMap((part) => (part === undefined ? [] : [{ ...part, name: fileName(part.path) }]));
    const projectors = files.filter(isProjector);
    const projector = projectors.find((file) => hasQuantization(file, "F16")) ?? projectors[0];
    // Repositories name them alike: here each goes by its model's name.
    return projector === undefined ? whole : [...whole, { ...projector, name: fileName(`mmproj-${path.posix.basename(head.path)}`) }];
}
