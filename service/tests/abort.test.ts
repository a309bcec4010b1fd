import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { withAnyOf } from "../src/schedule/abort.js";

const never = async (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
        if (signal.aborted) {
            reject(signal.reason as Error);
        }
    });

describe("one signal of several", () => {
    it("is aborted with the first of them, also before the work begins", async () => {
        const [one, other] = [new AbortController(), new AbortController()];
        const work = withAnyOf([one.signal, other.signal], never);
        other.abort(new Error("other"));
        one.abort(new Error("one"));
        await expect(work).rejects.toThrow("other");
        await expect(withAnyOf([one.signal], never)).rejects.toThrow("one");
    });

    it("leaves nothing with a signal that lives on, however the work ends", async () => {
        const lives = new AbortController();
        for (const request of [new AbortController(), new AbortController()]) {
            await withAnyOf([request.signal, lives.signal], async () => Promise.resolve());
            const work = withAnyOf([request.signal, lives.signal], never);
            expect(getEventListeners(lives.signal, "abort")).toHaveLength(1);
            request.abort(new Error("gone"));
            await expect(work).rejects.toThrow("gone");
        }
        expect(getEventListeners(lives.signal, "abort")).toEqual([]);
    });
});
