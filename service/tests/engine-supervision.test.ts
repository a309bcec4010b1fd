/** What the supervisor decides: alive or not, restart or not, what an end means. */

import { describe, expect, it } from "vitest";
import { parseStat } from "../src/engine-process/cpu-time.js";
import { describeEnding, type Ending, isNativeDeath } from "../src/engine-process/ending.js";
import { LIMITS, Liveness, type Sight } from "../src/engine-process/liveness.js";
import { Suspects } from "../src/engine-process/suspects.js";
import { Restarts } from "../src/engine-process/restarts.js";

/** After how many seconds of the same sight it is ended, and why. */
function endOf(sight: Omit<Sight, "cpuMsec">, cpuMsecASecond: number, onGpu = false): [number, string] | undefined {
    const liveness = new Liveness(LIMITS, onGpu);
    for (let second = 1; second < 2000; second += 1) {
        const why = liveness.judge({ ...sight, stepMsec: sight.stepMsec === 0 ? 0 : second * 1000, cpuMsec: second * cpuMsecASecond });
        if (why !== undefined) {
            return [second, why];
        }
    }
    return undefined;
}

describe("the engine's process", () => {
    it.each<[string, Omit<Sight, "cpuMsec">, number, boolean, number | undefined]>([
        ["is left alone while it answers", { beat: true, stepMsec: 0 }, 1, false, undefined],
        ["is left alone while a slow processor computes one batch", { beat: true, stepMsec: 1 }, 1000, false, undefined],
        ["is ended when it neither answers nor computes", { beat: false, stepMsec: 0 }, 0, false, 21],
        ["is ended late when it computes and does not answer", { beat: false, stepMsec: 0 }, 1000, false, 120],
        ["is ended when nothing computes in a batch", { beat: true, stepMsec: 1 }, 1, false, 61],
        ["is ended when a GPU does not finish a batch", { beat: true, stepMsec: 1 }, 1000, true, 900],
    ])("%s", (_, sight, cpuMsecASecond, onGpu, second) => {
        expect(endOf(sight, cpuMsecASecond, onGpu)?.[0]).toBe(second);
    });

    it("is not ended for want of figures of the system", () => {
        const liveness = new Liveness(LIMITS, false);
        const ends = Array.from({ length: 119 }, () => liveness.judge({ beat: false, stepMsec: 0, cpuMsec: undefined }));
        expect(ends.every((why) => why === undefined)).toBe(true);
    });
});

it("reads processor time beside a name with spaces and brackets", () => {
    expect(parseStat("7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 123 27 0 0 20")).toBe(1500);
    expect(parseStat("7 (a")).toBeUndefined();
});

describe("an end", () => {
    const end: Ending = { code: null, signal: null, ordered: undefined, hung: false, said: "" };

    it("of a model that was overwritten in place is explained", () => {
        expect(describeEnding({ ...end, signal: "SIGBUS" })).toMatch(/SIGBUS .*a model was overwritten or cut while it was loaded\. Put a new file beside it/);
    });

    it("shows the telling line of what was said", () => {
        const said = "loading\nggml.c:12: GGML_ASSERT(a == b) failed\nsome trace\n";
        expect(describeEnding({ ...end, signal: "SIGABRT", said })).toContain("it said: ggml.c:12: GGML_ASSERT(a == b) failed");
    });

    it("by the native part or in a hang counts against a driver, by others does not", () => {
        expect(isNativeDeath({ ...end, signal: "SIGSEGV" })).toBe(true);
        expect(isNativeDeath({ ...end, signal: "SIGKILL", ordered: "it hung", hung: true })).toBe(true);
        expect(isNativeDeath({ ...end, signal: "SIGKILL" })).toBe(false);
        expect(isNativeDeath({ ...end, signal: "SIGBUS" })).toBe(false);
        expect(isNativeDeath({ ...end, signal: "SIGABRT", said: "FATAL ERROR: Reached heap limit Allocation failed" })).toBe(false);
    });
});

it("is restarted at once, then with pauses, five times in ten minutes", () => {
    const restarts = new Restarts();
    expect([0, 1, 2, 3, 4, 5].map((second) => restarts.next(second * 1000))).toEqual([0, 1000, 2000, 3000, 4000, undefined]);
    expect(restarts.total).toBe(5);
    expect(restarts.next(600_001)).toBe(4000);
});

it("leaves a model alone after two ends while it was loaded, for ten minutes", () => {
    const suspects = new Suspects();
    const spec = { name: "a", file: "/a", modifiedMs: 1 };
    expect(suspects.waitFor(spec, 0)).toBeUndefined();
    suspects.record(spec, 0);
    expect(suspects.waitFor(spec, 1)).toBeUndefined();
    suspects.record(spec, 60_000);
    expect(suspects.waitFor(spec, 60_000)).toBe(540);
    expect(suspects.waitFor({ ...spec, modifiedMs: 2 }, 60_000)).toBeUndefined();
    expect(suspects.waitFor(spec, 600_000)).toBeUndefined();
});
