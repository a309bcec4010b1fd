/** Makes one file be there: fetched, or found as it should be. */

import { stat } from "node:fs/promises";
import { messageOf, ServiceError } from "../errors.js";
import type { Asker } from "./ask.js";
import { withLock } from "./lock.js";
import { Partial, sumOf } from "./partial.js";
import { transfer, type Tries } from "./transfer.js";
import type { Wanted } from "./wanted.js";

/** How far a job is; bytes of the file that comes now. */
export interface Step {
    readonly status: "resolving" | "waiting" | "downloading" | "verifying";
    readonly file?: string;
    readonly completed?: number;
    readonly total?: number;
}

interface Order {
    readonly asker: Asker;
    readonly modelDir: string;
    readonly wanted: Wanted;
    /** What the file was pulled as before, where it was pulled from the same source. */
    readonly before: { readonly size: number; readonly sha256?: string } | undefined;
    readonly signal: AbortSignal;
    readonly tell: (step: Step) => void;
    readonly tries: Tries;
}

/** @returns whether it had to be fetched. @throws ServiceError, `signal.reason` */
export async function fetchFile({ asker, modelDir, wanted, before, signal, tell, tries }: Order): Promise<boolean> {
    const { name: file, size } = wanted;
    const partial = new Partial(modelDir, file);
    try {
        await partial.prepare();
    } catch (thrown) {
        throw new ServiceError(507, `${modelDir} cannot be written: ${messageOf(thrown)}`);
    }
    const onWait = (): void => {
        void partial.size().then((completed) => tell({ status: "waiting", file, completed, ...(size === undefined ? {} : { total: size }) }));
    };
    return withLock(partial.lockFile, signal, onWait, async () => {
        if (await isThere(partial.target, wanted, before, signal, () => tell({ status: "verifying", file }))) {
            await partial.unlock();
            return false;
        }
        const onBytes = (completed: number, total: number | undefined): void => tell({ status: "downloading", file, completed, ...(total === undefined ? {} : { total }) });
        await transfer({ asker, wanted, partial, signal, onBytes }, tries);
        await partial.unlock();
        return true;
    });
}

/** @throws ServiceError 409 where another file has the name */
async function isThere(target: string, wanted: Wanted, before: Order["before"], signal: AbortSignal, onVerify: () => void): Promise<boolean> {
    const found = await stat(target).catch(() => undefined);
    if (found === undefined) {
        return false;
    }
    const differs = <T>(a: T | undefined, b: T | undefined): boolean => a !== undefined && b !== undefined && a !== b;
    if (found.isFile() && before?.size === found.size) {
        // A source may have another file by now: that one takes the place of the old one.
        return !differs(wanted.size, found.size) && !differs(wanted.sha256, before.sha256);
    }
    if (found.isFile() && wanted.sha256 !== undefined && !differs(wanted.size, found.size)) {
        onVerify();
        if ((await sumOf(target, signal)).digest("hex") === wanted.sha256) {
            return true;
        }
    }
    throw new ServiceError(409, `models/ has another file of the name ${wanted.name}, which was not pulled from this source. Rename or remove it first.`);
}
