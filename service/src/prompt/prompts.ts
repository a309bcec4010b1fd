/** POST /prompt from a valid body to an answer; knows nothing of HTTP but status codes. */

import type { GenerationOptions } from "../config/configuration.js";
import type { ChatMessage, Generated, LoadSpec, Usage } from "../engine/engine.js";
import { badRequest, messageOf, ServiceError } from "../errors.js";
import type { Log } from "../log.js";
import type { Model, ModelCatalog } from "../models/catalog.js";
import type { Duration, Scheduler } from "../schedule/scheduler.js";
import { readAnswer } from "./answer.js";
import { compileSchema, type Validator } from "./json-schema.js";
import type { PromptRequest } from "./request.js";

export interface PromptResult {
    readonly loadModelStatus: "load" | "exists";
    readonly data: unknown;
    readonly usage: Usage;
}

/** A request's end, good or bad, as it is answered and recorded. */
export interface PromptOutcome {
    /** HTTP status. */
    readonly code: number;
    readonly duration: Duration;
    readonly result?: PromptResult;
    readonly error?: ServiceError;
    /** The model's text as it came. */
    readonly answerRaw?: string;
}

/** Keeps outcomes. Must not throw. */
export type Recorder = (request: PromptRequest, outcome: PromptOutcome) => void;

interface Prepared {
    readonly spec: LoadSpec;
    readonly validate: Validator | undefined;
}

/** A value that is neither absent nor null. */
function given<T>(value: T | null | undefined): value is T {
    return value !== undefined && value !== null;
}

function messagesOf({ user, system }: PromptRequest["message"]): ChatMessage[] {
    const told: ChatMessage[] = given(system) && system !== "" ? [{ role: "system", content: system }] : [];
    return [...told, { role: "user", content: user }];
}

function toServiceError(thrown: unknown): ServiceError {
    return thrown instanceof ServiceError ? thrown : new ServiceError(500, messageOf(thrown));
}

export class Prompts {
    public constructor(
        private readonly models: ModelCatalog,
        private readonly scheduler: Scheduler,
        private readonly defaults: GenerationOptions,
        private readonly record: Recorder,
        private readonly log: Log,
    ) {}

    /** Never rejects. */
    public async answer(request: PromptRequest, signal: AbortSignal): Promise<PromptOutcome> {
        const outcome = await this.attempt(request, signal);
        this.record(request, outcome);
        this.report(request, outcome);
        return outcome;
    }

    private async attempt(request: PromptRequest, signal: AbortSignal): Promise<PromptOutcome> {
        let duration: Duration = { promptMsec: 0, queueMsec: 0 };
        let generated: Generated | undefined;
        try {
            const { spec, validate } = await this.prepare(request);
            const { message, format, options } = request;
            const finished = await this.scheduler.run({
                spec,
                request: {
                    kind: "chat",
                    messages: messagesOf(message),
                    options: { ...this.defaults, ...options },
                    ...(format?.useGrammar === true ? { constraint: { kind: "schema", schema: format.jsonSchema } } : {}),
                },
                durationMsec: request.durationMsec,
                signal,
            });
            duration = finished.duration;
            if ("failure" in finished) {
                throw finished.failure;
            }
            generated = finished.result;
            const { text, finishReason, usage } = generated;
            const data = validate === undefined ? text : readAnswer(text, finishReason === "length", validate);
            const { loadModelStatus } = finished;
            return { code: 200, duration, result: { loadModelStatus, data, usage }, answerRaw: text };
        } catch (thrown) {
            const error = toServiceError(thrown);
            return { code: error.statusCode, duration, error, ...(generated === undefined ? {} : { answerRaw: generated.text }) };
        }
    }

    /** All that can be refused without waiting. */
    private async prepare(request: PromptRequest): Promise<Prepared> {
        if (given(request.toolServer) && request.toolServer.length > 0) {
            throw badRequest("toolServer: this version has no server-side tools.");
        }
        let validate: Validator | undefined;
        if (given(request.format)) {
            const compiled = compileSchema(request.format.jsonSchema);
            if (compiled.error !== "") {
                throw badRequest(`format.jsonSchema is no usable JSON Schema: ${compiled.error}`);
            }
            validate = "validate" in compiled ? compiled.validate : undefined;
        }
        const model = await this.find(request.model);
        const spec: LoadSpec = {
            name: model.name,
            file: model.file,
            ...(given(request.gpulayer) ? { gpulayer: request.gpulayer } : {}),
            ...(given(request.contextSize) ? { contextSize: request.contextSize } : {}),
        };
        return { spec, validate };
    }

    private async find(name: string): Promise<Model> {
        const model = await this.models.find(name);
        if (model === undefined) {
            const names = this.models.list().map((known) => known.name);
            const there = names.length === 0 ? "There are no models." : `Available: ${names.join(", ")}.`;
            throw badRequest(`Unknown model "${name}". ${there}`);
        }
        return model;
    }

    /** One line without a word of the texts. */
    private report(request: PromptRequest, { code, duration, result, error }: PromptOutcome): void {
        const times = `prompt ${duration.promptMsec} ms, queue ${duration.queueMsec} ms`;
        if (result !== undefined) {
            const { promptTokens, completionTokens, tokensPerSecond } = result.usage;
            const tokens = `${promptTokens} + ${completionTokens} tokens, ${tokensPerSecond} tokens/s`;
            this.log.write("info", "prompt", `${code} ${request.model}: ${times}, ${tokens}`);
        } else {
            // An answer that does not fit is quoted to its client, not to whoever reads the log.
            const why = error?.message.replace(/ Answer: [\s\S]*$/, "") ?? "";
            this.log.write(code === 500 ? "error" : "warn", "prompt", `${code} ${request.model}: ${times}: ${why}`);
        }
    }
}
