/** The models that the engine's process has in memory, as the service knows them: it alone gives them requests. */

import type { LoadedModel, LoadSpec } from "../engine/engine.js";
import { isServedBy } from "../engine/spec.js";

export class Roster {
    /** Most recently used first. */
    private models: readonly LoadedModel[] = [];
    private readonly ids = new WeakMap<LoadedModel, number>();

    /** @param hasGpu whether layers can lie on a GPU at all */
    public constructor(private readonly hasGpu: boolean) {}

    public get all(): readonly LoadedModel[] {
        return this.models;
    }

    public find(spec: LoadSpec): LoadedModel | undefined {
        return this.models.find((model) => isServedBy(model, spec, this.hasGpu));
    }

    public add(id: number, model: LoadedModel): void {
        this.ids.set(model, id);
        this.models = [model, ...this.models];
    }

    /** The model becomes the most recently used one. @returns its id; undefined when it is not in memory any more */
    public use(model: LoadedModel): number | undefined {
        if (!this.models.includes(model)) {
            return undefined;
        }
        this.models = [model, ...this.models.filter((other) => other !== model)];
        return this.ids.get(model);
    }

    public byId(id: number): LoadedModel | undefined {
        return this.models.find((model) => this.ids.get(model) === id);
    }

    public remove(model: LoadedModel): void {
        this.models = this.models.filter((other) => other !== model);
    }

    public clear(): void {
        this.models = [];
    }
}
