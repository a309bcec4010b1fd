/** Runs the generations of one OpenAI request: one or several answers, all or an error. */

import { sumOf } from "../engine/usage.js";
import type { Chunk, Generated, GenerationRequest, LoadSpec, Usage } from "../engine/engine.js";
import { toServiceError } from "../errors.js";
import { type ModelCatalog, specOf, type Wishes } from "../models/catalog.js";
import { writerOf } from "../models/unknown.js";
import type { Journal } from "../prompt/journal.js";
import { withAnyOf } from "../schedule/abort.js";
import type { Duration, Scheduler } from "../schedule/scheduler.js";
import { fewAtOnce } from "../schedule/window.js";
import { openAiError } from "./errors.js";

/** Answers of one request that wait or run at once, at most: the others leave the queue to other requests. */
const MOST_AT_ONCE = 8;

/** One of the answers that are asked for. */
export interface Asked {
    readonly request: GenerationRequest;
    /** A further answer to the prompt of the one before. */
    readonly samePrompt?: boolean;
    /** Used when `request` made no tool call; the text of `request` is then dropped, and not streamed. */
    readonly otherwise?: GenerationRequest;
    /** Of the answer that is sent. @throws ServiceError when it breaks what was asked for */
    readonly check?: (answer: Generated) => void;
}

export interface Run {
    /** The path that was called. */
    readonly call: string;
    readonly body: { readonly model: string };
    /** How the model is to be loaded. */
    readonly wishes?: Wishes;
    readonly requestId: string;
    readonly signal: AbortSignal;
    /** @throws ServiceError */
    readonly asked: () => Promise<readonly Asked[]> | readonly Asked[];
    /** Called once it is sure that the request is served, if nothing fails. */
    readonly onAdmitted?: () => void;
    readonly onChunk?: (index: number, chunk: Chunk, model: string) => void;
    /** The body of the answer. */
    readonly respond: (answers: readonly Generated[], model: string, usage: Usage) => object;
}

interface Ran {
    readonly answers: readonly Generated[];
    readonly model: string;
    readonly usage: Usage;
    readonly duration: Duration;
    readonly response: object;
}

/** All answers together: a prompt counts once, however many answers it gets, and every generation counts. */
function usageOf(answers: readonly Generated[], asked: readonly Asked[]): Usage {
    const usages = answers.map(({ usage }) => usage);
    const prompts = usages.filter((_, index) => asked[index]?.samePrompt !== true);
    const completionTokens = total(usages, "completionTokens");
    return {
        ...usages[0],
        promptTokens: total(prompts, "promptTokens"),
        cachedTokens: total(prompts, "cachedTokens"),
        completionTokens,
        tokensPerSecond: Math.round((total(usages, "tokensPerSecond") / Math.max(1, usages.length)) * 10) / 10,
    };
}

function total(usages: readonly Usage[], key: "promptTokens" | "cachedTokens" | "completionTokens" | "tokensPerSecond"): number {
    return usages.reduce((sum, usage) => sum + (usage[key] ?? 0), 0);
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
            const asked = await run.asked();
            const model = await writerOf(this.models, body.model);
            const { name } = model;
            const { onChunk } = run;
            const failed = new AbortController();
            const ends = await withAnyOf([run.signal, failed.signal], async (signal) =>
                fewAtOnce(asked, MOST_AT_ONCE, async (one, index) => {
                    const end = await this.one(specOf(model, run.wishes), one, signal, {
                        follows: index > 0,
                        onChunk: onChunk === undefined ? undefined : (chunk) => onChunk(index, chunk, name),
                        onAdmitted: () => run.onAdmitted?.(),
                    });
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
            const usage = usageOf(answers, asked);
            const response = run.respond(answers, name, usage);
            this.journal.close({ ...entry, code: 200, duration, usage, response, answerRaw: answers.map(({ text }) => text).join("\n") });
            return { answers, model: name, usage, duration, response };
        } catch (thrown) {
            const error = toServiceError(thrown);
            const { status, body: response } = openAiError(error.statusCode, error);
            this.journal.close({ ...entry, code: status, duration, fault: error.message, response });
            throw error;
        }
    }

    /** Never rejects. */
    private async one(spec: LoadSpec, { request, otherwise, check }: Asked, signal: AbortSignal, { onChunk, onAdmitted, follows }: Part): Promise<End> {
        const finished = await this.scheduler.run({ spec, request, signal, onAdmitted, follows, ...(otherwise === undefined && onChunk !== undefined ? { onChunk } : {}) });
        if ("failure" in finished) {
            return { duration: finished.duration, failure: finished.failure };
        }
        const { duration, result } = finished;
        if (otherwise === undefined || result.toolCalls.length > 0) {
            try {
                check?.(result);
            } catch (thrown) {
                return { duration, failure: thrown };
            }
            return { duration, generated: result };
        }
        const again = await this.one(spec, { request: otherwise, ...(check === undefined ? {} : { check }) }, signal, { onChunk, onAdmitted, follows: true });
        const { promptMsec, queueMsec } = again.duration;
        const sums = "generated" in again ? { generated: { ...again.generated, usage: sumOf(result.usage, again.generated.usage) } } : again;
        return { ...sums, duration: { promptMsec: duration.promptMsec + promptMsec, queueMsec: duration.queueMsec + queueMsec } };
    }
}

/** One answer of several to a request. */
interface Part {
    /** It is not the one by which the request is admitted or refused. */
    readonly follows: boolean;
    /** Absent where nothing is sent before the end. */
    readonly onChunk: ((chunk: Chunk) => void) | undefined;
    readonly onAdmitted: () => void;
}

type End = { readonly duration: Duration } & ({ readonly generated: Generated } | { readonly failure: unknown });

function longest(durations: readonly Duration[]): Duration {
    return {
        promptMsec: Math.max(0, ...durations.map(({ promptMsec }) => promptMsec)),
        queueMsec: Math.max(0, ...durations.map(({ queueMsec }) => queueMsec)),
    };
}
