/** The models that requests can name: scanned at start, every minute, and when a name is unknown. */

import path from "node:path";
import type { LoadSpec } from "../engine/engine.js";
import { messageOf } from "../errors.js";
import type { Log } from "../log.js";
import { Rescanned } from "../rescan.js";
import { findModel, type NamedModel, nameModels } from "./naming.js";
import { scanModels } from "./scan.js";

/** What a file's metadata says. */
export interface ModelFacts {
    readonly layerCount?: number;
    readonly isReasoning?: boolean;
}

/** Reads a file's metadata. @throws when it is not a GGUF file */
type Inspect = (file: string) => Promise<ModelFacts>;

export interface Model extends NamedModel {
    /** Absolute. */
    readonly file: string;
    readonly facts: ModelFacts;
}

/** How a request wants a model loaded; null is the same as absent. */
interface Wishes {
    readonly gpulayer?: number | null | undefined;
    readonly contextSize?: number | null | undefined;
}

/** The model as the engine loads it. */
export function specOf({ name, file, modifiedMs }: Model, { gpulayer, contextSize }: Wishes = {}): LoadSpec {
    return {
        name,
        file,
        modifiedMs,
        ...(typeof gpulayer === "number" ? { gpulayer } : {}),
        ...(typeof contextSize === "number" ? { contextSize } : {}),
    };
}

export class ModelCatalog extends Rescanned {
    private models: readonly Model[] = [];
    /** By path, size and time of change, so that a replaced file is read again. */
    private readonly facts = new Map<string, ModelFacts>();
    private listed: string | undefined;

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

    protected override async scan(): Promise<void> {
        let named: NamedModel[] = [];
        let trouble = "";
        try {
            named = nameModels(await scanModels(this.folder));
        } catch (thrown) {
            trouble = `; the folder cannot be read: ${messageOf(thrown)}`;
        }
        this.models = named.map((model) => this.complete(model));
        const summary = `${named.length} models in ${this.folder}: ${named.map(({ name }) => name).join(", ") || "none"}${trouble}`;
        if (summary !== this.listed) {
            this.listed = summary;
            this.log.write(trouble === "" ? "info" : "warn", "models", summary);
        }
        // The list is complete without the facts: they are added as they come.
        for (const model of this.models) {
            await this.learn(model);
        }
        this.models = named.map((model) => this.complete(model));
    }

    private complete(model: NamedModel): Model {
        return { ...model, file: path.join(this.folder, model.relativeFileName), facts: this.facts.get(keyOf(model)) ?? {} };
    }

    private async learn(model: Model): Promise<void> {
        const key = keyOf(model);
        if (this.facts.has(key)) {
            return;
        }
        try {
            this.facts.set(key, await this.inspect(model.file));
        } catch (thrown) {
            this.facts.set(key, {});
            this.log.write("warn", "models", `${model.relativeFileName} cannot be read as GGUF: ${messageOf(thrown)}`);
        }
    }
}

function keyOf(model: NamedModel): string {
    return [model.relativeFileName, model.sizeBytes, model.modifiedMs].join("\n");
}
