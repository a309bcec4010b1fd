import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";

const SERVICE = fileURLToPath(new URL("..", import.meta.url));
const SCRIPT = path.join(SERVICE, "patches/apply.mjs");
const DIFFS = path.join(SERVICE, "patches/javascript");
const FILE = "node-llama-cpp/dist/evaluator/LlamaContext/LlamaContext.js";

let modules: string;

/** The other files that a diff changes. */
const OTHERS = ["LlamaChat/utils/FunctionCallParamsGrammar.js", "LlamaChat/LlamaChat.js", "LlamaCompletion.js"].map((file) => `node-llama-cpp/dist/evaluator/${file}`);

/** A copy of the installed library's files, as released. */
beforeEach(() => {
    modules = mkdtempSync(path.join(tmpdir(), "mentator-"));
    cpSync(path.join(SERVICE, "node_modules/node-llama-cpp/package.json"), path.join(modules, "node-llama-cpp/package.json"));
    for (const file of [FILE, ...OTHERS]) {
        mkdirSync(path.dirname(path.join(modules, file)), { recursive: true });
        cpSync(path.join(SERVICE, "node_modules", file), path.join(modules, file));
    }
    expect(apply("--undo")).toMatchObject({ status: 0, stderr: "" });
    for (const file of [FILE, ...OTHERS]) {
        expect(text(file)).not.toMatch(/mentator/i);
    }
});

function apply(...words: string[]): { status: number | null; stdout: string; stderr: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...words, modules], { encoding: "utf8" });
    return { status, stdout, stderr };
}

function text(file = FILE): string {
    return readFileSync(path.join(modules, file), "utf8");
}

function change(file: string, from: string, to: string): void {
    const whole = path.join(modules, file);
    writeFileSync(whole, readFileSync(whole, "utf8").replace(from, to));
}

/** What is in the library's folder beside those files. */
function remains(): string[] {
    return readdirSync(path.join(modules, "node-llama-cpp")).filter((name) => !["package.json", "dist"].includes(name));
}

describe("the patches of node-llama-cpp's JavaScript", () => {
    it("are applied once, leave valid JavaScript, and can be undone", () => {
        const released = text();
        expect(apply()).toMatchObject({ status: 0, stderr: "" });
        const patched = text();
        expect(patched).not.toBe(released);
        expect(apply()).toMatchObject({ status: 0, stdout: expect.stringContaining("patched already") as string });
        expect(text()).toBe(patched);
        for (const file of [FILE, ...OTHERS]) {
            expect(text(file)).toMatch(/mentator/);
            execFileSync(process.execPath, ["--check", path.join(modules, file)]);
        }
        expect(apply("--undo").status).toBe(0);
        expect(text()).toBe(released);
        expect(remains()).toEqual([]);
    });

    it("refuse another version", () => {
        change("node-llama-cpp/package.json", '"version": "3.22.1"', '"version": "3.23.0"');
        expect(apply()).toMatchObject({ status: 1, stderr: expect.stringContaining("is 3.23.0") as string });
    });

    it("refuse another text and leave it alone, also where some of the diffs fit", () => {
        change(FILE, "await decodeTokenBatchItems(currentBatchItems, currentBatchSize);", "await decodeAll();");
        const before = text();
        expect(apply()).toMatchObject({ status: 1, stderr: expect.stringContaining("02-release-the-lock-between-batches.diff does not fit") as string });
        expect(text()).toBe(before);
        expect(remains()).toEqual([]);
    });

    it("refuse a library that only some of the diffs were applied to", () => {
        apply();
        change(FILE, "    static mentatorBatching = true;\n", "");
        const before = text();
        expect(apply()).toMatchObject({ status: 1, stderr: expect.stringContaining("npm ci") as string });
        expect(text()).toBe(before);
    });

    it("refuse a folder without the library", () => {
        const { status, stderr } = spawnSync(process.execPath, [SCRIPT, path.join(modules, "none")], { encoding: "utf8" });
        expect([status, stderr]).toEqual([1, expect.stringContaining("ENOENT")]);
    });

    it("name the program that they need where it is missing", () => {
        const before = text();
        const { status, stderr } = spawnSync(process.execPath, [SCRIPT, modules], { encoding: "utf8", env: { PATH: modules } });
        expect([status, stderr]).toEqual([1, expect.stringContaining("apt-get install patch")]);
        expect(text()).toBe(before);
    });

    it("leave another link to the file alone, as a package manager's store has one", () => {
        const released = text();
        linkSync(path.join(modules, FILE), path.join(modules, "store.js"));
        expect(apply().status).toBe(0);
        expect(readFileSync(path.join(modules, "store.js"), "utf8")).toBe(released);
    });

    it.each([["--help"], ["-h"], ["--undo", "--dry-run"], ["other"]])("are not applied with %s", (...words) => {
        const released = text();
        expect(apply(...words)).toMatchObject({ status: 2, stderr: expect.stringContaining(words.at(-1) ?? "none") as string });
        expect(text()).toBe(released);
    });

    it("say what they are for before the diff begins", () => {
        for (const name of readdirSync(DIFFS)) {
            const [header = ""] = readFileSync(path.join(DIFFS, name), "utf8").split("\n--- a/");
            expect(header, name).toMatch(/^[A-Z].+\n\n[^]+\n\nUpstream: /);
        }
    });
});
