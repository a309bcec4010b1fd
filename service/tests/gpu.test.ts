import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NativeDeaths } from "../src/gpu/native-deaths.js";
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
    ] as const)("of %s has what was there at the start", async (vendor, files) => {
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

    it("is empty without patterns", async () => {
        put("dev/nvidia0", "dev/kfd");
        expect((await Surface.now([], root)).files).toEqual([]);
    });
});

describe("the watch", () => {
    async function watching(): Promise<{ watch: GpuWatch; told: string[]; missing: string[] }> {
        put("dev/nvidia0");
        const told: string[] = [];
        const missing: string[] = [];
        const surface = await Surface.now(["dev/nvidia[0-9]*"], root);
        return { watch: new GpuWatch(surface, (why) => told.push(why), (why) => missing.push(why)), told, missing };
    }

    it("says once that a device node is gone, and loses nothing while work goes on", async () => {
        const { watch, told, missing } = await watching();
        watch.start(5);
        rmSync(path.join(root, "dev/nvidia0"));
        await expect.poll(() => missing).toEqual([expect.stringContaining("nvidia0: it is not there any more")]);
        watch.onSuccess();
        put("dev/nvidia0");
        await new Promise((resolve) => setTimeout(resolve, 50));
        rmSync(path.join(root, "dev/nvidia0"));
        await expect.poll(() => missing.length).toBe(2);
        expect([watch.lost, told]).toEqual([undefined, []]);
        watch.stop();
    });

    it("loses the card once when something fails while its node is gone", async () => {
        const { watch, told } = await watching();
        await watch.look();
        expect(watch.lost).toBeUndefined();
        rmSync(path.join(root, "dev/nvidia0"));
        await watch.look();
        await watch.look();
        expect(told).toEqual([expect.stringContaining("nvidia0: it is not there any more")]);
    });

    it("looks at the device nodes after work failed", async () => {
        const { watch } = await watching();
        rmSync(path.join(root, "dev/nvidia0"));
        watch.onFailure(new Error("decode"));
        await expect.poll(() => watch.lost).toContain("nvidia0");
    });

    it("declares the GPU lost after three failures in a row, not before", async () => {
        const { watch, told } = await watching();
        for (let round = 0; round < 2; round += 1) {
            watch.onFailure(new Error("CUDA error"));
            watch.onFailure(new Error("CUDA error"));
            watch.onSuccess();
        }
        await watch.look();
        expect(watch.lost).toBeUndefined();
        watch.onFailure(new Error("a"));
        watch.onFailure(new Error("b"));
        watch.onFailure(new Error("CUDA error: unspecified launch failure"));
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

    it("is deleted, and its mark still tells the next start how often the native part died", () => {
        put("proof");
        const proof = new Proof(path.join(root, "proof"));
        proof.use();
        const deaths = new NativeDeaths(proof, path.join(root, "proof"));
        deaths.record();
        deaths.record();
        expect([proof.forget(), files()]).toEqual([true, ["proof.in-use"]]);
        expect(readFileSync(path.join(root, "proof.in-use"), "utf8")).toBe("2\n");
        expect(proof.forget()).toBe(true);
    });

    it("does not say that it was deleted where it is missing or cannot be deleted", () => {
        put("proof/file");
        const stuck = new Proof(path.join(root, "proof"));
        stuck.use();
        expect([new Proof(undefined).forget(), stuck.forget()]).toEqual([false, false]);
        expect(files()).toEqual(["proof", "proof.in-use"]);
    });
});
