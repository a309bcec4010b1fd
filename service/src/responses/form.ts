/** Answers in the form of OpenAI's Responses API, whole and as events. Pure but for ids. */

import { randomUUID } from "node:crypto";
import type { Chunk, Generated, ToolCall, Usage } from "../engine/engine.js";
import type { ResponsesBody } from "./schema.js";

export function freshId(prefix: string): string {
    return `${prefix}_${randomUUID().replaceAll("-", "")}`;
}

/** What every form of one answer has. */
export interface Head {
    readonly id: string;
    /** Seconds since the epoch. */
    readonly createdAt: number;
    readonly body: ResponsesBody;
    /** Whether it is kept. */
    readonly store: boolean;
}

function usageForm({ promptTokens, completionTokens, cachedTokens = 0 }: Usage, thoughts: number): object {
    return {
        input_tokens: promptTokens,
        input_tokens_details: { cached_tokens: cachedTokens },
        output_tokens: completionTokens,
        output_tokens_details: { reasoning_tokens: Math.min(thoughts, completionTokens) },
        total_tokens: promptTokens + completionTokens,
    };
}

interface State {
    readonly status: "in_progress" | "completed" | "incomplete" | "failed";
    readonly output: readonly object[];
    readonly usage?: Usage;
    /** Tokens of the answer that were thoughts. */
    readonly thoughts?: number;
    readonly error?: { readonly code: string; readonly message: string };
}

export function responseForm({ id, createdAt, body, store }: Head, model: string, { status, output, usage, thoughts = 0, error }: State): object {
    return {
        id,
        object: "response",
        created_at: createdAt,
        status,
        background: false,
        error: error ?? null,
        incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
        instructions: body.instructions ?? null,
        max_output_tokens: body.max_output_tokens ?? null,
        metadata: body.metadata ?? {},
        model,
        output,
        parallel_tool_calls: body.parallel_tool_calls !== false,
        previous_response_id: body.previous_response_id ?? null,
        reasoning: { effort: null, summary: null },
        store,
        temperature: body.temperature ?? null,
        text: { format: body.text?.format ?? { type: "text" } },
        tool_choice: body.tool_choice ?? "auto",
        tools: body.tools ?? [],
        top_p: body.top_p ?? null,
        truncation: "disabled",
        usage: usage === undefined ? null : usageForm(usage, thoughts),
        user: body.user ?? null,
    };
}

export function statusOf({ finishReason }: Generated): "completed" | "incomplete" {
    return finishReason === "length" ? "incomplete" : "completed";
}

/** Its type is also the name of the server-sent event. */
export interface Event {
    readonly type: string;
}

type Kind = Chunk["kind"];

/** The item that grows. */
interface Open {
    readonly kind: Kind;
    readonly id: string;
    readonly call: Pick<ToolCall, "id" | "name"> | undefined;
    text: string;
}

const ITEM: Readonly<Record<Kind, { readonly prefix: string; readonly events: string }>> = {
    text: { prefix: "msg", events: "response.output_text" },
    reasoning: { prefix: "rs", events: "response.reasoning_text" },
    call: { prefix: "fc", events: "response.function_call_arguments" },
};

/** The events of one answer in OpenAI's order, and the items that they make. */
export class ResponseEvents {
    /** Items that are complete. */
    private readonly output: object[] = [];
    /** The whole answer, after its end. */
    public response: object = {};
    private open: Open | undefined;
    private number = 0;
    /** A call came in pieces. */
    private called = false;

    public constructor(
        private readonly head: Head,
        private readonly severalCalls: boolean,
    ) {}

    public begin(model: string): Event[] {
        if (this.number > 0) {
            return [];
        }
        const response = responseForm(this.head, model, { status: "in_progress", output: [] });
        return [this.event("response.created", { response }), this.event("response.in_progress", { response })];
    }

    public piece({ kind, text, call, place = 0 }: Chunk): Event[] {
        if ((place > 0 && !this.severalCalls) || (text === "" && call === undefined)) {
            return [];
        }
        const begun = this.open?.kind === kind && call === undefined ? [] : [...this.close("completed"), ...this.add(kind, call)];
        this.called ||= kind === "call";
        if (this.open === undefined || text === "") {
            return begun;
        }
        this.open.text += text;
        return [...begun, this.event(`${ITEM[kind].events}.delta`, { ...this.place(), delta: text, ...(kind === "text" ? { logprobs: [] } : {}) })];
    }

    /** Whatever has not come in pieces comes now. @param thoughts tokens of the answer that were thoughts */
    public end(answer: Generated, model: string, thoughts: number): Event[] {
        const calls = this.called ? [] : this.severalCalls ? answer.toolCalls : answer.toolCalls.slice(0, 1);
        const silent = this.open === undefined && this.output.length === 0;
        const texts = silent ? [...this.piece({ kind: "reasoning", text: answer.reasoning ?? "", tokens: 0 }), ...this.piece({ kind: "text", text: answer.text, tokens: 0 })] : [];
        const whole = calls.flatMap((call) => this.piece({ kind: "call", text: call.arguments, call, tokens: 0 }));
        const status = statusOf(answer);
        const last = this.close(status);
        this.response = responseForm(this.head, model, { status, output: this.output, usage: answer.usage, thoughts });
        return [...texts, ...whole, ...last, this.event(`response.${status}`, { response: this.response })];
    }

    public fail(model: string, code: string, message: string): Event {
        const response = responseForm(this.head, model, { status: "failed", output: this.output, error: { code, message } });
        return this.event("response.failed", { response });
    }

    private add(kind: Kind, call: Open["call"]): Event[] {
        this.open = { kind, id: freshId(ITEM[kind].prefix), call, text: "" };
        const added = this.event("response.output_item.added", { output_index: this.output.length, item: this.item(this.open, "in_progress", false) });
        return kind === "call" ? [added] : [added, this.event("response.content_part.added", { ...this.place(), part: this.part() })];
    }

    private close(status: "completed" | "incomplete"): Event[] {
        const { open } = this;
        if (open === undefined) {
            return [];
        }
        const { kind, text, call } = open;
        const item = this.item(open, status, true);
        const done = kind === "call" ? { arguments: text, name: call?.name } : { text, ...(kind === "text" ? { logprobs: [] } : {}) };
        const events = [
            this.event(`${ITEM[kind].events}.done`, { ...this.place(), ...done }),
            ...(kind === "call" ? [] : [this.event("response.content_part.done", { ...this.place(), part: this.part() })]),
            this.event("response.output_item.done", { output_index: this.output.length, item }),
        ];
        this.output.push(item);
        this.open = undefined;
        return events;
    }

    private place(): object {
        return { item_id: this.open?.id, output_index: this.output.length, ...(this.open?.kind === "call" ? {} : { content_index: 0 }) };
    }

    private part(): object {
        const text = this.open?.text ?? "";
        return this.open?.kind === "reasoning" ? { type: "reasoning_text", text } : { type: "output_text", text, annotations: [], logprobs: [] };
    }

    /** @param whole with its content */
    private item({ kind, id, call, text }: Open, status: string, whole: boolean): object {
        const content = whole ? [this.part()] : [];
        switch (kind) {
            case "text":
                return { type: "message", id, status, role: "assistant", content };
            case "reasoning":
                return { type: "reasoning", id, status, summary: [], content };
            case "call":
                return { type: "function_call", id, call_id: call?.id, name: call?.name, arguments: text, status };
        }
    }

    private event(type: string, more: object): Event {
        const numbered = { type, sequence_number: this.number, ...more };
        this.number += 1;
        return numbered;
    }
}
