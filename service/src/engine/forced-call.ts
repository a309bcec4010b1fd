/** Tool calls that a request demands ("required", or one by name): the answer is a call by its grammar. */

import { randomUUID } from "node:crypto";
import { badRequest } from "../errors.js";
import type { ChatRequest, ToolCall, ToolDefinition } from "./engine.js";

export function callId(): string {
    return `call_${randomUUID().replaceAll("-", "")}`;
}

/** The tools of which one must be called; undefined when the model may choose. @throws ServiceError for an unknown name */
export function forcedTools({ tools = [], toolChoice = "auto" }: ChatRequest): readonly ToolDefinition[] | undefined {
    if (toolChoice === "auto" || toolChoice === "none" || tools.length === 0) {
        return undefined;
    }
    if (toolChoice === "required") {
        return tools;
    }
    const named = tools.filter(({ name }) => name === toolChoice.name);
    if (named.length === 0) {
        throw badRequest(`There is no tool "${toolChoice.name}" among: ${tools.map(({ name }) => name).join(", ")}.`);
    }
    return named;
}

/** What the grammar of a forced call begins with. */
const HEAD = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*/;

/** Reads `{"name": ..., "arguments": ...}` while the model writes it. The arguments are passed on as they are written. */
export class CallReader {
    private readonly id = callId();
    /** Before the arguments begin: all that came. */
    private head = "";
    private name: string | undefined;
    private given = "";
    private depth = 0;
    private inText = false;
    private escaped = false;
    private ended = false;

    /** The call as far as it came; undefined while its tool is not known. */
    public get call(): ToolCall | undefined {
        return this.name === undefined ? undefined : { id: this.id, name: this.name, arguments: this.given.trimEnd() };
    }

    /** @returns what is new of the arguments; undefined: nothing to tell yet */
    public read(piece: string): string | undefined {
        if (this.name !== undefined) {
            return this.readArguments(piece);
        }
        this.head += piece;
        const [head, name] = HEAD.exec(this.head) ?? [];
        if (head === undefined || name === undefined) {
            return undefined;
        }
        this.name = JSON.parse(name) as string;
        return this.readArguments(this.head.slice(head.length));
    }

    private readArguments(piece: string): string {
        let length = 0;
        while (length < piece.length && !this.ended) {
            length += this.isArgument(piece.charAt(length)) ? 1 : 0;
        }
        this.given += piece.slice(0, length);
        return piece.slice(0, length);
    }

    /** False for the brace that ends the call. */
    private isArgument(character: string): boolean {
        if (this.inText) {
            this.inText = this.escaped || character !== '"';
            this.escaped = !this.escaped && character === "\\";
            return true;
        }
        if (character === '"') {
            this.inText = true;
        } else if (character === "{" || character === "[") {
            this.depth += 1;
        } else if (character === "}" || character === "]") {
            this.ended = this.depth === 0;
            this.depth -= 1;
        }
        return !this.ended;
    }
}
