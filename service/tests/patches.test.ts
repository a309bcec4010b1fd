import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";

const SERVICE = fileURLToPath(new URL("..", import.meta.url));
const SCRIPT = path.join(SERVICE, "patches/apply.mjs");
const FILE = "node-llama-cpp/dist/evaluator/LlamaContext/LlamaContext.js";

let modules: string;

/** A copy of the installed library's two files, as released. */
beforeEach(() => {
    modules = mkdtempSync(path.join(tmpdir(), "mentator-"));
    mkdirSync(path.dirname(path.join(modules, FILE)), { recursive: true });
    cpSync(path.join(SERVICE, "node_modules/node-llama-cpp/package.json"), path.join(modules, "node-llama-cpp/package.json"));
    cpSync(path.join(SERVICE, "node_modules", FILE), path.join(modules, FILE));
    apply("--undo");
    expect(readFileSync(path.join(modules, FILE), "utf8")).not.toMatch(/mentator/i);
});

function apply(...words: string[]): { status: number | null; stderr: string } {
    const { status, stderr } = spawnSync(process.execPath, [SCRIPT, ...words, modules], { encoding: "utf8" });
    return { status, stderr };
}

function change(file: string, from: string, to: string): void {
    const whole = path.join(modules, file);
    writeFileSync(whole, readFileSync(whole, "utf8").replace(from, to));
}

describe("the correction of node-llama-cpp", () => {
    it("is made once, and is still JavaScript", () => {
        const released = readFileSync(path.join(modules, FILE), "utf8");
        expect(apply("--check").status).toBe(1);
        expect(apply()).toEqual({ status: 0, stderr: "" });
        const corrected = readFileSync(path.join(modules, FILE), "utf8");
        expect(corrected).not.toBe(released);
        expect(apply().status).toBe(0);
        expect(readFileSync(path.join(modules, FILE), "utf8")).toBe(corrected);
        expect(apply("--check").status).toBe(0);
        execFileSync(process.execPath, ["--check", path.join(modules, FILE)]);
        expect(apply("--undo").status).toBe(0);
        expect(readFileSync(path.join(modules, FILE), "utf8")).toBe(released);
    });

    it("refuses another version", () => {
        change("node-llama-cpp/package.json", '"version": "3.22.1"', '"version": "3.23.0"');
        expect(apply()).toMatchObject({ status: 1, stderr: expect.stringContaining("is 3.23.0") as string });
    });

    it("refuses another text, and leaves it alone", () => {
        change(FILE, "await decodeTokenBatchItems(currentBatchItems, currentBatchSize);", "await decodeAll();");
        const before = readFileSync(path.join(modules, FILE), "utf8");
        expect(apply()).toMatchObject({ status: 1, stderr: expect.stringContaining("no single place") as string });
        expect(readFileSync(path.join(modules, FILE), "utf8")).toBe(before);
    });

    it("refuses a folder without the library", () => {
        const { status, stderr } = spawnSync(process.execPath, [SCRIPT, path.join(modules, "none")], { encoding: "utf8" });
        expect([status, stderr]).toEqual([1, expect.stringContaining("ENOENT")]);
    });
});
