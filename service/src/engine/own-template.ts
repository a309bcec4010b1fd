/** The prompt as the model's own chat template lays it out, by llama.cpp; the patched native part only. */

import type { Llama, LlamaModel, Token } from "node-llama-cpp";
import { splice } from "../schema/grammar/splice.js";
import type { ChatMessage, ChatRequest, ToolCall, ToolDefinition } from "./engine.js";
import { forcedTools } from "./forced-call.js";
import { callless } from "./history.js";
import type { GrammarStart } from "./grammars.js";
import { type ChatBindings, chatBindingsOf, nativeJson, type NativeLayout, type NativeParser, type NativeTemplate } from "./native-chat.js";
import { type Shield, shieldFor } from "./plain-tokens.js";

/** How the answer to a prompt is generated and read. */
export interface OwnLayout {
    readonly tokens: readonly Token[];
    /** Of tool calls; absent: the answer is free, or what the request demands. */
    readonly grammar?: { readonly gbnf: string; readonly start: GrammarStart };
    /** Absent: all of the answer is text. */
    readonly parser?: NativeParser;
    /** Special tokens that are part of the answer's text. */
    readonly kept: ReadonlySet<Token>;
    /** What ends the answer, beside the model's own end. */
    readonly stops: readonly (string | Token[])[];
    /** Calls in the answer, at most. */
    readonly mostCalls: number;
}

/** Of the grammar of all calls: llama.cpp would take seconds to read more. */
const MOST_CHARACTERS = 2_000_000;

/** In llama.cpp's grammars of demanded calls: any text before the call. A small model would write it up to its limit. */
const TEXT_FIRST = /^(root ::= .*) until-\d+\?/m;

/**
 * A call of a format without a mark, as Llama 3.1's, may be broken JSON: llama.cpp has no grammar for it where the model
 * need not call. It is the grammar of a demanded call, from the begin of what only a call begins with. Spaces are counted:
 * llama.cpp's regular expressions recurse for each of them.
 */
function withoutMark({ grammar }: NativeLayout): Pick<NativeLayout, "grammar" | "lazy" | "triggers"> | undefined {
    const [, call] = /^root ::= .* (tool-calls?)$/m.exec(grammar) ?? [];
    if (call === undefined || !/^tool-call ::= "" space \(/m.test(grammar)) {
        return undefined;
    }
    return { grammar: grammar.replace(/^root ::= .*$/m, `root ::= ${call}`), lazy: true, triggers: [{ pattern: '^\\s{0,8}(\\{\\s{0,8}"name"\\s{0,8}:)' }] };
}

type Apply = (tools: readonly ToolDefinition[], choice?: string) => NativeLayout;

/** Arguments by our own grammars, which know more of JSON Schema, where the format writes them as JSON. */
function grammarOfCalls(answer: NativeLayout, apply: Apply, tools: readonly ToolDefinition[], grammarOf: (tool: ToolDefinition) => string): Partial<NativeLayout> {
    const marks = tools.map((_, index) => `mentator-arguments-${index}`);
    const marked = tools.map((tool, index) => ({ ...tool, parameters: { const: marks[index] } }));
    const free = answer.grammar === "";
    const exact = free ? withoutMark(apply(marked, "required")) : apply(marked);
    const spliced = exact === undefined ? undefined : splice(exact.grammar, marks, tools.map(grammarOf));
    if (spliced !== undefined) {
        return { ...(free ? exact : {}), grammar: spliced };
    }
    return free ? (withoutMark(apply(tools, "required")) ?? {}) : {};
}

/** JSON, or the text of broken arguments as JSON: a client that sends its history back could not go on else. */
function argumentsOf(given: string): string {
    try {
        JSON.parse(given);
        return given;
    } catch {
        return given === "" ? "{}" : JSON.stringify(given);
    }
}

/** The messages in OpenAI's form. Ids of calls are of nine letters and digits: Mistral's templates take no others. */
function messagesOf(messages: readonly ChatMessage[], { hide }: Shield): object[] {
    const calls = new Map<string, { readonly id: string; readonly name: string }>();
    const callOf = ({ id, name, arguments: given }: ToolCall): object => {
        const known = { id: `call${String(calls.size).padStart(5, "0")}`, name };
        calls.set(id, known);
        return { id: known.id, type: "function", function: { name: hide(name), arguments: hide(argumentsOf(given)) } };
    };
    return messages.map((message) => {
        const content = hide(message.content);
        switch (message.role) {
            case "assistant":
                return { role: "assistant", content, ...(message.toolCalls === undefined ? {} : { tool_calls: message.toolCalls.map(callOf) }) };
            case "tool": {
                const call = calls.get(message.toolCallId);
                if (call === undefined) {
                    throw callless(message.toolCallId);
                }
                return { role: "tool", tool_call_id: call.id, name: hide(call.name), content };
            }
            default:
                return { role: message.role, content };
        }
    });
}

function toolsOf(tools: readonly ToolDefinition[], { hide }: Shield): object[] {
    return tools.map(({ name, description = "", parameters }) => ({
        type: "function",
        function: { name, description: hide(description), parameters: JSON.parse(hide(JSON.stringify(parameters ?? { type: "object", properties: {} }))) as object },
    }));
}

function textsOf({ messages, tools = [] }: ChatRequest): string[] {
    return [JSON.stringify(tools), ...messages.flatMap((message) => [message.content, ...("toolCalls" in message ? message.toolCalls ?? [] : []).flatMap((call) => [call.name, call.arguments])])];
}

export class OwnTemplate {
    private constructor(
        private readonly native: ChatBindings,
        private readonly model: LlamaModel,
        private readonly template: NativeTemplate,
        private readonly can: Readonly<Record<string, boolean>>,
    ) {}

    /** Undefined where node-llama-cpp's wrappers do: without the patch, and for a template that knows neither tools nor reasoning. */
    public static of(llama: Llama, model: LlamaModel): OwnTemplate | undefined {
        const native = chatBindingsOf(llama);
        const text = model.fileInfo.metadata.tokenizer.chat_template;
        if (native === undefined || text === undefined || text === "") {
            return undefined;
        }
        try {
            const template = new native.mentatorChatTemplate(text, model.tokens.bosString ?? "", model.tokens.eosString ?? "");
            const can = template.can();
            const { thinks } = template.apply(nativeJson({ messages: [{ role: "user", content: "Hello" }] }));
            const own = new OwnTemplate(native, model, template, can);
            return thinks || own.knowsTools ? own : undefined;
        } catch {
            return undefined;
        }
    }

    /**
     * @param grammarOf GBNF of a tool's arguments
     * @returns undefined where the template does not know what the request has, or refuses it
     * @throws ServiceError for a tool that does not exist, and a tool message without its call
     */
    public layOut(request: ChatRequest, grammarOf: (tool: ToolDefinition) => string): OwnLayout | undefined {
        const forced = forcedTools(request);
        const { messages, toolChoice = "auto" } = request;
        const tools = toolChoice === "none" ? [] : (request.tools ?? []);
        if ((tools.length > 0 && !this.knowsTools) || messages.at(-1)?.role === "assistant") {
            return undefined;
        }
        const shield = shieldFor(this.model, textsOf(request));
        const chat = messagesOf(messages, shield);
        const parallel = forced === undefined && this.can["supports_parallel_tool_calls"] === true && request.oneCall !== true;
        const apply: Apply = (shown, choice = forced === undefined ? "auto" : "required") =>
            this.template.apply(nativeJson({ messages: chat, ...(shown.length === 0 ? {} : { tools: toolsOf(shown, shield), toolChoice: choice, parallel }) }));
        try {
            const layout = apply(tools);
            // The model is shown all tools, also where it must call one of them.
            const callable = forced ?? tools;
            const answer = callable.length === tools.length ? layout : apply(callable);
            const calls = callable.length === 0 ? {} : grammarOfCalls(answer, apply, callable, grammarOf);
            const whole = { ...answer, ...calls };
            return whole.grammar.length > MOST_CHARACTERS ? undefined : this.asLayout(request, this.begun(shield.tokens(layout.prompt)), whole);
        } catch {
            return undefined;
        }
    }

    private get knowsTools(): boolean {
        return this.can["supports_tools"] === true && this.can["supports_tool_calls"] === true;
    }

    private asLayout(request: ChatRequest, tokens: readonly Token[], layout: NativeLayout): OwnLayout {
        const kept = new Set(layout.kept.flatMap((text) => this.single(text) ?? []));
        const stops = layout.stops.flatMap((text) => [text, this.model.tokenize(text, true)]);
        const forced = forcedTools(request) !== undefined;
        const common = { tokens, kept, stops, mostCalls: forced || request.oneCall === true ? 1 : Infinity };
        if (request.constraint !== undefined) {
            // The answer is what its grammar says, from its first token on.
            return common;
        }
        const reads = layout.thinks || (request.tools ?? []).length > 0;
        const parser = reads ? { parser: new this.native.mentatorChatParser(layout) } : {};
        const gbnf = forced ? layout.grammar.replace(TEXT_FIRST, "$1") : layout.grammar;
        return { ...common, ...parser, ...(gbnf === "" ? {} : { grammar: { gbnf, start: this.startOf(layout) } }) };
    }

    private startOf({ lazy, triggers, begun }: NativeLayout): GrammarStart {
        if (!lazy) {
            return { begun: this.model.tokenize(begun, true, "trimLeadingSpace") };
        }
        const tokens = triggers.flatMap(({ token, word }) => (token === undefined ? (word === undefined ? [] : (this.single(word) ?? [])) : (token as Token)));
        return { patterns: triggers.flatMap(({ pattern, word }) => (pattern === undefined || (word !== undefined && this.single(word) !== undefined) ? [] : pattern)), tokens };
    }

    /** The token that is exactly this text. */
    private single(text: string): Token | undefined {
        const [token, ...more] = this.model.tokenize(text, true);
        return more.length === 0 ? token : undefined;
    }

    private begun(tokens: readonly Token[]): readonly Token[] {
        const { bos, shouldPrependBosToken } = this.model.tokens;
        return bos === null || !shouldPrependBosToken || tokens[0] === bos ? tokens : [bos, ...tokens];
    }
}
