/** An answer for which the model may call the service's own tools: ask, run the tools, give the results, ask again. */

import type { ChatMessage, ChatRequest, Generated, LoadSpec, ToolCall, Usage } from "../engine/engine.js";
import { sumOf } from "../engine/usage.js";
import { withAnyOf } from "../schedule/abort.js";
import { ownTimeReached } from "../schedule/refusals.js";
import type { Duration, Scheduler } from "../schedule/scheduler.js";
import { compileSchema } from "../schema/compile.js";
import type { Tool } from "../tools/tool.js";

/** How often the model may ask for calls before it has to answer. */
const MOST_ROUNDS = 8;

/** Runs one tool. Never rejects: the model gets the error as the answer. */
export type CallTool = (tool: Tool, args: unknown, signal: AbortSignal) => Promise<string>;

export interface Task {
    readonly spec: LoadSpec;
    readonly request: Omit<ChatRequest, "kind" | "tools" | "toolChoice">;
    readonly tools: readonly Tool[];
    /** Of generating and of the tools together, ms. */
    readonly durationMsec: number;
    readonly signal: AbortSignal;
}

export interface Answered {
    readonly duration: Duration;
    readonly generated?: Generated;
    readonly loadModelStatus: "load" | "exists";
    /** In the order of their first call. */
    readonly usedTools: readonly string[];
    readonly failure?: unknown;
}

/** How much of `durationMsec` a generation took; loading and waiting do not count. */
function spent({ firstTokenMsec = 0, completionTokens, tokensPerSecond }: Usage): number {
    return firstTokenMsec + (tokensPerSecond > 0 ? (completionTokens / tokensPerSecond) * 1000 : 0);
}

/** Adds up what several turns took. */
class Ledger {
    public promptMsec = 0;
    public queueMsec = 0;
    public loadModelStatus: "load" | "exists" = "exists";
    public usage: Usage | undefined;
    public readonly used = new Set<string>();

    public constructor(public leftMsec: number) {}

    public add({ promptMsec, queueMsec }: Duration): void {
        this.promptMsec += promptMsec;
        this.queueMsec += queueMsec;
    }

    public tool(name: string, msec: number): void {
        this.used.add(name);
        this.promptMsec += Math.round(msec);
        this.leftMsec -= msec;
    }

    public get sums(): Omit<Answered, "generated" | "failure"> {
        const { promptMsec, queueMsec, loadModelStatus } = this;
        return { duration: { promptMsec, queueMsec }, loadModelStatus, usedTools: [...this.used] };
    }
}

/** A text that is not JSON goes to the tool as it is. */
function argumentsOf(call: ToolCall): unknown {
    try {
        return JSON.parse(call.arguments);
    } catch {
        return call.arguments;
    }
}

/** Why the model's arguments are not what the tool takes, or "". */
function argumentsFault({ definition }: Tool, args: unknown): string {
    const compiled = compileSchema(definition.parameters ?? {}, "arguments");
    return "validate" in compiled ? compiled.validate(args) : "";
}

/** Never rejects. */
export async function answerWithTools(scheduler: Scheduler, callTool: CallTool, task: Task): Promise<Answered> {
    const { spec, signal, tools, durationMsec } = task;
    const { constraint, ...request } = task.request;
    const ledger = new Ledger(durationMsec);
    const messages: ChatMessage[] = [...request.messages];

    const generate = async (more: Partial<ChatRequest>): Promise<Generated> => {
        if (ledger.leftMsec < 1) {
            throw ownTimeReached(durationMsec);
        }
        const finished = await scheduler.run({
            spec,
            request: { ...request, ...more, kind: "chat", messages },
            durationMsec: Math.ceil(ledger.leftMsec),
            wholeMsec: durationMsec,
            signal,
        });
        ledger.add(finished.duration);
        if ("failure" in finished) {
            throw finished.failure;
        }
        if (finished.loadModelStatus === "load") {
            ledger.loadModelStatus = "load";
        }
        ledger.leftMsec -= spent(finished.result.usage);
        ledger.usage = sumOf(ledger.usage, finished.result.usage);
        return { ...finished.result, usage: ledger.usage };
    };

    const runTools = async ({ text, toolCalls }: Generated): Promise<void> => {
        messages.push({ role: "assistant", content: text, toolCalls });
        for (const call of toolCalls) {
            const tool = tools.find(({ name }) => name === call.name);
            const started = performance.now();
            const limit = AbortSignal.timeout(Math.max(1, Math.ceil(ledger.leftMsec)));
            const args = argumentsOf(call);
            const fault = tool === undefined ? `there is no tool ${call.name}` : argumentsFault(tool, args);
            const content = tool === undefined || fault !== "" ? `The call failed: ${fault}.` : await withAnyOf([signal, limit], async (any) => callTool(tool, args, any));
            ledger.tool(call.name, performance.now() - started);
            messages.push({ role: "tool", toolCallId: call.id, content });
        }
    };

    try {
        if (tools.length === 0) {
            const generated = await generate(constraint === undefined ? {} : { constraint });
            return { ...ledger.sums, generated };
        }
        const definitions = tools.map(({ definition }) => definition);
        let generated = await generate({ tools: definitions, toolChoice: "auto" });
        for (let round = 1; generated.finishReason === "tool"; round += 1) {
            await runTools(generated);
            generated = await generate({ tools: definitions, toolChoice: round < MOST_ROUNDS ? "auto" : "none" });
        }
        if (constraint !== undefined) {
            // Tool calls and a constraint exclude each other, so the answer is generated once more with the constraint.
            generated = await generate({ constraint });
        }
        return { ...ledger.sums, generated };
    } catch (thrown) {
        return { ...ledger.sums, failure: thrown };
    }
}
