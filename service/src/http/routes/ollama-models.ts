/** Ollama's API on the same models: which there are, and to pull and delete them. */

import type { Model } from "../../models/catalog.js";
import { readHeader } from "../../models/header.js";
import { modelOf } from "../../models/unknown.js";
import { messageOf } from "../../errors.js";
import { details, digestOf, modelForm } from "../../ollama/form.js";
import { fileNameOf, sourceOf } from "../../ollama/request.js";
import { NAMED_SCHEMA } from "../../ollama/schema.js";
import { answers, linesAnswer, PLAIN_ERRORS } from "../answers.js";
import { EventStream } from "../event-stream.js";
import { signalOf } from "../gone.js";
import type { Routes } from "../routes.js";
import { linesForm } from "./ollama.js";
import { fewer, refuseStrangers, removeModel } from "./pull.js";

interface Named {
    readonly model?: string;
    readonly name?: string;
    readonly stream?: boolean | null;
}

/** Nothing is unloaded before another model needs the room. */
const NEVER = "9999-12-31T23:59:59Z";

const LIST = { type: "object", required: ["models"], properties: { models: { type: "array", items: { type: "object", required: ["name", "model", "size", "digest"] } } } } as const;

const nameOf = ({ model, name }: Named): string => model ?? name ?? "";

function capabilities({ facts }: Model, template: string): string[] {
    if (facts.kind !== "chat") {
        return [facts.kind];
    }
    return ["completion", ...(template.includes("tools") ? ["tools"] : []), ...(facts.isReasoning === true ? ["thinking"] : [])];
}

export const ollamaModelRoutes: Routes = (server, service) => {
    const about = (summary: string, good: object, more: object = {}, errors: readonly number[] = PLAIN_ERRORS): object => ({ tags: ["ollama"], summary, ...more, response: answers(good, errors) });

    server.get("/api/version", { config: { open: true }, schema: about("The service's version", { type: "object", properties: { version: { type: "string" } } }) }, () => ({ version: service.version }));

    server.get("/api/tags", { schema: about("Models that requests can name", LIST) }, () => ({ models: service.models.list().map(modelForm) }));

    server.get("/api/ps", { schema: about("Models in memory", LIST) }, () => ({
        models: service.engine.loaded.map(({ spec, sizeBytes, gpulayer, contextSize }) => {
            const model = service.models.list().find(({ file }) => file === spec.file);
            const digest = model === undefined ? "" : digestOf(model);
            return { name: spec.name, model: spec.name, size: sizeBytes, size_vram: gpulayer > 0 ? sizeBytes : 0, digest, details: details(), expires_at: NEVER, context_length: contextSize };
        }),
    }));

    server.post<{ Body: Named }>("/api/show", { schema: about("What a model is", { type: "object" }, { body: NAMED_SCHEMA }, [...PLAIN_ERRORS, 404]) }, async ({ body }) => {
        const model = await modelOf(service.models, fileNameOf(nameOf(body)));
        const { metadata } = await readHeader(model.file);
        const text = (key: string): string => String(metadata.get(key) ?? "");
        const architecture = text("general.architecture");
        const template = text("tokenizer.chat_template");
        return {
            modelfile: "",
            parameters: "",
            template,
            details: details(architecture),
            model_info: Object.fromEntries([...metadata].filter(([key]) => key !== "tokenizer.chat_template")),
            capabilities: capabilities(model, template),
            modified_at: new Date(model.modifiedMs).toISOString(),
        };
    });

    server.post<{ Body: Named }>(
        "/api/pull",
        { config: { operator: true }, schema: about("Fetch a model of Ollama's registry or of Hugging Face", linesAnswer({ type: "object", properties: { status: { type: "string" } } }), { body: NAMED_SCHEMA }, [...PLAIN_ERRORS, 404, 409, 413, 429, 502, 503, 507]) },
        async ({ body }, reply) => {
            refuseStrangers(service);
            const signal = signalOf(reply, service.cut);
            const source = sourceOf(nameOf(body));
            if (body.stream === false) {
                await service.puller.pull(source, signal, () => undefined);
                return { status: "success" };
            }
            const out = new EventStream(reply, linesForm(() => ({ status: "waiting" })));
            try {
                await service.puller.pull(source, signal, fewer(({ status, file, completed, total }) => {
                    out.send({ status: file === undefined ? status : `${status} ${file}`, ...(completed === undefined ? {} : { completed }), ...(total === undefined ? {} : { total }) });
                    out.keepAlive();
                }));
                out.send({ status: "success" });
            } catch (thrown) {
                if (!out.begun) {
                    throw thrown;
                }
                out.send({ error: messageOf(thrown) });
            }
            out.close();
            return reply;
        },
    );

    server.delete<{ Body: Named }>(
        "/api/delete",
        { config: { operator: true }, schema: about("Delete a model's files", { type: "object" }, { body: NAMED_SCHEMA }, [...PLAIN_ERRORS, 404, 409, 503]) },
        async ({ body, id }) => removeModel(service, fileNameOf(nameOf(body)), false, id),
    );
};
