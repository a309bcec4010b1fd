/** Texts to vectors, for POST /embedding and POST /v1/embeddings. */

import type { Embedded } from "../engine/engine.js";
import { type ServiceError, toServiceError } from "../errors.js";
import { type ModelCatalog, specOf } from "../models/catalog.js";
import { embedderOf } from "../models/unknown.js";
import type { Duration, Scheduler } from "../schedule/scheduler.js";
import type { Journal } from "./journal.js";

interface EmbeddingRequest {
    /** The path that was called. */
    readonly call: string;
    readonly model: string;
    readonly gpulayer?: number | null;
    readonly texts: readonly string[];
    readonly requestId: string;
    readonly signal: AbortSignal;
}

interface EmbeddingOutcome {
    readonly duration: Duration;
    readonly done?: { readonly embedded: Embedded; readonly model: string; readonly loadModelStatus: "load" | "exists" };
    readonly error?: ServiceError;
}

export class Embeddings {
    public constructor(
        private readonly models: ModelCatalog,
        private readonly scheduler: Scheduler,
        private readonly journal: Journal,
    ) {}

    /** Never rejects. */
    public async embed(request: EmbeddingRequest): Promise<EmbeddingOutcome> {
        const outcome = await this.attempt(request);
        const { duration, done, error } = outcome;
        const { call, model, requestId } = request;
        this.journal.close({
            kind: "embedding",
            requestId,
            call,
            model,
            code: error?.statusCode ?? 200,
            duration,
            request: {},
            response: {},
            ...(error === undefined ? {} : { fault: error.message }),
            ...(done === undefined ? {} : { usage: { promptTokens: done.embedded.tokens, completionTokens: 0, tokensPerSecond: 0 } }),
        });
        return outcome;
    }

    private async attempt({ model: asked, gpulayer, texts, signal }: EmbeddingRequest): Promise<EmbeddingOutcome> {
        let duration: Duration = { promptMsec: 0, queueMsec: 0 };
        try {
            const model = await embedderOf(this.models, asked);
            const { name } = model;
            const spec = specOf(model, { gpulayer });
            const finished = await this.scheduler.embed({ spec, texts, signal });
            duration = finished.duration;
            if ("failure" in finished) {
                throw finished.failure;
            }
            const { result, loadModelStatus } = finished;
            return { duration, done: { embedded: result, model: name, loadModelStatus } };
        } catch (thrown) {
            return { duration, error: toServiceError(thrown) };
        }
    }
}
