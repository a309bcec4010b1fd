import { describe, expect, it } from "vitest";
import { completeOptions, completionBody, emptyAnswer, promptBody, rateOf, take } from "../../src/static/completion.js";
import { blocks, pieces } from "../../src/static/prose.js";
import { events } from "../../src/static/sse.js";

describe("server-sent events", () => {
    /** @param {Uint8Array[]} parts */
    async function read(...parts) {
        async function* body() {
            await Promise.resolve();
            yield* parts;
        }
        const found = [];
        for await (const data of events(body())) {
            found.push(data);
        }
        return found;
    }

    const bytes = new TextEncoder().encode('data: {"a":"ä"}\n\n: ping\n\nevent: x\r\ndata: 1\r\ndata: 2\r\n\r\ndata: [DONE]\n\n');

    it("are complete, however the bytes are cut", async () => {
        const wanted = ['{"a":"ä"}', "1\n2", "[DONE]"];
        expect(await read(bytes)).toEqual(wanted);
        for (let at = 1; at < bytes.length; at++) {
            expect(await read(bytes.slice(0, at), bytes.slice(at))).toEqual(wanted);
        }
    });

    it("may end without an empty line", async () => {
        expect(await read(new TextEncoder().encode("data: 1"))).toEqual(["1"]);
    });
});

describe("a question", () => {
    const question = {
        model: "m",
        messages: [{ role: /** @type {const} */ ("system"), content: "s" }, { role: /** @type {const} */ ("user"), content: "u" }],
        options: { topK: 3, maxTokens: 9 },
        schema: { type: "object" },
        grammar: true,
    };

    it("becomes a body of OpenAI's API", () => {
        expect(completionBody(question)).toEqual({
            model: "m",
            messages: question.messages,
            stream: true,
            stream_options: { include_usage: true },
            top_k: 3,
            max_tokens: 9,
            response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema: { type: "object" } } },
        });
    });

    it("becomes a body of POST /prompt", () => {
        expect(promptBody({ ...question, grammar: false })).toMatchObject({
            message: { user: "u", system: "s" },
            options: { topK: 3, maxTokens: 9 },
            format: { useGrammar: false, jsonSchema: { type: "object" } },
        });
    });

    it("has all options that choose tokens, or none", () => {
        const whole = { temperature: 0.5, topP: 0.1, topK: 10, minP: 0, maxTokens: 4096 };
        expect(completeOptions({ maxTokens: 9, seed: 1 }, whole)).toEqual({ maxTokens: 9, seed: 1 });
        expect(completeOptions({ temperature: 0.5 }, whole)).toEqual({ temperature: 0.5, topP: 0.1, topK: 10, minP: 0 });
    });

    it("collects its answer", () => {
        const answer = emptyAnswer();
        take(answer, { choices: [{ delta: { role: "assistant", content: "" }, finish_reason: null }] }, 5);
        take(answer, { choices: [{ delta: { reasoning_content: "Hm" } }] }, 10);
        take(answer, { choices: [{ delta: { content: "A" } }] }, 20);
        take(answer, { choices: [{ delta: { content: "B" } }] }, 30);
        expect(rateOf(answer)).toBe(100);
        take(answer, { choices: [{ delta: {}, finish_reason: "stop" }] }, 31);
        take(answer, { choices: [], usage: { prompt_tokens: 4, completion_tokens: 5 } }, 32);
        expect(answer).toMatchObject({ text: "AB", reasoning: "Hm", firstMsec: 10, lastMsec: 30, finish: "stop", completionTokens: 5 });
        expect(rateOf(answer)).toBe(200);
        expect(() => take(answer, { error: { message: "no" } }, 40)).toThrow("no");
    });
});

describe("prose", () => {
    it("has paragraphs, lists, headings and code", () => {
        expect(blocks("# One\ntext\nmore\n\n- a\n- b\n1. c\n```js\nx = 1\n\n# no heading\n```\nend")).toEqual([
            { kind: "heading", pieces: [{ kind: "text", text: "One" }] },
            { kind: "paragraph", pieces: [{ kind: "text", text: "text\nmore" }] },
            { kind: "list", ordered: false, items: [[{ kind: "text", text: "a" }], [{ kind: "text", text: "b" }]] },
            { kind: "list", ordered: true, items: [[{ kind: "text", text: "c" }]] },
            { kind: "code", language: "js", text: "x = 1\n\n# no heading" },
            { kind: "paragraph", pieces: [{ kind: "text", text: "end" }] },
        ]);
    });

    it("takes an open fence as code, and markup as text", () => {
        expect(blocks("```\n<b>")).toEqual([{ kind: "code", language: "", text: "<b>" }]);
        expect(pieces("a **b** `c` <i>")).toEqual([
            { kind: "text", text: "a " },
            { kind: "strong", text: "b" },
            { kind: "text", text: " " },
            { kind: "code", text: "c" },
            { kind: "text", text: " <i>" },
        ]);
    });
});
