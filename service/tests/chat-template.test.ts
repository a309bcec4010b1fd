/** llama.cpp's chat templates and parsers through the native part, without a model. MENTATOR_TEST_MODEL says that the native part is there. */

import type { Llama } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ChatBindings, chatBindingsOf, nativeJson, type NativeLayout, type NativeTemplate } from "../src/engine/native-chat.js";
import { loadLibrary } from "../src/engine/library.js";
import { FORMATS, PLAIN, THINKING } from "./chat-formats.js";

const HERE = (process.env["MENTATOR_TEST_MODEL"] ?? "") !== "";
const USER = { role: "user", content: "What is the weather in Oslo?" };
const TOOL = { type: "function", function: { name: "weather", description: "of today", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } };
const CALL = { role: "assistant", content: "", tool_calls: [{ id: "abcdefghi", type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' } }] };

describe.skipIf(!HERE)("llama.cpp's chat templates", () => {
    let llama: Llama;
    let native: ChatBindings;

    beforeAll(async () => {
        const { getLlama, LlamaLogLevel } = await loadLibrary();
        llama = await getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false, logLevel: LlamaLogLevel.error });
        native = chatBindingsOf(llama) ?? expect.fail("The native part has no chat templates");
    });
    afterAll(async () => llama.dispose());

    const templateOf = (text: string): NativeTemplate => new native.mentatorChatTemplate(text, "<s>", "</s>");
    const apply = (text: string, request: object): NativeLayout => templateOf(text).apply(nativeJson(request));
    const withTool = (toolChoice: string): object => ({ messages: [USER], tools: [TOOL], toolChoice, parallel: false });

    describe.each(FORMATS)("$name", ({ template, call, begin }) => {
        it("shows the tools to the model, and the calls and answers of a history", () => {
            expect(templateOf(template).can()).toMatchObject({ supports_tools: true, supports_tool_calls: true });
            const history = [USER, CALL, { role: "tool", tool_call_id: "abcdefghi", content: "It rains." }, { role: "user", content: "And in Oslo?" }];
            const { prompt } = apply(template, { messages: history, tools: [TOOL], toolChoice: "auto", parallel: false });
            expect(prompt).toContain('"city"');
            expect(prompt).toContain("Rome");
            expect(prompt).toContain("It rains.");
            expect(prompt.indexOf("It rains.")).toBeLessThan(prompt.indexOf("And in Oslo?"));
        });

        it("begins the grammar of a call where the model begins one, or at once where it must", () => {
            const free = apply(template, withTool("auto"));
            expect(free.lazy).toBe(begin !== undefined);
            expect(free.triggers.map(({ word = "" }) => word.trim())).toEqual(begin === undefined ? [] : [begin]);
            const forced = apply(template, withTool("required"));
            expect(forced.lazy).toBe(false);
            expect(forced.grammar).toContain("weather");
        });

        it("reads the call, and one that is still coming without taking anything back", () => {
            const parser = new native.mentatorChatParser(apply(template, withTool("auto")));
            const whole = parser.read(call, false);
            expect([whole.content, whole.reasoning]).toEqual(["", ""]);
            expect(whole.calls).toMatchObject([{ name: "weather" }]);
            expect(JSON.parse(whole.calls[0]?.arguments ?? "")).toEqual({ city: "Oslo" });
            let given = "";
            for (let length = 1; length <= call.length; length += 1) {
                const { calls } = parser.read(call.slice(0, length), true);
                const now = calls[0]?.arguments ?? "";
                expect(now.startsWith(given)).toBe(true);
                given = now;
            }
            expect(given).toBe(whole.calls[0]?.arguments);
        });

        it("leaves a text as it is", () => {
            const parser = new native.mentatorChatParser(apply(template, withTool("auto")));
            expect(parser.read("It rains.", false)).toEqual({ content: "It rains.", reasoning: "", calls: [] });
        });
    });

    it("takes reasoning apart, also while it comes", () => {
        const layout = apply(THINKING, { messages: [USER] });
        expect(layout.thinks).toBe(true);
        const parser = new native.mentatorChatParser(layout);
        expect(parser.read("<think>\nWell.\n</think>\n\nYes.", false)).toMatchObject({ content: "Yes.", reasoning: expect.stringMatching(/^Well\.\s*$/) as string });
        expect(parser.read("<think>\nWe", true)).toMatchObject({ content: "", reasoning: "We" });
        expect(parser.read("<thi", true)).toMatchObject({ reasoning: "" });
    });

    it("says that a template knows no tools", () => {
        expect(templateOf(PLAIN).can()).toMatchObject({ supports_tools: false, supports_tool_calls: false });
        expect(apply(PLAIN, { messages: [USER] }).prompt).toBe("<|im_start|>user\nWhat is the weather in Oslo?<|im_end|>\n<|im_start|>assistant\n");
    });

    it.each([
        ["an empty template", () => templateOf("")],
        ["a broken template", () => templateOf("{% for x in %}")],
        ["a template that refuses", () => apply("{{ raise_exception('no system messages') }}", { messages: [USER] })],
        ["no JSON", () => templateOf(PLAIN).apply("{")],
        ["no messages", () => apply(PLAIN, { messages: [] })],
        ["a role without a name", () => apply(PLAIN, { messages: [{ content: "x" }] })],
        ["tools without a choice", () => apply(PLAIN, { messages: [USER], tools: [TOOL] })],
        ["a choice that does not exist", () => apply(PLAIN, withTool("perhaps"))],
        ["no parser", () => new native.mentatorChatParser({} as NativeLayout)],
        ["a parser that is none", () => new native.mentatorChatParser({ ...apply(PLAIN, { messages: [USER] }), parser: "{}" })],
        ["an unknown format", () => new native.mentatorChatParser({ ...apply(PLAIN, { messages: [USER] }), format: 99 })],
        ["a number as an answer", () => new native.mentatorChatParser(apply(PLAIN, { messages: [USER] })).read(1 as never, false)],
    ])("throws an error for %s, and lives on", (_name, work) => {
        expect(work).toThrow(/\S/);
        expect(apply(PLAIN, { messages: [USER] }).prompt).toContain("Oslo");
    });

    it("keeps half characters and zeros harmless", () => {
        const { prompt } = apply(PLAIN, { messages: [{ role: "user", content: "a\ud800b\u0000c\\ud800\\\\ud800\udc00" }] });
        expect(prompt).toContain("a\ufffdb\u0000c\\ud800\\\\ud800\ufffd");
    });

    it("refuses a start of a grammar that is no regular expression", async () => {
        const grammar = await llama.createGrammar({ grammar: 'root ::= "a"' });
        const start = (grammar as unknown as { _grammar: { mentatorStart(start: object): void } })._grammar;
        expect(() => start.mentatorStart({ patterns: ["("], tokens: [] })).toThrow();
        expect(() => start.mentatorStart({ patterns: ["a"], tokens: [] })).not.toThrow();
    });
});
