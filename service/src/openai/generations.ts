/** Runs the generations of one OpenAI request: one or several answers, all or an error. */

import type { Chunk, Generated, GenerationRequest, LoadSpec, Usage } from "../engine/engine.js";
import { toServiceError } from "../errors.js";
import { type ModelCatalog, specOf } from "../models/catalog.js";
import { writerOf } from "../models/unknown.js";
import type { Journal } from "../prompt/journal.js";
import type { Duration, Scheduler } from "../schedule/scheduler.js";
import { openAiError } from "./errors.js";

/** One of the answers that are asked for. */
export interface Asked {
    readonly request: GenerationRequest;
    /** Used when `request` made no tool call; the text of `request` is then dropped, and not streamed. */
    readonly otherwise?: GenerationRequest;
    /** Of the answer that is sent. @throws ServiceError when it breaks what was asked for */
    readonly check?: (answer: Generated) => void;
}

export interface Run {
    /** The path that was called. */
    readonly call: string;
    readonly body: { readonly model: string };
    readonly requestId: string;
    readonly signal: AbortSignal;
    /** @throws ServiceError */
    readonly asked: () => readonly Asked[];
    readonly onChunk?: (index: number, chunk: Chunk, model: string) => void;
    /** The body of the answer. */
    readonly respond: (answers: readonly Generated[], model: string) => object;
}

interface Ran {
    readonly answers: readonly Generated[];
    readonly model: string;
    readonly response: object;
}

/** All answers together; the prompt counts once. */
export function usageOf(answers: readonly Generated[]): Usage {
    const usages = answers.map(({ usage }) => usage);
    const total = (key: "completionTokens" | "tokensPerSecond"): number => usages.reduce((sum, usage) => sum + usage[key], 0);
    const first = usages[0];
    return {
        promptTokens: 0,
        ...first,
        completionTokens: total("completionTokens"),
        tokensPerSecond: Math.round((total("tokensPerSecond") / Math.max(1, usages.length)) * 10) / 10,
    };
}

export class Generations {
    public constructor(
        private readonly models: ModelCatalog,
        private readonly scheduler: Scheduler,
        private readonly journal: Journal,
    ) {}

    /** @throws ServiceError */
    public async run(run: Run): Promise<Ran> {
        const { call, body, requestId } = run;
        let duration: Duration = { promptMsec: 0, queueMsec: 0 };
        const entry = { kind: "generation", requestId, call, model: body.model, request: body } as const;
        try {
            const asked = run.asked();
            const model = await writerOf(this.models, body.model);
            const { name } = model;
            const failed = new AbortController();
            const signal = AbortSignal.any([run.signal, failed.signal]);
            const ends = await Promise.all(
                asked.map(async (one, index) => {
                    const end = await this.one(specOf(model), one, signal, (chunk) => run.onChunk?.(index, chunk, name));
                    if ("failure" in end) {
                        failed.abort(end.failure);
                    }
                    return end;
                }),
            );
            duration = longest(ends.map((end) => end.duration));
            const answers = ends.map((end) => {
                if ("failure" in end) {
                    throw failed.signal.reason;
                }
                return end.generated;
            });
            const response = run.respond(answers, name);
            this.journal.close({ ...entry, code: 200, duration, usage: usageOf(answers), response, answerRaw: answers.map(({ text }) => text).join("\n") });
            return { answers, model: name, response };
        } catch (thrown) {
            const error = toServiceError(thrown);
            const { status, body: response } = openAiError(error.statusCode, error);
            this.journal.close({ ...entry, code: status, duration, fault: error.message, response });
            throw error;
        }
    }

    /** Never rejects. */
    private async one(spec: LoadSpec, { request, otherwise, check }: Asked, signal: AbortSignal, onChunk: (chunk: Chunk) => void): Promise<End> {
        const finished = await this.scheduler.run({ spec, request, signal, ...(otherwise === undefined ? { onChunk } : {}) });
        if ("failure" in finished) {
            return { duration: finished.duration, failure: finished.failure };
        }
        const { duration, result } = finished;
        if (otherwise === undefined || result.finishReason === "tool") {
            try {
                check?.(result);
            } catch (thrown) {
                return { duration, failure: thrown };
            }
            return { duration, generated: result };
        }
        const again = await this.one(spec, { request: otherwise, ...(check === undefined ? {} : { check }) }, signal, onChunk);
        const { promptMsec, queueMsec } = again.duration;
        return { ...again, duration: { promptMsec: duration.promptMsec + promptMsec, queueMsec: duration.queueMsec + queueMsec } };
    }
}

type End = { readonly duration: Duration } & ({ readonly generated: Generated } | { readonly failure: unknown });

function longest(durations: readonly Duration[]): Duration {
    return {
        promptMsec: Math.max(0, ...durations.map(({ promptMsec }) => promptMsec)),
        queueMsec: Math.max(0, ...durations.map(({ queueMsec }) => queueMsec)),
    };
}
