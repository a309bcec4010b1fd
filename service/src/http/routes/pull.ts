/** POST /models/pull and DELETE /models/NAME: only with an API key, or where the configuration allows it. */

import type { FastifyReply } from "fastify";
import { messageOf, ServiceError } from "../../errors.js";
import { removeFiles } from "../../models/remove.js";
import { modelOf } from "../../models/unknown.js";
import type { Done, Progress } from "../../pull/puller.js";
import { keyOf } from "../../pull/source.js";
import { answers, streamableAnswer } from "../answers.js";
import { EventStream } from "../event-stream.js";
import { signalOf } from "../gone.js";
import type { Routes } from "../routes.js";
import type { Service } from "../service.js";

/** Between two events about the same file, milliseconds. */
const EVENT_MSEC = 250;

const BYTES = { type: "integer", minimum: 0, description: "Bytes" } as const;

export const PULL_PROGRESS = {
    type: "object",
    required: ["source", "status"],
    properties: {
        source: { type: "string" },
        status: { type: "string", enum: ["resolving", "waiting", "downloading", "verifying"] },
        file: { type: "string" },
        completed: BYTES,
        total: BYTES,
    },
} as const;

const TEXTS = { type: "array", items: { type: "string" } } as const;

const PULLED = {
    type: "object",
    required: ["status", "source", "files", "models", "existed"],
    properties: {
        status: { type: "string", const: "success" },
        source: { type: "string" },
        files: { ...TEXTS, description: "Below models/" },
        models: { ...TEXTS, description: "Names for requests; none for a file that is no model" },
        existed: { type: "boolean", description: "Nothing had to be fetched" },
    },
} as const;

const BODY = {
    type: "object",
    required: ["source"],
    additionalProperties: false,
    properties: {
        source: { type: "string", minLength: 1, maxLength: 2000, description: "hf:OWNER/REPO[:QUANTIZATION or FILE], ollama:NAME[:TAG], oci:HOST/NAME[:TAG] or https://HOST/FILE.gguf" },
        stream: { type: "boolean", default: true, description: "Events with the progress; false: one answer at the end" },
    },
} as const;

const DELETED = {
    type: "object",
    required: ["deleted", "files"],
    properties: { deleted: { type: "string" }, files: TEXTS, note: { type: "string" } },
} as const;

/** @throws ServiceError where nobody may change the models */
export function refuseStrangers(service: Service): void {
    if (!service.management.allowed) {
        throw new ServiceError(403, "Models are changed only with an API key. The operator sets apiKey or apiKeys in the configuration, or pull.withoutKey where everybody may.");
    }
    if (service.stopping()) {
        throw new ServiceError(503, "The service is shutting down.", 10);
    }
}

function pulledForm({ models }: Service, done: Done): object {
    const names = models.list().filter(({ files }) => files.some((file) => done.files.includes(file))).map(({ name }) => name);
    return { status: "success", ...done, models: names };
}

/** Of all the progress what a person can read. */
export function fewer(tell: (progress: Progress) => void): (progress: Progress) => void {
    let last: Progress | undefined;
    let at = 0;
    return (progress) => {
        const now = performance.now();
        const same = progress.status === last?.status && progress.file === last.file;
        // Nothing is told until it is known what the source is: until then an error has a status of its own.
        if (progress.status !== "resolving" && (!same || now - at >= EVENT_MSEC)) {
            tell(progress);
            at = now;
            last = progress;
        }
    };
}

async function stream(service: Service, source: string, signal: AbortSignal, reply: FastifyReply): Promise<void> {
    const events = new EventStream(reply);
    const onProgress = fewer((progress) => {
        events.send(progress);
        // A host may be silent for a while, and another container may hold the lock.
        events.keepAlive();
    });
    try {
        events.send(pulledForm(service, await service.puller.pull(source, signal, onProgress)));
        events.done();
    } catch (thrown) {
        if (!events.begun) {
            throw thrown;
        }
        events.fail({ error: messageOf(thrown) });
    }
}

/** @param force also one that is in memory. @throws ServiceError */
export async function removeModel(service: Service, name: string, force: boolean, requestId: string): Promise<object> {
    refuseStrangers(service);
    const { models, puller, management, engine, log } = service;
    const model = await modelOf(models, name).catch((thrown: unknown) => {
        throw new ServiceError(404, messageOf(thrown));
    });
    if (!force && engine.loaded.some(({ spec }) => spec.file === model.file)) {
        throw new ServiceError(409, `${model.name} is in memory and may be in use. Delete it with ?force=true: requests that run are finished, later ones do not find it.`);
    }
    const records = (await puller.records.all()).filter(({ files }) => files[0]?.name === model.files[0]);
    const beside = records.flatMap(({ files }) => files.map(({ name }) => name)).filter((name) => !model.files.includes(name));
    const files = await removeFiles(management.modelDir, { name: model.name, files: [...model.files, ...beside] });
    await Promise.all(records.map(async (record) => puller.records.forget(record)));
    await models.rescanFromNow();
    log.write("info", "models", `deleted ${files.join(", ")}`, requestId);
    const wanted = records.find(({ key }) => management.sources.some((source) => keyOf(source) === key));
    const note = wanted === undefined ? {} : { note: `The operator's list of models has ${wanted.source}: the next start pulls it again.` };
    return { deleted: model.name, files, ...note };
}

export const pullRoutes: Routes = (server, service) => {
    server.post<{ Body: { source: string; stream: boolean } }>(
        "/models/pull",
        {
            config: { operator: true },
            schema: {
                tags: ["models"],
                summary: "Fetch a model by its name; a client that leaves ends it, and the next pull goes on from there",
                body: BODY,
                response: answers(streamableAnswer(PULLED), [400, 401, 403, 404, 409, 413, 429, 500, 502, 503, 507]),
            },
        },
        async (request, reply) => {
            refuseStrangers(service);
            const { source } = request.body;
            const signal = signalOf(reply, service.cut);
            if (!request.body.stream) {
                return pulledForm(service, await service.puller.pull(source, signal, () => undefined));
            }
            await stream(service, source, signal, reply);
            return reply;
        },
    );

    server.delete<{ Params: { name: string }; Querystring: { force?: boolean } }>(
        "/models/:name",
        {
            config: { operator: true },
            schema: {
                tags: ["models"],
                summary: "Delete a model's files",
                params: { type: "object", required: ["name"], properties: { name: { type: "string", minLength: 1 } } },
                querystring: { type: "object", properties: { force: { type: "boolean", description: "Also one that is in memory" } } },
                response: answers(DELETED, [400, 401, 403, 404, 409, 500, 503]),
            },
        },
        async (request) => {
            return removeModel(service, request.params.name, request.query.force === true, request.id);
        },
    );
};
