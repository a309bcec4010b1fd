/** What happens around the load of a model, without node-llama-cpp. */

import type { Llama, LlamaModel } from "node-llama-cpp";
import { describe, expect, it } from "vitest";
import { openContext } from "../src/engine/context.js";
import { type LoadedModel, type LoadSpec, MemoryBusy } from "../src/engine/engine.js";
import type { Host } from "../src/engine/host.js";
import { type Needs, refuseImpossible } from "../src/engine/needs.js";
import { Residents } from "../src/engine/residents.js";
import { Log } from "../src/log.js";

const MIB = 1024 ** 2;
const SPEC: LoadSpec = { name: "m", file: "/m" };
const NEEDS: Needs = { trainContextSize: 8192, onGpu: false, weights: 100 * MIB, perToken: MIB / 16 };

describe("a model that cannot fit", () => {
    it("is refused with the numbers", () => {
        expect(() => refuseImpossible(SPEC, NEEDS, 200 * MIB)).not.toThrow();
        expect(() => refuseImpossible(SPEC, NEEDS, 110 * MIB)).toThrow("The model m is too large for the memory: the model has 100 MB, a context of 512 tokens takes 32 MB, and there are 110 MB of memory.");
    });

    it("is refused for the context that was asked for, with the largest that fits", () => {
        expect(() => refuseImpossible({ ...SPEC, contextSize: 4096 }, NEEDS, 200 * MIB)).toThrow(/^contextSize 4096 is beyond the memory.*At most about 1600 tokens fit\.$/);
        expect(() => refuseImpossible({ ...SPEC, contextSize: 9000 }, NEEDS, 9000 * MIB)).toThrow("contextSize 9000 is beyond the 8192 tokens that m was trained for.");
    });

    it("is not refused on a GPU, where llama.cpp decides", () => {
        expect(() => refuseImpossible(SPEC, { ...NEEDS, onGpu: true }, 1)).not.toThrow();
    });
});

describe("a context", () => {
    /** Tries `openContext` with memory for so many tokens in all. */
    async function opened(tokens: number, slots: number, contextSize: number, fixedSize: boolean): Promise<{ tried: string[]; result: unknown }> {
        const tried: string[] = [];
        const model = {
            gpuLayers: 0,
            createContext: async (size: { contextSize: number; sequences: number; batchSize: number }) => {
                tried.push(`${size.sequences} x ${size.contextSize}`);
                return size.sequences * size.contextSize <= tokens
                    ? Promise.resolve({ contextSize: size.contextSize, batchSize: size.batchSize, getSequence: () => ({}) })
                    : Promise.reject(new Error("no memory"));
            },
        } as unknown as LlamaModel;
        const settings = { library: { LlamaContext: {} } as never, threads: 1, log: new Log("error", () => undefined), signal: new AbortController().signal, fixedSize };
        const result: unknown = await openContext(model, { slots, contextSize, batchSize: 64 }, settings).catch((thrown: unknown) => (thrown as Error).message);
        return { tried, result };
    }

    it("gets fewer slots, and then fewer tokens, until it fits", async () => {
        const { tried, result } = await opened(1500, 4, 4096, false);
        expect(tried).toEqual(["4 x 4096", "2 x 4096", "1 x 4096", "1 x 2048", "1 x 1024"]);
        expect(result).toMatchObject({ contextSize: 1024, batchSize: 64, sequences: [{}] });
    });

    it("keeps the size that a request asked for, and fails where that does not fit", async () => {
        const { tried, result } = await opened(1500, 2, 4096, true);
        expect(tried).toEqual(["2 x 4096", "1 x 4096"]);
        expect(result).toBe("no memory");
    });

    it("is not made smaller than the least", async () => {
        const { tried, result } = await opened(10, 1, 1000, false);
        expect(tried).toEqual(["1 x 1000", "1 x 512"]);
        expect(result).toBe("no memory");
    });
});

describe("models in memory", () => {
    /** Memory of 1000 MiB on a GPU; each model takes 300. */
    function crowded(...names: string[]): { residents: Residents; llama: Llama; held: string[]; infos: LoadedModel[] } {
        const residents = new Residents(new Log("error", () => undefined));
        const held = [...names];
        const llama = { getVramState: async () => Promise.resolve({ total: 1000 * MIB, free: (1000 - 300 * held.length) * MIB }) } as unknown as Llama;
        const infos = names.map((name) => ({ spec: { name, file: `/${name}` }, contextSize: 4096, gpulayer: 0 }) as unknown as LoadedModel);
        for (const info of infos) {
            residents.add({ info, dispose: async () => Promise.resolve(void held.splice(held.indexOf(info.spec.name), 1)) } as unknown as Host);
        }
        return { residents, llama, held, infos };
    }

    const needs: Needs = { ...NEEDS, onGpu: true, weights: 300 * MIB, perToken: 0 };
    const spec: LoadSpec = { name: "new", file: "/new" };

    it("leave in the order of their last use, as many as have to", async () => {
        const { residents, llama, held, infos } = crowded("a", "b", "c");
        const [a] = infos;
        residents.use(a ?? expect.fail());
        await residents.makeRoom(llama, spec, needs, () => false);
        expect(held).toEqual(["a", "c"]);
        expect(residents.infos.map(({ spec: { name } }) => name)).toEqual(["a", "c"]);
    });

    it("stay while they generate", async () => {
        const { residents, llama, held } = crowded("a", "b", "c");
        await expect(residents.makeRoom(llama, spec, needs, () => true)).rejects.toThrow(MemoryBusy);
        await residents.makeRoom(llama, spec, needs, ({ spec: { name } }) => name !== "c");
        expect(held).toEqual(["a", "b"]);
    });

    it("leave for the same file with other settings, unless they generate", async () => {
        const { residents, llama, held } = crowded("a");
        const same: LoadSpec = { name: "a", file: "/a", contextSize: 600 };
        await expect(residents.makeRoom(llama, same, needs, () => true)).rejects.toThrow("a is in use with other settings.");
        await residents.makeRoom(llama, same, needs, () => false);
        expect(held).toEqual([]);
    });

    it("cannot be used after they left", () => {
        const { residents } = crowded("a");
        const gone = { spec: { name: "gone", file: "/gone" } } as unknown as LoadedModel;
        expect(() => residents.use(gone)).toThrow("The model gone is not loaded any more.");
    });
});
