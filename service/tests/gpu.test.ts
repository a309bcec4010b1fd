import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Proof } from "../src/gpu/proof.js";
import { nameMatcher, Surface } from "../src/gpu/surface.js";
import { GpuWatch } from "../src/gpu/watch.js";

let root: string;

function put(...files: string[]): void {
    for (const file of files) {
        mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
        writeFileSync(path.join(root, file), "");
    }
}

beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), "mentator-gpu-"));
});

afterEach(() => {
    rmSync(root, { recursive: true });
});

/** What a real table watches for two vendors. */
const WATCH = {
    nvidia: ["dev/nvidia[0-9]*", "dev/nvidiactl", "dev/nvidia-uvm", "dev/dxg", "proc/driver/nvidia/version"],
    amd: ["dev/kfd", "dev/dri/renderD*"],
} as const;

describe("the surface", () => {
    it.each([
        ["nvidia", ["dev/nvidia0", "dev/nvidia11", "dev/nvidiactl", "dev/nvidia-uvm", "proc/driver/nvidia/version"]],
        ["amd", ["dev/kfd", "dev/dri/renderD128"]],
    ] as const)("of %s is what was there at first", async (vendor, files) => {
        put(...files, "dev/nvidia-modeset", "dev/dri/card0", "dev/null");
        const surface = await Surface.now(WATCH[vendor], root);
        expect([...surface.files].sort()).toEqual(files.map((file) => path.join(root, file)).sort());
        expect(await surface.fault()).toBeUndefined();
    });

    it.each([
        ["nvidia", "dev/nvidia0"],
        ["nvidia", "proc/driver/nvidia/version"],
        ["amd", "dev/kfd"],
        ["amd", "dev/dri/renderD128"],
    ] as const)("of %s has a fault once %s is gone", async (vendor, file) => {
        put("dev/nvidia0", "proc/driver/nvidia/version", "dev/kfd", "dev/dri/renderD128");
        const surface = await Surface.now(WATCH[vendor], root);
        rmSync(path.join(root, file));
        expect(await surface.fault()).toBe(`${path.join(root, file)}: it is not there any more`);
    });

    it.each([
        ["fake[0-9]*", ["fake0", "fake10", "fake1p1"], ["fake", "fakectl", "afake0"]],
        ["fake*", ["fake", "fake0"], ["fak"]],
        ["fake.[0-9]", ["fake.1"], ["fakex1", "fake.a", "fake.12"]],
        ["fake+(1)", ["fake+(1)"], ["fakee1"]],
    ])("matches the names of %s", (glob, fitting, others) => {
        const matcher = nameMatcher(glob);
        expect([...fitting, ...others].filter((name) => matcher.test(name))).toEqual(fitting);
    });

    it("of the CPU is nothing", async () => {
        put("dev/nvidia0", "dev/kfd");
        expect((await Surface.now([], root)).files).toEqual([]);
    });
});

describe("the watch", () => {
    async function watching(): Promise<{ watch: GpuWatch; told: string[] }> {
        put("dev/nvidia0");
        const told: string[] = [];
        return { watch: new GpuWatch(await Surface.now(["dev/nvidia[0-9]*"], root), (why) => told.push(why)), told };
    }

    it("tells once that the card is gone, by itself", async () => {
        const { watch, told } = await watching();
        watch.start(5);
        await watch.look();
        expect(watch.lost).toBeUndefined();
        rmSync(path.join(root, "dev/nvidia0"));
        await expect.poll(() => watch.lost).toContain("nvidia0: it is not there any more");
        await watch.look();
        expect(told).toHaveLength(1);
        watch.stop();
    });

    it("looks when work failed", async () => {
        const { watch } = await watching();
        rmSync(path.join(root, "dev/nvidia0"));
        watch.failed(new Error("decode"));
        await expect.poll(() => watch.lost).toContain("nvidia0");
    });

    it("gives up after three failures in a row, and no sooner", async () => {
        const { watch, told } = await watching();
        for (let round = 0; round < 2; round += 1) {
            watch.failed(new Error("CUDA error"));
            watch.failed(new Error("CUDA error"));
            watch.succeeded();
        }
        await watch.look();
        expect(watch.lost).toBeUndefined();
        watch.failed(new Error("a"));
        watch.failed(new Error("b"));
        watch.failed(new Error("CUDA error: unspecified launch failure"));
        expect(told).toEqual(["it failed 3 times in a row, at last with: CUDA error: unspecified launch failure"]);
    });
});

describe("a proof", () => {
    const files = (): string[] => readdirSync(root).sort();

    it("is marked while it is in use", () => {
        put("proof");
        const proof = new Proof(path.join(root, "proof"));
        proof.use();
        expect(files()).toEqual(["proof", "proof.in-use"]);
        proof.release();
        expect(files()).toEqual(["proof"]);
    });

    it("is forgotten with its mark", () => {
        put("proof");
        const proof = new Proof(path.join(root, "proof"));
        proof.use();
        expect([proof.forget(), files()]).toEqual([true, []]);
        expect(proof.forget()).toBe(true);
    });

    it("that there is none of, or that cannot be deleted, is not said to be forgotten", () => {
        put("proof/file");
        const stuck = new Proof(path.join(root, "proof"));
        stuck.use();
        expect([new Proof(undefined).forget(), stuck.forget()]).toEqual([false, false]);
        expect(files()).toEqual(["proof", "proof.in-use"]);
    });
});
