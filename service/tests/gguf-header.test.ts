/** Headers that lie, and what a file is by its header. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { checkGguf } from "../src/engine/gguf.js";
import { readHeader } from "../src/models/header.js";
import { inspectFile } from "../src/models/inspect.js";
import { type Gguf, gguf, model, part, u32, u64 } from "./gguf-files.js";

const folder = mkdtempSync(path.join(tmpdir(), "mentator-"));

function file(bytes: Buffer | string, name = "a.gguf"): string {
    const at = path.join(folder, name);
    writeFileSync(at, bytes);
    return at;
}

const LLAMA = { "general.architecture": { text: "llama" } };
const HUGE = 2n ** 60n;

/** An array that claims `count` elements of `type`. */
function list(type: number, count: bigint): { raw: Buffer } {
    return { raw: Buffer.concat([u32(9), u32(type), u64(count)]) };
}

describe("headers that lie", () => {
    it.each<[string, Gguf, RegExp]>([
        ["more tensors than bytes", { claims: { tensors: HUGE } }, /claims \d+ tensors/],
        ["more keys than bytes", { claims: { keys: HUGE } }, /claims .* metadata keys/],
        ["as many tensors as are allowed", { claims: { tensors: 262_144n } }, /cut short|damaged/],
        ["as many keys as are allowed", { claims: { keys: 65_536n } }, /cut short|damaged/],
        ["a text longer than the file", { keys: { ...LLAMA, x: { raw: Buffer.concat([u32(8), u64(HUGE)]) } } }, /end within x/],
        ["a kept text longer than the file", { keys: { "tokenizer.chat_template": { raw: Buffer.concat([u32(8), u64(600_000)]) } } }, /end within tokenizer.chat_template/],
        ["a list of numbers longer than the file", { keys: { ...LLAMA, x: list(4, HUGE) } }, /end within x/],
        ["a list of texts longer than the file", { keys: { ...LLAMA, x: list(8, HUGE) } }, /end within x/],
        ["a list of lists", { keys: { ...LLAMA, x: list(9, 1n) } }, /unknown type 9/],
        ["a value of no type", { keys: { ...LLAMA, x: { raw: u32(77) } } }, /unknown type 77/],
        ["five dimensions", { tensors: [{ name: "t", shape: [1, 1, 1, 1, 1] }] }, /5 dimensions/],
        ["a tensor type that ggml removed", { tensors: [{ name: "t", shape: [32], type: 4 }] }, /is not one of ggml's/],
        ["an alignment of three", { keys: { ...LLAMA, "general.alignment": { u32: 3 } } }, /not a power of two/],
        ["an alignment of zero", { keys: { ...LLAMA, "general.alignment": { u32: 0 } } }, /not a power of two/],
        ["version 1", { version: 1 }, /GGUF version 1/],
        ["version 3 in big-endian", { version: 0x03000000 }, /big-endian GGUF, version 3/],
        ["another magic", { magic: "tjgg" }, /GGJT/],
        ["zeros", { magic: "\0\0\0\0" }, /begins with zeros/],
    ])("refuses %s at once", async (_what, given, why) => {
        await expect(inspectFile(file(gguf(given)))).rejects.toThrow(why);
        await expect(checkGguf("a.gguf", file(gguf(given)))).rejects.toThrow(/cannot be loaded/);
    });

    it.each(["", "G", "GGUF", "<!doctype html><title>login</title>", "version https://git-lfs.github.com/spec/v1"])("refuses %j", async (text) => {
        await expect(readHeader(file(text))).rejects.toThrow(/bytes|web page|Git LFS/);
    });

    it("takes no memory for what a file claims", async () => {
        const small = file(gguf({ keys: { ...LLAMA, x: list(8, 0xffff_ffffn) }, claims: { tensors: 262_144n } }));
        const before = process.memoryUsage().rss;
        await expect(readHeader(small)).rejects.toThrow();
        expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 ** 2);
    });

    it("reads a sparse file only so far", async () => {
        const many = file(gguf({ keys: { ...LLAMA, x: list(8, 10n ** 9n) } }));
        truncateSync(many, 10 ** 11);
        await expect(readHeader(many)).rejects.toThrow(/more than 128 MiB/);
    });

    it("opens neither FIFOs nor folders nor devices", async () => {
        const fifo = path.join(folder, "fifo.gguf");
        execFileSync("mkfifo", [fifo]);
        symlinkSync("loop.gguf", path.join(folder, "loop.gguf"));
        await expect(readHeader(fifo)).rejects.toThrow(/not a regular file/);
        await expect(readHeader(folder)).rejects.toThrow(/not a regular file/);
        await expect(readHeader("/dev/zero")).rejects.toThrow(/not a regular file/);
        await expect(readHeader(path.join(folder, "loop.gguf"))).rejects.toThrow(/ELOOP/);
    });

    it("ends well for any change of any bytes", async () => {
        const whole = gguf({
            keys: { ...LLAMA, "tokenizer.ggml.tokens": { texts: ["a", "b", "c"] }, "tokenizer.chat_template": { text: "{{ messages }}" } },
            tensors: [{ name: "token_embd.weight", shape: [8, 4] }, { name: "output.weight", shape: [8, 4] }],
        });
        // A linear congruential generator: the same changes in each run. MENTATOR_FUZZ_SECONDS runs on with others.
        const seconds = Number(process.env["MENTATOR_FUZZ_SECONDS"] ?? 0);
        let state = seconds > 0 ? Date.now() % 2 ** 31 : 1;
        const next = (below: number): number => {
            state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
            return state % below;
        };
        const until = Date.now() + seconds * 1000;
        for (let run = 0; run < 400 || Date.now() < until; run += 1) {
            const bytes = Buffer.from(whole);
            for (let change = 1 + next(6); change > 0; change -= 1) {
                const at = next(bytes.length - 8);
                bytes.writeBigUInt64LE([0n, 1n, 0xffn, 2n ** 31n, 2n ** 63n, 2n ** 64n - 1n][next(6)] ?? 0n, at);
            }
            const cut = next(3) === 0 ? bytes.subarray(0, next(bytes.length)) : bytes;
            // Only these ends are there: facts, or a fault in words.
            const { fault } = await inspectFile(file(cut, "fuzz.gguf")).then(
                () => ({ fault: "" }),
                (thrown: unknown) => ({ fault: (thrown as Error).message }),
            );
            expect(fault, `start ${state}, run ${run}`).toMatch(/^$|^It /);
        }
    }, 20_000 + 1000 * Number(process.env["MENTATOR_FUZZ_SECONDS"] ?? 0));
});

describe("what a file is", () => {
    it.each<[string, Buffer, object]>([
        ["a model", gguf(), { facts: { kind: "chat", layerCount: 2 }, incomplete: false }],
        ["a reasoning model", model("qwen3", { "tokenizer.chat_template": { text: "<think>" } }), { facts: { kind: "chat", isReasoning: true } }],
        ["an encoder", model("nomic-bert"), { facts: { kind: "embedding" } }],
        ["a decoder that was trained to embed", model("qwen3", { "qwen3.pooling_type": { u32: 3 } }), { facts: { kind: "embedding" } }],
        ["a reranker by its pooling", model("bert", { "bert.pooling_type": { u32: 4 } }), { facts: { kind: "rerank" } }],
        ["a reranker by its head", model("qwen3", {}, [{ name: "cls.output.weight", shape: [4, 2] }]), { facts: { kind: "rerank" } }],
        ["a projector", model("clip", { "general.type": { text: "mmproj" } }), { leftOut: expect.stringContaining("projector") as string }],
        ["an old projector", model("clip"), { leftOut: expect.stringContaining("projector") as string }],
        ["a LoRA adapter", model("llama", { "general.type": { text: "adapter" } }), { leftOut: expect.stringContaining("LoRA") as string }],
        ["an importance matrix", model("llama", { "general.type": { text: "imatrix" } }), { leftOut: expect.stringContaining("importance") as string }],
        ["a vocabulary", model("llama", {}, []), { leftOut: "a vocabulary without weights" }],
        ["a type of tomorrow", model("llama", { "general.type": { text: "soup" } }), { leftOut: expect.stringContaining("soup") as string }],
        ["a file without architecture", gguf({ keys: {} }), { leftOut: expect.stringContaining("general.architecture") as string }],
        ["a part", part(2, 3), { part: { number: 2, of: 3 } }],
        ["a file that is not whole", gguf({ data: 100 }), { incomplete: true }],
    ])("knows %s", async (_what, bytes, facts) => {
        expect(await inspectFile(file(bytes))).toMatchObject(facts);
    });
});

it.skipIf(process.env["MENTATOR_TEST_MODEL"] === undefined)("reads a real model's header to its exact end", async () => {
    const { size, needed } = await readHeader(process.env["MENTATOR_TEST_MODEL"] ?? "");
    expect(needed).toBe(size);
});
