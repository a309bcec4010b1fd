/** Takes an answer apart while it comes: text, reasoning and tool calls, by the parser of the model's own format. */

import type { Chunk, ToolCall } from "./engine.js";
import { callId } from "./forced-call.js";
import type { NativeAnswer, NativeParser } from "./native-chat.js";

/** The parser reads the whole answer each time: pieces wait so long that it takes at most a fifth of the time. */
const PAUSE = 4;

interface Parts {
    readonly text: string;
    readonly reasoning: string;
    readonly toolCalls: readonly ToolCall[];
}

export class OwnReader {
    /** All that came. */
    private raw = "";
    /** What was given out. */
    private text = "";
    private reasoning = "";
    private readonly calls: { readonly id: string; readonly name: string; arguments: string }[] = [];
    private tokens = 0;
    private readAt = Number.NEGATIVE_INFINITY;
    private tookMsec = 0;

    /**
     * @param parser absent: all is text
     * @param most calls that are given out
     */
    public constructor(
        private readonly parser: NativeParser | undefined,
        private readonly most: number,
        private readonly onChunk: (chunk: Chunk) => void,
    ) {}

    /** @returns true: all calls are there */
    public read(piece: string, tokens: number): boolean {
        this.raw += piece;
        this.tokens += tokens;
        if (this.parser === undefined) {
            this.give("text", piece);
            this.text += piece;
            return false;
        }
        if (performance.now() < this.readAt + PAUSE * this.tookMsec) {
            return false;
        }
        const answer = this.parse(true);
        if (answer !== undefined) {
            this.update(answer);
        }
        return (answer?.calls.length ?? 0) > this.most;
    }

    /** @param cut the answer is not whole: a call may be broken off */
    public end(cut: boolean): Parts {
        const answer = this.parser === undefined ? undefined : (cut ? undefined : this.parse(false)) ?? this.parse(true);
        if (answer !== undefined) {
            this.update(answer);
        } else if (this.parser !== undefined && this.text === "" && this.reasoning === "" && this.calls.length === 0) {
            // It has another form than the model's: nothing of it is lost.
            this.give("text", this.raw);
            this.text = this.raw;
        }
        if (this.tokens > 0) {
            this.give("text", "");
        }
        return { text: this.text, reasoning: this.reasoning, toolCalls: this.calls.map((call) => ({ ...call })) };
    }

    private parse(partial: boolean): NativeAnswer | undefined {
        const began = performance.now();
        try {
            return this.parser?.read(this.raw, partial);
        } catch {
            return undefined;
        } finally {
            this.readAt = performance.now();
            this.tookMsec = this.readAt - began;
        }
    }

    private update({ content, reasoning, calls }: NativeAnswer): void {
        // What was given out cannot be taken back.
        if (reasoning.length > this.reasoning.length && reasoning.startsWith(this.reasoning)) {
            this.give("reasoning", reasoning.slice(this.reasoning.length));
            this.reasoning = reasoning;
        }
        if (content.length > this.text.length && content.startsWith(this.text)) {
            this.give("text", content.slice(this.text.length));
            this.text = content;
        }
        for (const [place, { name, arguments: given }] of calls.slice(0, this.most).entries()) {
            const known = this.calls[place];
            if (known === undefined) {
                const call = { id: callId(), name, arguments: given };
                this.calls.push(call);
                this.give("call", given, { place, call: { id: call.id, name } });
            } else if (given.length > known.arguments.length && given.startsWith(known.arguments)) {
                this.give("call", given.slice(known.arguments.length), { place });
                known.arguments = given;
            }
        }
    }

    /** The tokens so far count with the piece that they made. */
    private give(kind: Chunk["kind"], text: string, more: Pick<Chunk, "place" | "call"> = {}): void {
        const { tokens } = this;
        this.tokens = 0;
        this.onChunk({ kind, text, tokens, ...more });
    }
}
