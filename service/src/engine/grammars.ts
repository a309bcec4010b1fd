/** Grammars of answers, compiled once: the same schema tends to come again. */

import type { Llama, LlamaGrammar, Token } from "node-llama-cpp";
import { badRequest, messageOf } from "../errors.js";
import { grammarOf, type Translate } from "../schema/grammar/llama.js";
import { stockSchema } from "../schema/grammar/stock.js";
import type { Tree } from "../schema/node.js";
import { argumentsTree, callTree, objectTree, treeOf } from "../schema/tree.js";
import type { Constraint, ToolDefinition } from "./engine.js";

const KEPT = 64;
const KEPT_ARGUMENTS = 256;

/** What makes a grammar. */
export type Source =
    | Constraint
    /** A call of one of the tools. */
    | { readonly kind: "call"; readonly tools: readonly ToolDefinition[] }
    /** Of the model's own format. */
    | { readonly kind: "own"; readonly gbnf: string; readonly start: GrammarStart };

/** Where a grammar begins: within the answer, at one of the patterns or tokens; or in the prompt, whose last tokens it describes. */
export type GrammarStart = { readonly patterns: readonly string[]; readonly tokens: readonly Token[] } | { readonly begun: readonly Token[] };

/** A grammar of the patched native part. */
interface Startable {
    readonly _grammar: { mentatorStart(start: GrammarStart): void };
}

/** Of the patched native part: llama.cpp's own translation. */
interface Native {
    readonly _bindings?: { readonly mentatorSchemaGrammar?: Translate };
}

export class Grammars {
    /** In order of use, the oldest first. */
    private readonly kept = new Map<string, Promise<LlamaGrammar>>();
    /** The same, of tools' arguments: all tools of a request are translated, each time. */
    private readonly ofArguments = new Map<string, string>();
    /** Undefined: the native part is the released one, and node-llama-cpp's own translation has to do. */
    private readonly translate: Translate | undefined;

    public constructor(private readonly llama: Llama) {
        this.translate = (llama as unknown as Native)._bindings?.mentatorSchemaGrammar;
    }

    /** @throws ServiceError when it cannot be used as a grammar */
    public async of(source: Source): Promise<LlamaGrammar> {
        const key = JSON.stringify(source);
        const known = this.kept.get(key) ?? this.compile(source);
        this.kept.delete(key);
        this.kept.set(key, known);
        const [oldest] = this.kept.keys();
        if (this.kept.size > KEPT && oldest !== undefined) {
            this.kept.delete(oldest);
        }
        try {
            return await known;
        } catch (thrown) {
            this.kept.delete(key);
            throw badRequest(`The answer's form cannot be used as a grammar: ${messageOf(thrown)}`);
        }
    }

    /** Whether llama.cpp's own translation is there. */
    public get translates(): boolean {
        return this.translate !== undefined;
    }

    /** GBNF of a tool's arguments, for a call that the model makes by itself. @throws ServiceError */
    public argumentsGrammar(tool: ToolDefinition): string {
        const key = JSON.stringify(tool.parameters ?? null);
        const known = this.ofArguments.get(key) ?? refusing(() => grammarOf(argumentsTree(tool), this.translate ?? unpatched));
        this.ofArguments.delete(key);
        this.ofArguments.set(key, known);
        const [oldest] = this.ofArguments.keys();
        if (this.ofArguments.size > KEPT_ARGUMENTS && oldest !== undefined) {
            this.ofArguments.delete(oldest);
        }
        return known;
    }

    /** The same as a schema of node-llama-cpp's own kind. @throws ServiceError */
    public stockArguments(tool: ToolDefinition): object {
        return refusing(() => stockSchema(argumentsTree(tool)));
    }

    private async compile(source: Source): Promise<LlamaGrammar> {
        switch (source.kind) {
            case "schema":
                return this.ofTree(treeOf(source.schema));
            case "call":
                return this.ofTree(callTree(source.tools));
            case "json":
                return this.translate === undefined ? this.llama.getGrammarFor("json") : this.ofTree(objectTree());
            case "grammar":
                return this.llama.createGrammar({ grammar: source.gbnf });
            case "own": {
                const grammar = await this.llama.createGrammar({ grammar: source.gbnf });
                (grammar as unknown as Startable)._grammar.mentatorStart(source.start);
                return grammar;
            }
        }
    }

    private async ofTree(tree: Tree): Promise<LlamaGrammar> {
        if (this.translate === undefined) {
            // Their type wants to know the schema while compiling; ours comes with the request.
            return this.llama.createGrammarForJsonSchema(stockSchema(tree) as never);
        }
        return this.llama.createGrammar({ grammar: grammarOf(tree, this.translate) });
    }
}

function unpatched(): never {
    throw new Error("the native part of node-llama-cpp is not patched");
}

function refusing<T>(work: () => T): T {
    try {
        return work();
    } catch (thrown) {
        throw badRequest(`The tool's arguments cannot be used as a grammar: ${messageOf(thrown)}`);
    }
}
