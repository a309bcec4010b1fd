/** The models that requests can name: scanned at start, when the folder changes, every minute, and when a name is unknown. */

import path from "node:path";
import type { LoadSpec } from "../engine/engine.js";
import { messageOf } from "../errors.js";
import type { Log } from "../log.js";
import { Rescanned } from "../rescan.js";
import { arrange, type ArrangedModel, type Judged } from "./arrange.js";
import { Malformed } from "./bounded-reader.js";
import { FolderWatch } from "./folder-watch.js";
import type { FileFacts } from "./kind.js";
import { findModel, identityOf, type ModelFile, type Named, nameModels } from "./naming.js";
import { type LeftOut, scanModels } from "./scan.js";

/** Reads a file's metadata. @throws when it is not a GGUF file */
type Inspect = (file: string) => Promise<FileFacts>;

export interface Model extends ArrangedModel, Named {
    /** Absolute. */
    readonly file: string;
}

/** How a request wants a model loaded; null is the same as absent. */
export interface Wishes {
    readonly gpulayer?: number | null | undefined;
    readonly contextSize?: number | null | undefined;
}

/** The model as the engine loads it. */
export function specOf({ name, file, changedMs }: Model, { gpulayer, contextSize }: Wishes = {}): LoadSpec {
    return {
        name,
        file,
        // Not the time of modification, which a copy may keep or set back.
        modifiedMs: changedMs,
        ...(typeof gpulayer === "number" ? { gpulayer } : {}),
        ...(typeof contextSize === "number" ? { contextSize } : {}),
    };
}

/** The first search in a large folder shows what it has found so far this often, milliseconds. */
const SHOW_MSEC = 500;

export class ModelCatalog extends Rescanned {
    private models: readonly Model[] = [];
    private out: readonly LeftOut[] = [];
    /** By path, with the identity of the file that was read. */
    private known = new Map<string, { readonly identity: string; readonly judged: Judged }>();
    /** What was logged last: the list, and for each file that is left out why. */
    private listed: string | undefined;
    private told = new Map<string, string>();
    private readonly watch = new FolderWatch(() => void this.rescan());
    private stopped = false;

    public constructor(
        private readonly folder: string,
        private readonly inspect: Inspect,
        private readonly log: Log,
    ) {
        super();
    }

    public list(): readonly Model[] {
        return this.models;
    }

    /** Scans the folder again before it says that there is no such model. */
    public async find(name: string): Promise<Model | undefined> {
        const known = findModel(this.models, name);
        if (known !== undefined) {
            return known;
        }
        await this.rescan();
        return findModel(this.models, name);
    }

    /** Why a file of this name is no model; undefined when there is none. */
    public whyLeftOut(name: string): string | undefined {
        return findModel(nameModels(this.out), name)?.why;
    }

    public override stop(): void {
        this.stopped = true;
        this.watch.close();
        super.stop();
    }

    protected override async scan(): Promise<void> {
        let found: Awaited<ReturnType<typeof scanModels>> = { files: [], leftOut: [], folders: [] };
        let trouble = "";
        try {
            found = await scanModels(this.folder);
        } catch (thrown) {
            trouble = `; the folder cannot be read: ${messageOf(thrown)}`;
        }
        const judged = await this.judgeAll(found.files);
        const { models, leftOut } = arrange(judged);
        this.show(models);
        this.out = [...found.leftOut, ...leftOut];
        this.report(trouble);
        this.watch.update(found.folders);
    }

    private show(models: readonly ArrangedModel[]): void {
        this.models = nameModels(models).map((model) => ({ ...model, file: path.join(this.folder, model.relativeFileName) }));
    }

    private async judgeAll(files: readonly ModelFile[]): Promise<Judged[]> {
        const before = this.known;
        this.known = new Map();
        const first = this.models.length === 0;
        let shown = performance.now();
        const judged: Judged[] = [];
        for (const file of files) {
            if (this.stopped) {
                break;
            }
            const identity = identityOf(file);
            const known = before.get(file.relativeFileName);
            const one = known?.identity === identity ? { ...known.judged, file } : await this.judge(file);
            this.known.set(file.relativeFileName, { identity, judged: one });
            judged.push(one);
            if (first && performance.now() - shown > SHOW_MSEC) {
                this.show(arrange(judged).models);
                shown = performance.now();
            }
        }
        return judged;
    }

    private async judge(file: ModelFile): Promise<Judged> {
        try {
            return { file, facts: await this.inspect(path.join(this.folder, file.relativeFileName)) };
        } catch (thrown) {
            return { file, fault: faultOf(thrown) };
        }
    }

    /** Logs what has changed since the last scan. */
    private report(trouble: string): void {
        const summary = `${this.models.length} models in ${this.folder}: ${this.models.map(({ name }) => name).join(", ") || "none"}${trouble}`;
        if (summary !== this.listed) {
            this.listed = summary;
            this.log.write(trouble === "" ? "info" : "warn", "models", summary);
        }
        const before = this.told;
        this.told = new Map(this.out.map(({ relativeFileName, why }) => [relativeFileName, why]));
        for (const [relativeFileName, why] of this.told) {
            if (before.get(relativeFileName) !== why) {
                this.log.write("warn", "models", `${relativeFileName} is left out: ${why}`);
            }
        }
    }
}

function faultOf(thrown: unknown): string {
    if (thrown instanceof Malformed) {
        return thrown.message;
    }
    const { code } = thrown as NodeJS.ErrnoException;
    const who = process.getuid?.() ?? 0;
    return code === "EACCES" || code === "EPERM"
        ? `the user of the service (uid ${who}) may not read it: chmod a+r it, or chown it to that user`
        : `it cannot be read: ${messageOf(thrown)}`;
}
