import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Batching } from "../src/engine/batching.js";
import type { LoadedModel, LoadSpec } from "../src/engine/engine.js";
import { memoryOf, residentOf } from "../src/engine/memory.js";
import { copiesWeights, type Room, sizeModel } from "../src/engine/sizing.js";
import { chooseSlot, type SlotView, worthWaiting } from "../src/engine/slots.js";
import { isServedBy } from "../src/engine/spec.js";

const GIB = 1024 ** 3;
const AUTO = { slots: 0, contextSize: 0, batchSize: 0, queueSize: 256 };
/** SmolLM2-135M on two threads. */
const ROOM: Room = { on: "cpu", threads: 2, freeBytes: 20 * GIB, weights: 94e6, bytesPerToken: 23_040, trainContextSize: 8192, settings: AUTO };

describe("sizes", () => {
    it.each<[string, Partial<Room>, [number, number, number]]>([
        ["much memory, of which a small model takes 0.7 GiB", {}, [8, 4096, 256]],
        ["a larger model: as much as itself, a quarter at most", { weights: 5e9, freeBytes: 40 * GIB, bytesPerToken: 131_072 }, [8, 4096, 256]],
        ["less memory: fewer slots", { weights: 5e9, freeBytes: 8 * GIB, bytesPerToken: 131_072 }, [4, 4096, 256]],
        ["a model with small states", { bytesPerToken: 12_288 }, [8, 8192, 256]],
        ["a container of 1.5 GB", { freeBytes: 1.25 * GIB }, [3, 4096, 256]],
        ["hardly any memory: one slot of what there is", { freeBytes: 40 * 1024 ** 2 }, [1, 1638, 256]],
        ["one thread", { threads: 1 }, [4, 8192, 128]],
        ["many threads", { threads: 64 }, [8, 4096, 512]],
        ["a model for short texts", { trainContextSize: 512 }, [8, 512, 256]],
        ["a context that is asked for", { contextSize: 2048 }, [8, 2048, 256]],
        ["a long context that is asked for", { contextSize: 8192 }, [4, 8192, 256]],
        ["a GPU", { on: "gpu", freeBytes: 70 * GIB, trainContextSize: 131_072 }, [8, 32_768, 512]],
        ["a small GPU", { on: "gpu", freeBytes: 3 * GIB, trainContextSize: 131_072 }, [6, 16_384, 512]],
        ["settings", { settings: { slots: 3, contextSize: 1024, batchSize: 32, queueSize: 1 } }, [3, 1024, 32]],
        ["the request before the settings", { contextSize: 600, settings: { ...AUTO, contextSize: 1024 } }, [8, 600, 256]],
        ["a state that takes nothing", { bytesPerToken: 0 }, [8, 8192, 256]],
    ])("%s", (_, more, [slots, contextSize, batchSize]) => {
        expect(sizeModel({ ...ROOM, ...more })).toEqual({ slots, contextSize, batchSize });
    });

    it("memory is the container's limit where there is one", () => {
        const machine = { total: 16 * GIB, free: 8 * GIB };
        expect(memoryOf(machine, 0, GIB)).toEqual({ total: 16 * GIB, free: 8 * GIB - 128 * 1024 ** 2 });
        expect(memoryOf(machine, 2 ** 64, GIB).total).toBe(16 * GIB);
        expect(memoryOf(machine, 2 * GIB, GIB)).toEqual({ total: 2 * GIB, free: GIB - 128 * 1024 ** 2 });
        expect(memoryOf(machine, GIB, 2 * GIB).free).toBe(0);
    });

    it("memory of a process is read from what the system says of it", () => {
        expect(residentOf("Name:\tnode\nVmHWM:\t  900 kB\nVmRSS:\t  123456 kB\nRssAnon:\t 7 kB\n")).toBe(123_456 * 1024);
        expect(residentOf("Name:\tkthreadd\n")).toBe(0);
        expect(residentOf(readFileSync("/proc/self/status", "latin1"))).toBeGreaterThan(1024 ** 2);
    });
});

describe("weights on the CPU", () => {
    it.each([
        [100, 200, true],
        [100, 199, false],
        [100, 0, false],
    ])("of %d with %d free are copied: %s", (weights, free, copied) => {
        expect(copiesWeights(weights, free)).toBe(copied);
    });
});

describe("the slot of a prompt", () => {
    const slot = (id: number, more: Partial<SlotView> = {}): SlotView => ({ id, busy: false, held: 0, shared: 0, willShare: 0, lastUsed: 0, ...more });

    it("is the first unused one when nothing is shared", () => {
        expect(chooseSlot([slot(0, { held: 50, lastUsed: 9 }), slot(1), slot(2)], true)).toEqual({ id: 1 });
        expect(chooseSlot([slot(0, { held: 50, lastUsed: 9 }), slot(1, { held: 50, lastUsed: 3 })], true)).toEqual({ id: 1 });
    });

    it("is the one that already holds the start of the prompt", () => {
        const slots = [slot(0), slot(1, { held: 1200, shared: 1000, lastUsed: 1 }), slot(2, { held: 1100, shared: 1050, lastUsed: 2 })];
        expect(chooseSlot(slots, true)).toEqual({ id: 2 });
    });

    it("is filled from one that shares much, busy or not, and that one stays as it is", () => {
        const busy = [slot(0, { busy: true, held: 1200, shared: 1000, lastUsed: 1 }), slot(1)];
        expect(chooseSlot(busy, true)).toEqual({ id: 1, copyFrom: 0 });
        const long = [slot(0, { held: 5000, shared: 1000, lastUsed: 1 }), slot(1)];
        expect(chooseSlot(long, true)).toEqual({ id: 1, copyFrom: 0 });
    });

    it("is not filled where little is shared, or where states cannot be copied", () => {
        expect(chooseSlot([slot(0, { held: 500, shared: 30, lastUsed: 1 }), slot(1)], true)).toEqual({ id: 1 });
        const slots = [slot(0, { held: 5000, shared: 1000, lastUsed: 1 }), slot(1)];
        expect(chooseSlot(slots, false)).toEqual({ id: 0 });
    });

    it("is chosen later where another slot will soon have read much of the prompt", () => {
        const reading = slot(0, { busy: true, held: 64, shared: 64, willShare: 1000 });
        expect(worthWaiting([reading, slot(1)])).toBe(true);
        expect(worthWaiting([reading, slot(1, { held: 950, shared: 950, willShare: 950 })])).toBe(false);
        expect(worthWaiting([{ ...reading, shared: 1000 }, slot(1)])).toBe(false);
        expect(worthWaiting([{ ...reading, willShare: 100 }, slot(1)])).toBe(false);
    });

    it("does not exist when all are busy", () => {
        expect(chooseSlot([slot(0, { busy: true })], true)).toBeUndefined();
    });
});

describe("a batch", () => {
    const want = (length: number): { tokens: number[] } => ({ tokens: Array.from({ length }, (_, index) => index) });
    const amounts = (lengths: number[], size: number, batching = new Batching()): number[] => {
        const items = lengths.map(want);
        const shares = batching.share(items, size);
        return items.map((item) => shares.find((share) => share.item === item)?.processAmount ?? 0);
    };

    it("belongs to one prompt when there is no other", () => {
        expect(amounts([30], 64)).toEqual([30]);
    });

    it("has the next token of every answer, and up to half of it for prompts", () => {
        expect(amounts([1, 100, 1, 1], 64)).toEqual([1, 32, 1, 1]);
        expect(amounts([1, 1, 1], 2)).toEqual([1, 1, 0]);
    });

    it("belongs to a short prompt while a longer one is read, but not twice in a row", () => {
        const batching = new Batching();
        expect(amounts([128, 20], 128, batching)).toEqual([0, 20]);
        expect(amounts([128, 20], 128, batching)).toEqual([16, 20]);
        expect(amounts([128, 20], 128, batching)).toEqual([0, 20]);
    });

    it("has a part of the longest prompt where the others do not fit anyway", () => {
        expect(amounts([128, 80, 80], 128)).toEqual([16, 48, 0]);
        expect(amounts([128, 60, 60], 128)).toEqual([0, 60, 60]);
    });

    it("is filled with prompts that end in it", () => {
        expect(amounts([15, 1, 15, 15, 15, 15], 64)).toEqual([15, 1, 15, 15, 15, 0]);
    });

    describe("takes no longer than other requests may wait", () => {
        let now = 0;
        /** Reads a prompt of a thousand tokens; each token takes this many milliseconds. */
        const read = (batching: Batching, msecPerToken: number): number => {
            let [piece = 0] = amounts([1000], 128, batching);
            for (let batch = 0; batch < 5; batch += 1) {
                now += piece * msecPerToken;
                [piece = 0] = amounts([1000], 128, batching);
            }
            now += piece * msecPerToken;
            amounts([10], 128, batching);
            return piece;
        };

        it.each([
            [0.7, 128, 64],
            [1.5, 128, 16],
            [0.1, 128, 128],
            [3, 128, 16],
            [4, 64, 16],
            [100, 64, 16],
        ])("%f ms a token: %i tokens alone, %i beside others", (msecPerToken, alone, beside) => {
            const batching = new Batching(() => now);
            expect(read(batching, msecPerToken)).toBe(alone);
            amounts([1, 1], 128, batching);
            expect(read(batching, msecPerToken)).toBe(beside);
            now += 31_000;
            expect(amounts([1000], 128, batching)).toEqual([alone]);
        });

        it("has at least the tokens that are computed together where several prompts are read", () => {
            const batching = new Batching(() => now);
            read(batching, 3);
            amounts([1, 1], 128, batching);
            const [first = 0, second = 0] = amounts([1000, 900], 128, batching);
            expect(first + second).toBeGreaterThanOrEqual(64);
        });

        it("does not count the time without requests, and little of it after an abort", () => {
            const batching = new Batching(() => now);
            read(batching, 1);
            now += 60_000;
            expect(amounts([1000], 128, batching)).toEqual([128]);
            now += 60_000;
            expect(amounts([1000], 128, batching)).toEqual([128]);
        });

        it("becomes smaller when the machine becomes slower", () => {
            const batching = new Batching(() => now);
            expect([read(batching, 1), read(batching, 20)]).toEqual([128, 64]);
        });

        it("starts with the tokens that are computed together", () => {
            expect(amounts([1000], 128)).toEqual([64]);
        });
    });

    it("is never too large and never empty", () => {
        for (const lengths of [[1, 1, 64, 64, 64, 64], [64, 64], [1, 5, 64], Array.from({ length: 70 }, () => 1)]) {
            const sum = amounts(lengths, 64).reduce((all, amount) => all + amount, 0);
            expect(sum).toBeLessThanOrEqual(64);
            expect(sum).toBeGreaterThan(0);
        }
    });
});

describe("a loaded model serves", () => {
    const loaded = (spec: Partial<LoadSpec>): LoadedModel => ({
        spec: { name: "a", file: "/a", modifiedMs: 1, ...spec },
        sizeBytes: 1,
        loadTimestamp: 1,
        gpulayer: 30,
        contextSize: 8192,
        trainContextSize: 8192,
        slots: 8,
        batchSize: 64,
    });
    const spec = { name: "a", file: "/a", modifiedMs: 1 };

    it.each<[string, Partial<LoadSpec>, Partial<LoadSpec>, boolean, boolean]>([
        ["the same again", {}, {}, true, true],
        ["what is there anyway, asked for explicitly", {}, { contextSize: 8192, gpulayer: 30 }, true, true],
        ["another context", {}, { contextSize: 512 }, true, false],
        ["no size after one that was asked for", { contextSize: 512 }, {}, true, false],
        ["other layers", {}, { gpulayer: 0 }, true, false],
        ["other layers without a GPU", {}, { gpulayer: 7 }, false, true],
        ["another file", {}, { file: "/b" }, true, false],
        ["a file that was replaced", {}, { modifiedMs: 2 }, true, false],
    ])("%s", (_, before, asked, gpu, expected) => {
        expect(isServedBy(loaded(before), { ...spec, ...asked }, gpu)).toBe(expected);
    });
});
