/** Which failures may mean that the GPU is gone. */

import type { LlamaContext } from "node-llama-cpp";
import { describe, expect, it } from "vitest";
import { toHistory } from "../src/engine/history.js";
import { isNativeFailure, watchNative } from "../src/engine/native-failure.js";

/** A context whose native part fails with this. */
function contextOf(failure: Error | undefined): { context: LlamaContext; decode: () => Promise<unknown> } {
    class Native {
        public async decodeBatch(): Promise<unknown> {
            return failure === undefined ? Promise.resolve([1]) : Promise.reject(failure);
        }
    }
    const native = new Native();
    return { context: { _ctx: native } as unknown as LlamaContext, decode: async () => native.decodeBatch() };
}

describe("a failure of the native part", () => {
    it("is what its computing was rejected with", async () => {
        const failure = new Error("Eval has failed");
        const { context, decode } = contextOf(failure);
        watchNative(context);
        watchNative(context);
        await expect(decode()).rejects.toBe(failure);
        expect(isNativeFailure(failure)).toBe(true);
    });

    it("is known in a context for embeddings too", async () => {
        const failure = new Error("Eval has failed");
        const { context, decode } = contextOf(failure);
        watchNative({ _llamaContext: context } as unknown as LlamaContext);
        await expect(decode()).rejects.toBe(failure);
        expect(isNativeFailure(failure)).toBe(true);
    });

    it("is not an exception of JavaScript, whatever it says", () => {
        for (const thrown of [new Error("Eval has failed"), new Error("Unknown immutable type undefined"), new RangeError("Maximum call stack size exceeded"), "Eval has failed", undefined]) {
            expect(isNativeFailure(thrown)).toBe(false);
        }
    });

    it("is not a context without room", async () => {
        const full = new Error("could not find a KV slot for the batch");
        const { context, decode } = contextOf(full);
        watchNative(context);
        await expect(decode()).rejects.toBe(full);
        expect(isNativeFailure(full)).toBe(false);
    });

    it("changes nothing where it succeeds", async () => {
        const { context, decode } = contextOf(undefined);
        watchNative(context);
        expect(await decode()).toEqual([1]);
    });
});

describe("a history", () => {
    it("keeps a call's broken arguments as a text", () => {
        const history = toHistory([{ role: "assistant", content: "", toolCalls: [{ id: "c", name: "f", arguments: '{"a": ' }] }]);
        expect(history).toMatchObject([{ type: "model", response: [{ name: "f", params: '{"a": ' }] }]);
    });
});
