/** llama.cpp's own chat templates and parsers, which the patched native part exports; see patches/README.md. */

import type { Llama } from "node-llama-cpp";

/** Where the grammar begins in the answer: with a token, or where the expression matches. */
export interface Trigger {
    readonly token?: number;
    readonly pattern?: string;
    /** What the expression stands for. */
    readonly word?: string;
}

/** A prompt, and how the answer to it is written and read. */
export interface NativeLayout {
    readonly prompt: string;
    /** The end of the prompt, which belongs to the answer's format. */
    readonly begun: string;
    /** GBNF; empty: the answer is free. */
    readonly grammar: string;
    /** The grammar begins at a trigger, not at once. */
    readonly lazy: boolean;
    readonly triggers: readonly Trigger[];
    /** Special tokens that are part of the answer's text. */
    readonly kept: readonly string[];
    /** Texts that end the answer, beside the model's own end. */
    readonly stops: readonly string[];
    /** The model writes its reasoning between marks. */
    readonly thinks: boolean;
    /** Of llama.cpp. */
    readonly format: number;
    readonly formatName: string;
    readonly parser: string;
}

export interface NativeTemplate {
    /** By llama.cpp's names, such as `supports_tools`. */
    can(): Readonly<Record<string, boolean>>;
    /** @throws Error of the template */
    apply(request: string): NativeLayout;
}

export interface NativeAnswer {
    readonly content: string;
    readonly reasoning: string;
    readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
}

export interface NativeParser {
    /** @param partial the answer goes on. @throws Error where a whole answer does not have the format */
    read(text: string, partial: boolean): NativeAnswer;
}

export interface ChatBindings {
    readonly mentatorChatTemplate: new (template: string, bos: string, eos: string) => NativeTemplate;
    readonly mentatorChatParser: new (layout: NativeLayout) => NativeParser;
}

/** Undefined: the native part is the released one. */
export function chatBindingsOf(llama: Llama): ChatBindings | undefined {
    const bindings = (llama as unknown as { readonly _bindings?: Partial<ChatBindings> })._bindings;
    return bindings?.mentatorChatTemplate === undefined ? undefined : (bindings as ChatBindings);
}

/** JSON that llama.cpp reads: half characters, which JSON.stringify writes as escapes, are no UTF-8. */
export function nativeJson(value: object): string {
    return JSON.stringify(value).replace(/\\(ud[89a-f][\da-f]{2}|.)/g, (escape, escaped: string) => (escaped.length > 1 ? "\ufffd" : escape));
}
