/** A request for a model that is not there. */

import { ServiceError } from "../errors.js";
import type { Model, ModelCatalog } from "./catalog.js";

/** 400; in the OpenAI-compatible API 404. */
export class UnknownModel extends ServiceError {
    public constructor(asked: string, models: readonly { readonly name: string }[]) {
        const names = models.map(({ name }) => name);
        const there = names.length === 0 ? "There are no models." : `Available: ${names.join(", ")}.`;
        super(400, `Unknown model "${asked.slice(0, 200)}". ${there}`);
    }
}

/** @throws UnknownModel */
export async function modelOf(models: ModelCatalog, asked: string): Promise<Model> {
    const model = await models.find(asked);
    if (model === undefined) {
        throw new UnknownModel(asked, models.list());
    }
    return model;
}
