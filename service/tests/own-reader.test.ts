/** An answer that is taken apart while it comes; the parser says what each test needs. */

import { describe, expect, it } from "vitest";
import type { Chunk } from "../src/engine/engine.js";
import type { NativeAnswer } from "../src/engine/native-chat.js";
import { OwnReader } from "../src/engine/own-reader.js";
import { CHAT_PIECES } from "../src/openai/form.js";

type Call = NativeAnswer["calls"][number];

const call = (name: string, given: string): Call => ({ id: "", name, arguments: given });
const said = (content: string, calls: readonly Call[] = [], reasoning = ""): NativeAnswer => ({ content, reasoning, calls });

function reading(answers: Readonly<Record<string, NativeAnswer>>, most = Infinity): { reader: OwnReader; chunks: Chunk[] } {
    const chunks: Chunk[] = [];
    const read = (text: string, partial: boolean): NativeAnswer => answers[partial ? `${text}...` : text] ?? expect.fail(`not the format: ${text}`);
    return { reader: new OwnReader({ read }, most, (chunk) => chunks.push(chunk)), chunks };
}

/** The parser is not asked again at once. */
const pause = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

describe("an answer in the model's own format", () => {
    it("gives several calls out in pieces, each with its own id and place", async () => {
        const { reader, chunks } = reading({
            "a...": said("", [call("one", "")]),
            "ab...": said("", [call("one", "{}"), call("two", "")]),
            ab: said("", [call("one", "{}"), call("two", '{"n":1}')]),
        });
        reader.read("a", 1);
        await pause();
        reader.read("b", 2);
        await pause();
        const { toolCalls } = reader.end(false);
        expect(toolCalls).toMatchObject([{ name: "one", arguments: "{}" }, { name: "two", arguments: '{"n":1}' }]);
        expect(new Set(toolCalls.map(({ id }) => id)).size).toBe(2);
        const deltas = chunks.map((chunk) => CHAT_PIECES.piece(0, chunk));
        expect(deltas).toMatchObject([
            { delta: { tool_calls: [{ index: 0, id: toolCalls[0]?.id, function: { name: "one", arguments: "" } }] } },
            { delta: { tool_calls: [{ index: 0, function: { arguments: "{}" } }] } },
            { delta: { tool_calls: [{ index: 1, id: toolCalls[1]?.id, function: { name: "two", arguments: "" } }] } },
            { delta: { tool_calls: [{ index: 1, function: { arguments: '{"n":1}' } }] } },
        ]);
    });

    it("says when there are more calls than are wanted, and gives none of them out", () => {
        const { reader, chunks } = reading({ "ab...": said("", [call("one", "{}"), call("two", "")]) }, 1);
        expect(reader.read("ab", 2)).toBe(true);
        expect(reader.end(true).toolCalls).toMatchObject([{ name: "one" }]);
        expect(chunks.map(({ place }) => place)).toEqual([0]);
    });

    it("takes nothing back, and counts each token once", async () => {
        const { reader, chunks } = reading({ "a...": said("Hello"), "ab...": said("Hell", [], "so"), "abc...": said("Hello", [], "so"), abc: said("Hello!", [], "so") });
        reader.read("a", 1);
        await pause();
        reader.read("b", 2);
        await pause();
        reader.read("c", 3);
        expect(reader.end(false)).toEqual({ text: "Hello!", reasoning: "so", toolCalls: [] });
        expect(chunks).toEqual([
            { kind: "text", text: "Hello", tokens: 1 },
            { kind: "reasoning", text: "so", tokens: 2 },
            { kind: "text", text: "!", tokens: 3 },
        ]);
    });

    it("is text where it has another form", () => {
        const { reader, chunks } = reading({});
        reader.read("<odd>", 1);
        expect(reader.end(false)).toEqual({ text: "<odd>", reasoning: "", toolCalls: [] });
        expect(chunks).toEqual([{ kind: "text", text: "<odd>", tokens: 1 }]);
    });
});
