/** Which model is loaded at the start, and what a failure of that costs: nothing. */

import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { LoadedModel } from "../src/engine/engine.js";
import { Log } from "../src/log.js";
import type { Model } from "../src/models/catalog.js";
import { Preload } from "../src/preload.js";
import { FairScheduler } from "../src/schedule/fair.js";
import { FakeEngine } from "./fake-service.js";

const NEVER = new AbortController().signal;

let file = "";
let engine: FakeEngine;
let lines: string[] = [];

beforeEach(() => {
    file = path.join(mkdtempSync(path.join(tmpdir(), "mentator-")), "last-model");
    engine = new FakeEngine();
    lines = [];
});

function model(name: string, kind: Model["facts"]["kind"] = "chat"): Model {
    return { name, file: `/models/${name}`, files: [name], relativeFileName: name, sizeBytes: 1, modifiedMs: 1, changedMs: 1, inode: "1", facts: { kind } };
}

function preload(setting: string, ...models: Model[]): Preload {
    const catalog = { list: () => models, find: async (name: string) => Promise.resolve(models.find((one) => one.name === name)) };
    return new Preload({ setting, file, models: catalog, engine, scheduler: new FairScheduler(engine, 1), log: new Log("debug", (line) => lines.push(line)) });
}

describe("the model that is loaded at the start", () => {
    it.each([
        ["the only one", "auto", [model("a")], "", "a"],
        ["the only one that writes text", "auto", [model("a", "embedding"), model("b")], "", "b"],
        ["the one that was used last", "auto", [model("a"), model("b")], "b\n", "b"],
        ["none of several that nobody used", "auto", [model("a"), model("b")], "", undefined],
        ["none where the last one is gone", "auto", [model("a"), model("b")], "c\n", undefined],
        ["none of embedding models", "auto", [model("a", "embedding")], "", undefined],
        ["none where it is off", "off", [model("a")], "a\n", undefined],
        ["the named one", "b", [model("a"), model("b")], "a\n", "b"],
        ["none where the name is unknown", "c", [model("a")], "", undefined],
        ["none where there are no models", "auto", [], "a\n", undefined],
    ] as const)("is %s", async (_what, setting, models, last, wanted) => {
        if (last !== "") {
            writeFileSync(file, last);
        }
        await preload(setting, ...models).run(NEVER);
        expect(engine.current?.spec.name).toBe(wanted);
        expect(engine.asked).toHaveLength(wanted === undefined ? 0 : 1);
        expect(lines.filter((line) => line.includes("is ready for its first request"))).toHaveLength(wanted === undefined ? 0 : 1);
        expect(lines.some((line) => line.includes("no model here"))).toBe(setting === "c");
    });

    it("costs a line of the log where it cannot be loaded", async () => {
        engine.load = async (): Promise<LoadedModel> => Promise.reject(new Error("no memory"));
        await preload("auto", model("a")).run(NEVER);
        expect(lines.filter((line) => line.includes("a was not loaded at the start (engine.preload): no memory"))).toHaveLength(1);
    });

    it("is given up without a word when the service stops", async () => {
        engine.delayMsec = 3_600_000;
        const stop = new AbortController();
        const run = preload("auto", model("a")).run(stop.signal);
        setTimeout(() => stop.abort(new Error("stop")), 20);
        await run;
        expect(lines).toEqual([]);
    });

    it("is the one that was used before the stop", async () => {
        const parts = preload("auto", model("a"), model("b"));
        const stopNote = parts.note();
        await engine.load({ name: "b", file: "/models/b" });
        await stopNote();
        expect(readFileSync(file, "utf8")).toBe("b\n");
        await parts.note()();
        expect(existsSync(`${file}.part`)).toBe(false);
    });
});
