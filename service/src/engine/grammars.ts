/** Grammars of answers, compiled once: the same schema tends to come again. */

import type { Llama, LlamaGrammar } from "node-llama-cpp";
import { badRequest, messageOf } from "../errors.js";
import type { Constraint } from "./engine.js";

const KEPT = 64;

export class Grammars {
    /** In order of use, the oldest first. */
    private readonly kept = new Map<string, Promise<LlamaGrammar>>();

    public constructor(private readonly llama: Llama) {}

    /** @throws ServiceError when it cannot be used as a grammar */
    public async of(constraint: Constraint): Promise<LlamaGrammar> {
        const key = JSON.stringify(constraint);
        const known = this.kept.get(key) ?? this.compile(constraint);
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

    private async compile(constraint: Constraint): Promise<LlamaGrammar> {
        switch (constraint.kind) {
            case "schema":
                // node-llama-cpp's type needs the schema at compile time; this one comes with the request.
                return this.llama.createGrammarForJsonSchema(constraint.schema as never);
            case "json":
                return this.llama.getGrammarFor("json");
            case "grammar":
                return this.llama.createGrammar({ grammar: constraint.gbnf });
        }
    }
}
