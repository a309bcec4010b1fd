import { describe, expect, it } from "vitest";
import { refuseTooLong, textsOf } from "../src/engine/too-long.js";
import { ContextOverflow } from "../src/errors.js";

const ROOM = { contextSize: 1000, of: "prompt", signal: new AbortController().signal } as const;
const OPTIONS = { temperature: 0, topP: 1, topK: 0, minP: 0, maxTokens: 1, repeatPenalty: 1 };

/** Counts a token for each `length` characters, and the characters that it was asked about. */
function counter(length: number): { count: (text: string) => number; seen: () => number } {
    let seen = 0;
    return {
        count: (text) => {
            seen += text.length;
            return Math.ceil(text.length / length);
        },
        seen: () => seen,
    };
}

describe("a text that cannot fit", () => {
    it("is refused after little more than what fits", async () => {
        const { count, seen } = counter(4);
        await expect(refuseTooLong(["x".repeat(16 * 1024 ** 2)], count, ROOM)).rejects.toMatchObject({ of: "prompt", statusCode: 400 });
        expect(seen()).toBeLessThan(20_000);
    });

    it("is refused where its tokens are long, too, turn by turn", async () => {
        const { count, seen } = counter(256);
        let turns = 0;
        const turn = (): void => {
            turns += 1;
            next = setImmediate(turn);
        };
        let next = setImmediate(turn);
        await expect(refuseTooLong(["x".repeat(16 * 1024 ** 2)], count, ROOM)).rejects.toBeInstanceOf(ContextOverflow);
        clearImmediate(next);
        expect(seen()).toBeLessThan(400_000);
        expect(turns).toBeGreaterThan(10);
    });

    it("is not looked at where it may fit", async () => {
        const { count, seen } = counter(1);
        await refuseTooLong(["x".repeat(8000)], count, ROOM);
        expect(seen()).toBe(0);
        await refuseTooLong(["x".repeat(100_000)], counter(256).count, ROOM);
    });

    it("is left when the client leaves", async () => {
        const gone = new AbortController();
        gone.abort(new Error("gone"));
        await expect(refuseTooLong(["x".repeat(100_000)], counter(256).count, { ...ROOM, signal: gone.signal })).rejects.toThrow("gone");
    });

    it("is any text of the request", () => {
        expect(textsOf({ kind: "completion", prompt: "a", options: OPTIONS })).toEqual(["a"]);
        const call = { id: "1", name: "n", arguments: "{}" };
        const messages = [{ role: "user" as const, content: "a" }, { role: "assistant" as const, content: "", toolCalls: [call] }, { role: "tool" as const, toolCallId: "1", content: "b" }];
        expect(textsOf({ kind: "chat", messages, tools: [{ name: "n", description: "d" }], options: OPTIONS })).toEqual(["a", "", "{}", "b", "d{}"]);
        expect(textsOf({ kind: "chat", messages: [], tools: [{ name: "n", description: "d" }], toolChoice: "none", options: OPTIONS })).toEqual([]);
    });
});
