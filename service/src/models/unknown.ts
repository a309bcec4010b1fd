/** A request for a model that is not there, or that cannot do what is asked. */

import { badRequest, ServiceError } from "../errors.js";
import type { Model, ModelCatalog } from "./catalog.js";

/** 400; in the OpenAI-compatible API 404. */
export class UnknownModel extends ServiceError {
    public constructor(asked: string, models: readonly { readonly name: string }[], why?: string) {
        const names = models.map(({ name }) => name);
        const there = names.length === 0 ? "There are no models." : `Available: ${names.join(", ")}.`;
        const shown = `"${asked.slice(0, 200)}"`;
        super(400, why === undefined ? `Unknown model ${shown}. ${there}` : `The file ${shown} is left out: ${why.replace(/\.?$/, ".")} ${there}`);
    }
}

/** @throws UnknownModel */
export async function modelOf(models: ModelCatalog, asked: string): Promise<Model> {
    const model = await models.find(asked);
    if (model === undefined) {
        throw new UnknownModel(asked, models.list(), models.whyLeftOut(asked));
    }
    return model;
}

const CALLS = { embedding: "It is an embedding model: use POST /v1/embeddings", rerank: "It is a rerank model, which gives no texts" } as const;

/** A model that writes text. @throws UnknownModel, ServiceError 400 */
export async function writerOf(models: ModelCatalog, asked: string): Promise<Model> {
    const model = await modelOf(models, asked);
    const { name, facts } = model;
    if (facts.kind !== "chat") {
        throw badRequest(`${name} writes no text. ${CALLS[facts.kind]}, or name another model.`);
    }
    return model;
}

/** A model that gives vectors: also one that writes text. @throws UnknownModel, ServiceError 400 */
export async function embedderOf(models: ModelCatalog, asked: string): Promise<Model> {
    const model = await modelOf(models, asked);
    if (model.facts.kind === "rerank") {
        throw badRequest(`${model.name} gives no vectors. It is a rerank model: name another model.`);
    }
    return model;
}
