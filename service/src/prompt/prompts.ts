/** POST /prompt, from a valid body to an answer. Of HTTP it knows only status codes. */

import { randomInt } from "node:crypto";
import { engineOptions, type PromptOptions, readOptions } from "../config/options.js";
import type { ChatMessage, Generated, LoadSpec, Usage } from "../engine/engine.js";
import { badRequest, toServiceError, type ServiceError } from "../errors.js";
import { type ModelCatalog, specOf } from "../models/catalog.js";
import { writerOf } from "../models/unknown.js";
import type { Duration, Scheduler } from "../schedule/scheduler.js";
import { compileSchema, type Validator } from "../schema/compile.js";
import type { Tool } from "../tools/tool.js";
import { readAnswer, hideAnswer } from "./answer.js";
import type { Journal } from "./journal.js";
import type { PromptRequest } from "./request.js";
import { answerWithTools, type CallTool } from "./server-tools.js";

interface PromptResult {
    readonly loadModelStatus: "load" | "exists";
    /** Only of a request that allowed tools. */
    readonly usedTools?: readonly string[];
    readonly data: unknown;
    readonly usage: Usage;
}

/** A request's end, good or bad. */
interface PromptOutcome {
    readonly duration: Duration;
    readonly result?: PromptResult;
    readonly error?: ServiceError;
    /** What the model wrote, also when it could not be used. */
    readonly generated?: Generated;
}

/** The service's own tools. */
export interface ServerTools {
    /** `names`, or all for `["*"]`. @throws ServiceError when one is not there */
    choose(names: readonly string[]): Promise<readonly Tool[]>;
    readonly call: CallTool;
}

interface Prepared {
    readonly spec: LoadSpec;
    readonly validate: Validator | undefined;
    readonly tools: readonly Tool[];
}

/** A value that is neither absent nor null. */
function isGiven<T>(value: T | null | undefined): value is T {
    return value !== undefined && value !== null;
}

function messagesOf({ user, system }: PromptRequest["message"]): ChatMessage[] {
    const before: ChatMessage[] = isGiven(system) && system !== "" ? [{ role: "system", content: system }] : [];
    return [...before, { role: "user", content: user }];
}

export class Prompts {
    private readonly told = new Set<string>();

    public constructor(
        private readonly models: ModelCatalog,
        private readonly scheduler: Scheduler,
        private readonly defaults: PromptOptions,
        private readonly serverTools: ServerTools,
        private readonly journal: Journal,
        /** Takes a line for the log. */
        private readonly tell: (line: string) => void = () => undefined,
    ) {}

    /** Never rejects. */
    public async answer(request: PromptRequest, requestId: string, signal: AbortSignal): Promise<PromptOutcome> {
        const outcome = await this.attempt(request, signal);
        const { duration, result, error, generated } = outcome;
        this.journal.close({
            kind: "generation",
            requestId,
            call: "/prompt",
            model: request.model,
            code: error?.statusCode ?? 200,
            duration,
            request,
            response: error === undefined ? { duration, result } : { error: error.message, duration },
            ...(error === undefined ? {} : { fault: hideAnswer(error.message) }),
            ...(generated === undefined ? {} : { answerRaw: generated.text, usage: generated.usage }),
        });
        return outcome;
    }

    private async attempt(request: PromptRequest, signal: AbortSignal): Promise<PromptOutcome> {
        let outcome: PromptOutcome = { duration: { promptMsec: 0, queueMsec: 0 } };
        try {
            const { spec, validate, tools } = await this.prepare(request);
            const { message, durationMsec } = request;
            const schema = request.format?.jsonSchema ?? undefined;
            const options = this.optionsOf(request);
            const { duration, generated, loadModelStatus, usedTools, failure } = await answerWithTools(this.scheduler, this.serverTools.call, {
                spec,
                request: {
                    messages: messagesOf(message),
                    options: { seed: randomInt(2 ** 32), ...engineOptions(options) },
                    ...(options.stopSequences.length === 0 ? {} : { stop: options.stopSequences.filter((text) => text !== "") }),
                    ...(request.format?.useGrammar === true && schema !== undefined ? { constraint: { kind: "schema", schema } } : {}),
                },
                tools,
                durationMsec,
                signal,
            });
            if (generated === undefined) {
                outcome = { duration };
                throw failure;
            }
            outcome = { duration, generated };
            const { text, finishReason, usage } = generated;
            const data = validate === undefined ? (options.trimWhitespace ? text.trimEnd() : text) : readAnswer(text, finishReason === "length", validate);
            const result = { loadModelStatus, ...(tools.length === 0 ? {} : { usedTools }), data, usage };
            return { ...outcome, result };
        } catch (thrown) {
            return { ...outcome, error: toServiceError(thrown) };
        }
    }

    /** Each name is told once: a client sends the same options again and again. */
    private optionsOf(request: PromptRequest): PromptOptions {
        const { options, replaced, unused } = readOptions(request.options ?? {});
        const lines = [
            ...[...replaced].map(([name, why]) => [name, `options.${name} ${why}: its default is used. Further requests with it are not told`] as const),
            ...unused.map((name) => [`unused ${name}`, `options.${name} is not applied: the engine has nothing like it. Further requests with it are not told`] as const),
        ];
        for (const [name, line] of lines) {
            if (!this.told.has(name)) {
                this.told.add(name);
                this.tell(line);
            }
        }
        return { ...this.defaults, ...options };
    }

    /** Finds everything that can be refused without waiting. */
    private async prepare(request: PromptRequest): Promise<Prepared> {
        const tools = isGiven(request.toolServer) ? await this.serverTools.choose(request.toolServer) : [];
        let validate: Validator | undefined;
        if (isGiven(request.format?.jsonSchema)) {
            const compiled = compileSchema(request.format.jsonSchema, request.format.useGrammar ? "answer" : "check");
            if (compiled.error !== "") {
                throw badRequest(`format.jsonSchema cannot be used as a JSON Schema: ${compiled.error}`);
            }
            validate = "validate" in compiled ? compiled.validate : undefined;
        }
        const model = await writerOf(this.models, request.model);
        const spec = specOf(model, { gpulayer: request.gpulayer, contextSize: request.contextSize });
        return { spec, validate, tools };
    }
}
