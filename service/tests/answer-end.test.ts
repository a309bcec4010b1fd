/** Where an answer ends, on a real model: MENTATOR_TEST_MODEL names its file. The test says which tokens the model chooses. */

import { type LlamaModel, QwenChatWrapper, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { backendFromEnvironment } from "../src/backend/backend.js";
import type { Generated, GenerationRequest, LoadedModel } from "../src/engine/engine.js";
import { LlamaEngine } from "../src/engine/llama-engine.js";
import { Log } from "../src/log.js";
import { addonOf, hostOf, intercept } from "./native.js";

const MODEL = process.env["MENTATOR_TEST_MODEL"] ?? "";
const CONTEXT = 512;
const OPTIONS = { temperature: 0, topP: 1, topK: 0, minP: 0, maxTokens: 400, repeatPenalty: 1 };
/** Emojis of up to four tokens, some after a space that belongs to the first of them. */
const TEXT = "Yes 😀 é👩‍👧 🦖s";
/** None of them ever comes, and each answer may end with the start of one. */
const NEVER_WHOLE = [...new Set(TEXT)].map((character) => `${character}\u0001`);
const KINDS = ["chat", "completion"] as const;
type More = Partial<Omit<GenerationRequest, "kind" | "options">> & { readonly maxTokens?: number; readonly seed?: number; readonly temperature?: number };

/** A text without the incomplete character at its end. */
const whole = (text: string): string => text.replace(/\uFFFD+$/, "");

describe.skipIf(MODEL === "")("the end of an answer with a real model", { timeout: 400_000 }, () => {
    let engine: LlamaEngine;
    let model: LoadedModel;
    let library: LlamaModel;
    /** Undefined: the model chooses by itself. */
    let script: readonly Token[] | undefined;
    let said = 0;
    const next = (own: number): number => script?.[said++] ?? own;

    beforeAll(async () => {
        engine = new LlamaEngine(backendFromEnvironment({}).backend, 1, { slots: 1, contextSize: 0, batchSize: 64, queueSize: 1 }, new Log("error", () => undefined));
        await engine.start();
        model = await engine.load({ name: "model", file: MODEL, contextSize: CONTEXT }, () => false, new AbortController().signal);
        library = hostOf(engine).model;
        const addon = addonOf(engine);
        intercept(addon, "sampleToken", (original) => async (index, sampler) => next(await original(index, sampler)));
        // The patched native part chooses several tokens at once.
        intercept(addon, "decodeBatch", (original) => async (indexes, samplers, most, msec) => {
            if (script === undefined) {
                return original(indexes, samplers, most, msec);
            }
            const chosen = await original(indexes, samplers, most.map(() => 1), msec);
            return (chosen as typeof chosen | undefined)?.map((tokens) => [next(Array.isArray(tokens) ? tokens[0] ?? 0 : 0)]) ?? chosen;
        });
    }, 60_000);
    beforeEach(() => {
        script = undefined;
    });
    afterAll(async () => engine.close());

    const tokensOf = (text: string): Token[] => library.tokenize(text);
    const end = (): Token => library.tokens.eos ?? expect.fail();
    const textOf = (tokens: readonly Token[]): string => whole(library.detokenize([...tokens]));

    /** Asks twice, streamed and not. */
    async function ask(kind: "chat" | "completion", { maxTokens = OPTIONS.maxTokens, seed, temperature = 0, ...more }: More & { readonly prompt?: string } = {}): Promise<Generated> {
        const { prompt = "Write 😀🎉🚀 and more emojis:", ...rest } = more;
        const options = { ...OPTIONS, maxTokens, temperature, ...(seed === undefined ? {} : { seed }) };
        const request = (kind === "chat" ? { kind, messages: [{ role: "user", content: prompt }], options, ...rest } : { kind, prompt, options, ...rest }) as GenerationRequest;
        const streamed = { text: "", reasoning: "", call: "" };
        const { signal } = new AbortController();
        said = 0;
        await engine.generate(model, request, { signal, onChunk: ({ kind: of, text }) => void (streamed[of] += text) });
        said = 0;
        const generated = await engine.generate(model, request, { signal });
        const [call] = generated.toolCalls;
        expect({ ...streamed, call: streamed.call.trimEnd() }).toEqual({ text: generated.text, reasoning: generated.reasoning ?? "", call: call?.arguments ?? "" });
        // In the middle, a hot model may have chosen bytes that are no character.
        expect([generated.text, generated.reasoning ?? ""]).not.toContainEqual(expect.stringMatching(/\uFFFD$/));
        expect(generated.usage.completionTokens).toBeLessThanOrEqual(maxTokens);
        return generated;
    }

    describe.each(KINDS)("of a %s", (kind) => {
        it.each([["without stop texts", undefined], ["with stop texts", NEVER_WHOLE]])("at each limit, %s", async (_name, stop) => {
            script = [...tokensOf(TEXT), end()];
            for (let maxTokens = 1; maxTokens < script.length; maxTokens += 1) {
                const { text, finishReason, usage } = await ask(kind, { maxTokens, ...(stop === undefined ? {} : { stop }) });
                expect([text, finishReason, usage.completionTokens]).toEqual([textOf(script.slice(0, maxTokens)), "length", maxTokens]);
            }
        });

        it.each([["without stop texts", undefined], ["with stop texts", NEVER_WHOLE]])("where the model ends, %s", async (_name, stop) => {
            const tokens = tokensOf(TEXT);
            for (let length = 1; length <= tokens.length; length += 1) {
                script = [...tokens.slice(0, length), end()];
                const { text, finishReason } = await ask(kind, stop === undefined ? {} : { stop });
                expect([text, finishReason]).toEqual([textOf(tokens.slice(0, length)), "stop"]);
            }
        });

        it.each([
            ["inside of a longer one's start", "1 abc d", ["abcX", "bc"], "1 a"],
            ["of several tokens", "1 a b c d e", ["a b", "a b c X"], "1 "],
            ["that is an emoji", "one 🦖🎉 two", ["🎉"], "one 🦖"],
            ["that ends with an emoji", "one 🦖🎉 two", ["🦖🎉"], "one "],
            ["beside a word that begins another one", "numbers. And", [".", "sZZZZ"], "numbers"],
        ])("at a stop text %s", async (_name, says, stop, expected) => {
            script = [...tokensOf(says), end()];
            expect(await ask(kind, { stop })).toMatchObject({ text: expected, finishReason: "stop" });
        });

        it("at a stop text before the character that the limit cuts", async () => {
            script = [...tokensOf("one 🎉"), end()];
            const maxTokens = tokensOf("one").length + 1;
            expect(textOf(script.slice(0, maxTokens))).toBe("one ");
            expect(await ask(kind, { stop: [" "], maxTokens })).toMatchObject({ text: "one", finishReason: "stop" });
        });

        it("where the context is full", async () => {
            script = Array.from({ length: CONTEXT }, () => tokensOf(" numbers")[0] ?? expect.fail());
            const { text, finishReason, usage } = await ask(kind, { prompt: "one ".repeat(CONTEXT - 80), maxTokens: CONTEXT * 2, stop: ["sZZZZ"] });
            expect([usage.promptTokens + usage.completionTokens, finishReason]).toEqual([CONTEXT - 1, "length"]);
            expect(text).toBe(" numbers".repeat(usage.completionTokens));
        });

        it("for many seeds", async () => {
            // From now on the prompt is known, so each answer is computed with the same batches.
            await ask(kind, { maxTokens: 1 });
            for (let seed = 1; seed <= 16; seed += 1) {
                const hot = { seed, temperature: 1.5, maxTokens: 8 + (seed % 5) };
                const { text, finishReason, usage } = await ask(kind, hot);
                if (finishReason === "length") {
                    expect(usage.completionTokens).toBe(hot.maxTokens);
                }
                const stop = [...new Set(text)].map((character) => `${character}\u0001`);
                expect(await ask(kind, { ...hot, ...(stop.length === 0 ? {} : { stop }) })).toMatchObject({ text, finishReason });
            }
        });
    });

    describe("with another template", () => {
        const tools = [{ name: "weather", description: "Tells the weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } }];

        beforeAll(() => {
            Object.assign(hostOf(engine).desk, { chatWrapper: new QwenChatWrapper() });
        });

        it("in its reasoning and after it", async () => {
            const [begin, thought, over, answer] = [library.tokenize("<think>\n", true), tokensOf("the numbers 🎉"), library.tokenize("\n</think>\n\n", true), tokensOf("So numbers 🦖")];
            script = [...begin, ...thought, ...over, ...answer, end()];
            for (let more = 1; more <= thought.length; more += 1) {
                const { text, reasoning, usage } = await ask("chat", { maxTokens: begin.length + more, stop: NEVER_WHOLE });
                expect([text, reasoning, usage.completionTokens]).toEqual(["", textOf(thought.slice(0, more)), begin.length + more]);
            }
            for (let more = 1; more <= answer.length; more += 1) {
                const maxTokens = begin.length + thought.length + over.length + more;
                const { text, reasoning, usage } = await ask("chat", { maxTokens, stop: NEVER_WHOLE });
                expect([text.trimStart(), reasoning, usage.completionTokens]).toEqual([textOf(answer.slice(0, more)), textOf(thought), maxTokens]);
            }
        });

        it("in a call that the model makes by itself", async () => {
            const [text, call] = [tokensOf("I look"), [...library.tokenize("<tool_call>", true), ...tokensOf('\n{"name": "weather", "arguments": {"city": "🎉 ')]];
            script = [...text, ...call, end()];
            const started = [...library.tokenize("<tool_call>", true), ...tokensOf('\n{"name": "')].length;
            for (let more = 0; more <= call.length; more += 1) {
                const maxTokens = text.length + more;
                const generated = await ask("chat", { maxTokens, tools } as More);
                const expected = textOf(script.slice(0, more < started ? maxTokens : text.length));
                expect([generated.text, generated.finishReason, generated.usage.completionTokens]).toEqual([expected, "length", maxTokens]);
            }
        });

        it("in a call that is demanded", async () => {
            const head = '{"name": "weather", "arguments": ';
            script = tokensOf(`${head}{"city": "🎉 numbers"}}`);
            for (let maxTokens = tokensOf(head).length + 2; maxTokens < script.length; maxTokens += 1) {
                const { toolCalls, finishReason, usage } = await ask("chat", { maxTokens, tools, toolChoice: "required", stop: ["sZZZZ", '"ZZZZ'] } as More);
                const expected = textOf(script.slice(0, maxTokens)).slice(head.length).trimEnd();
                expect([toolCalls[0]?.arguments.trim(), finishReason, usage.completionTokens]).toEqual([expected, "length", maxTokens]);
            }
        });

        it("at a text that only looks like a call's start", async () => {
            script = [...tokensOf("numbers "), ...library.tokenize("<tool_call>", true).slice(0, 2), end()];
            const expected = textOf(script.slice(0, -1));
            expect(expected).toMatch(/^numbers <./);
            expect(await ask("chat", { tools } as More)).toMatchObject({ text: expected, finishReason: "stop" });
        });
    });
});
