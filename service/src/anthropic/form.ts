/** Answers in the form of Anthropic's Messages API, whole and in pieces. Pure. */

import type { Chunk, Generated, ToolCall, Usage } from "../engine/engine.js";

export interface Shown {
    readonly thoughts: boolean;
    /** Else the first call only. */
    readonly severalCalls: boolean;
}

/** A prompt's tokens are told in two parts: computed, and known before. */
export function usageForm({ promptTokens, cachedTokens = 0, completionTokens }: Usage): object {
    return { input_tokens: promptTokens - cachedTokens, cache_creation_input_tokens: 0, cache_read_input_tokens: cachedTokens, output_tokens: completionTokens };
}

/** Cut arguments are no JSON: what is there of them is lost, as `stop_reason` says. */
function inputOf({ arguments: given }: ToolCall): object {
    try {
        const value: unknown = given === "" ? {} : JSON.parse(given);
        return typeof value === "object" && value !== null ? value : { value };
    } catch {
        return {};
    }
}

function stopOf({ finishReason, stopText }: Generated): { readonly stop_reason: string; readonly stop_sequence: string | null } {
    if (finishReason === "stop" && stopText !== undefined) {
        return { stop_reason: "stop_sequence", stop_sequence: stopText };
    }
    return { stop_reason: { stop: "end_turn", length: "max_tokens", tool: "tool_use" }[finishReason], stop_sequence: null };
}

function callsOf({ toolCalls }: Generated, { severalCalls }: Shown): readonly ToolCall[] {
    return severalCalls ? toolCalls : toolCalls.slice(0, 1);
}

/** Nobody signed them: the field is needed by clients that send thoughts back. */
const SIGNATURE = "";

export function messageForm(id: string, model: string, answer: Generated, shown: Shown): object {
    const { text, reasoning = "", usage } = answer;
    const content = [
        ...(reasoning === "" || !shown.thoughts ? [] : [{ type: "thinking", thinking: reasoning, signature: SIGNATURE }]),
        ...(text === "" ? [] : [{ type: "text", text }]),
        ...callsOf(answer, shown).map((call) => ({ type: "tool_use", id: call.id, name: call.name, input: inputOf(call) })),
    ];
    return { id, type: "message", role: "assistant", model, content, ...stopOf(answer), usage: usageForm(usage) };
}

/** An event; its type is also the name of the server-sent event. */
export interface Event {
    readonly type: string;
}

type Kind = Chunk["kind"];

/** The events of one streamed answer, in Anthropic's order: each block is begun, grows, and is stopped before the next. */
export class MessageEvents {
    private begun = false;
    private index = -1;
    private open: Kind | undefined;
    /** A call came in pieces. */
    private called = false;

    public constructor(
        private readonly id: string,
        private readonly shown: Shown,
    ) {}

    /** How many tokens the prompt has is known at the end only, and is told there. */
    public begin(model: string): Event[] {
        if (this.begun) {
            return [];
        }
        this.begun = true;
        const usage = { input_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 };
        const message = { id: this.id, type: "message", role: "assistant", model, content: [], stop_reason: null, stop_sequence: null, usage };
        return [event("message_start", { message })];
    }

    public piece({ kind, text, call, place = 0 }: Chunk): Event[] {
        const hidden = (place > 0 && !this.shown.severalCalls) || (kind === "reasoning" && !this.shown.thoughts);
        if (hidden || (text === "" && call === undefined)) {
            return [];
        }
        if (kind === "call") {
            this.called = true;
            return [...(call === undefined ? [] : this.block("call", { type: "tool_use", id: call.id, name: call.name, input: {} })), ...(text === "" ? [] : [this.delta({ type: "input_json_delta", partial_json: text })])];
        }
        if (kind === "reasoning") {
            return [...this.block(kind, { type: "thinking", thinking: "", signature: SIGNATURE }), this.delta({ type: "thinking_delta", thinking: text })];
        }
        return [...this.block(kind, { type: "text", text: "" }), this.delta({ type: "text_delta", text })];
    }

    public end(answer: Generated): Event[] {
        const calls = this.called ? [] : callsOf(answer, this.shown);
        const whole = calls.flatMap((call) => this.piece({ kind: "call", text: JSON.stringify(inputOf(call)), call, tokens: 0 }));
        return [...whole, ...this.stop(), event("message_delta", { delta: stopOf(answer), usage: usageForm(answer.usage) }), event("message_stop", {})];
    }

    /** Begins a block, unless one of this kind is open: each call has its own. */
    private block(kind: Kind, content: object): Event[] {
        if (this.open === kind && kind !== "call") {
            return [];
        }
        const before = this.stop();
        this.open = kind;
        this.index += 1;
        return [...before, event("content_block_start", { index: this.index, content_block: content })];
    }

    private delta(delta: object): Event {
        return event("content_block_delta", { index: this.index, delta });
    }

    private stop(): Event[] {
        if (this.open === undefined) {
            return [];
        }
        this.open = undefined;
        return [event("content_block_stop", { index: this.index })];
    }
}

function event(type: string, more: object): Event {
    return { type, ...more };
}
