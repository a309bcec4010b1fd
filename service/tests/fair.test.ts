import { describe, expect, it, vi } from "vitest";
import type { Busy, LoadedModel, LoadSpec } from "../src/engine/engine.js";
import { MemoryBusy } from "../src/engine/engine.js";
import { FairScheduler } from "../src/schedule/fair.js";
import { Running } from "../src/schedule/running.js";
import type { GenerationJob } from "../src/schedule/scheduler.js";
import { FakeEngine } from "./fake-service.js";

const OPTIONS = { temperature: 0, topP: 0.1, topK: 10, minP: 0, maxTokens: 10, repeatPenalty: 1 };
/** Requests that may wait. */
const QUEUE = 256;

/** Has memory for `room` models, and records what happens on them. */
class CrowdedEngine extends FakeEngine {
    public override slots = 2;
    public readonly events: string[] = [];
    private models: LoadedModel[] = [];

    public constructor(private readonly room: number) {
        super();
        this.delayMsec = 20;
    }

    public override get loaded(): readonly LoadedModel[] {
        return this.models;
    }

    public override find(spec: LoadSpec): LoadedModel | undefined {
        return this.models.find((model) => model.spec.name === spec.name);
    }

    public override async load(spec: LoadSpec, busy: Busy = () => false): Promise<LoadedModel> {
        await Promise.resolve();
        if (spec.name === "broken") {
            throw new Error("truncated");
        }
        while (this.models.length >= this.room) {
            const idle = this.models.findLast((model) => !busy(model));
            if (idle === undefined) {
                throw new MemoryBusy("in use");
            }
            this.models = this.models.filter((model) => model !== idle);
        }
        const model = await super.load(spec);
        this.models = [model, ...this.models];
        this.events.push(`load ${spec.name}`);
        return model;
    }

    public override async generate(...given: Parameters<FakeEngine["generate"]>): ReturnType<FakeEngine["generate"]> {
        this.events.push(`run ${given[0].spec.name}`);
        return super.generate(...given);
    }
}

function job(name: string, more: Partial<GenerationJob> = {}): GenerationJob {
    return {
        spec: { name, file: `/${name}` },
        request: { kind: "completion", prompt: "x", options: OPTIONS },
        signal: new AbortController().signal,
        ...more,
    };
}

describe("the fair scheduler", () => {
    it("runs as many requests of a model at once as it has slots, in order", async () => {
        const engine = new CrowdedEngine(1);
        const scheduler = new FairScheduler(engine, QUEUE);
        await scheduler.run(job("a"));
        const positions: number[] = [];
        const running = [1, 2, 3, 4].map(() => scheduler.run(job("a", { onPosition: (position) => positions.push(position) })));
        expect([scheduler.running, scheduler.waiting]).toEqual([2, 2]);
        const done = await Promise.all(running);
        expect(done.every((finished) => "result" in finished && finished.loadModelStatus === "exists")).toBe(true);
        expect(done[3]?.duration.queueMsec).toBeGreaterThanOrEqual(15);
        expect(positions).toEqual([1, 2, 1]);
        expect([scheduler.running, scheduler.waiting]).toEqual([0, 0]);
    });

    it("loads a model beside others when there is memory, and else unloads one", async () => {
        const engine = new CrowdedEngine(2);
        const scheduler = new FairScheduler(engine, QUEUE);
        const done = await Promise.all(["a", "b", "c"].map((name) => scheduler.run(job(name))));
        expect(done.map((finished) => "result" in finished && finished.loadModelStatus)).toEqual(["load", "load", "load"]);
        expect(engine.events.slice(0, 4).sort()).toEqual(["load a", "load b", "run a", "run b"]);
        expect(engine.events.slice(4)).toEqual(["load c", "run c"]);
    });

    it("lets a request whose model waits for memory start in the end", async () => {
        const engine = new CrowdedEngine(1);
        const scheduler = new FairScheduler(engine, 100, 60);
        await scheduler.run(job("a"));
        let open = true;
        const stream = async (): Promise<void> => {
            while (open) {
                await scheduler.run(job("a"));
            }
        };
        // Two streams keep both slots of a busy all the time.
        const streams = [stream(), new Promise<void>((resolve) => setTimeout(resolve, 10)).then(stream)];
        await new Promise((resolve) => setTimeout(resolve, 15));
        const finished = await scheduler.run(job("b"));
        expect(finished).toHaveProperty("result");
        expect(finished.duration.queueMsec).toBeLessThan(500);
        open = false;
        await Promise.all(streams);
    });

    it("goes on after a model that cannot be loaded", async () => {
        const engine = new CrowdedEngine(1);
        const scheduler = new FairScheduler(engine, QUEUE);
        const [, broken, after] = await Promise.all(["a", "broken", "a"].map((name) => scheduler.run(job(name))));
        expect(broken).toMatchObject({ failure: { message: "truncated" } });
        expect(after).toMatchObject({ loadModelStatus: "exists" });
    });

    it("refuses with 429 when the queue is full, and says when to try again", async () => {
        const engine = new CrowdedEngine(1);
        const scheduler = new FairScheduler(engine, 1);
        await scheduler.run(job("a"));
        const done = await Promise.all([1, 2, 3, 4].map(() => scheduler.run(job("a"))));
        expect(done.map((finished) => "failure" in finished)).toEqual([false, false, false, true]);
        expect(done[3]).toMatchObject({ failure: { statusCode: 429, retryAfterSeconds: 1 } });
    });

    it("says to try again when those that wait have begun, at the earliest after the time of one request", () => {
        const running = new Running();
        const model = {} as LoadedModel;
        expect(running.retryAfter(1, 1)).toBe(5);
        running.begin(model, "generation");
        running.end(model, "generation", 4000);
        expect([running.retryAfter(1, 8), running.retryAfter(8, 8), running.retryAfter(16, 4), running.retryAfter(1000, 1)]).toEqual([4, 4, 16, 60]);
    });

    it("forgets a request that leaves while it waits", async () => {
        const engine = new CrowdedEngine(1);
        const scheduler = new FairScheduler(engine, QUEUE);
        await scheduler.run(job("a"));
        const gone = new AbortController();
        const running = [1, 2].map(() => scheduler.run(job("a")));
        const waiting = scheduler.run(job("a", { signal: gone.signal }));
        gone.abort(new Error("gone"));
        expect(await waiting).toMatchObject({ failure: { message: "gone" } });
        expect(scheduler.waiting).toBe(0);
        await Promise.all(running);
    });

    it("limits the time of the generation, but not of the wait", async () => {
        const engine = new CrowdedEngine(1);
        engine.slots = 1;
        const scheduler = new FairScheduler(engine, QUEUE);
        await scheduler.run(job("a"));
        engine.delayMsec = 60;
        const done = await Promise.all([1, 2].map(() => scheduler.run(job("a", { durationMsec: 100 }))));
        expect(done.map((finished) => "result" in finished)).toEqual([true, true]);
        expect(await scheduler.run(job("a", { durationMsec: 10 }))).toMatchObject({ failure: { statusCode: 400 } });
    });

    it("limits the wait where that is set, and says when to try again", async () => {
        const engine = new CrowdedEngine(1);
        engine.slots = 1;
        const scheduler = new FairScheduler(engine, QUEUE, undefined, { queueMsec: 50, answerMsec: 0 });
        await scheduler.run(job("a"));
        engine.delayMsec = 200;
        const [first, second] = [scheduler.run(job("a")), scheduler.run(job("a"))];
        expect(await second).toMatchObject({ failure: { statusCode: 503, retryAfterSeconds: 1, message: expect.stringContaining("queueTimeLimit") as string } });
        expect(scheduler.waiting).toBe(0);
        expect(await first).toHaveProperty("result");
    });

    it("limits the time of an answer whose request sets no limit", async () => {
        const engine = new CrowdedEngine(1);
        const scheduler = new FairScheduler(engine, QUEUE, undefined, { queueMsec: 0, answerMsec: 30 });
        engine.delayMsec = 5000;
        expect(await scheduler.run(job("a"))).toMatchObject({ failure: { statusCode: 400, message: expect.stringContaining("engine.timeLimit") as string } });
        const { spec, signal } = job("a");
        expect(await scheduler.embed({ spec, signal, texts: ["x"] })).toMatchObject({ failure: { statusCode: 400 } });
        engine.delayMsec = 60;
        expect(await scheduler.run(job("a", { durationMsec: 4000 }))).toHaveProperty("result");
    });

    it("refuses waiting and new requests when it stops, and cuts running ones at the time limit", async () => {
        const engine = new CrowdedEngine(1);
        const scheduler = new FairScheduler(engine, QUEUE);
        await scheduler.run(job("a"));
        engine.delayMsec = 60_000;
        const jobs = [1, 2, 3].map(() => scheduler.run(job("a")));
        await vi.waitFor(() => expect(scheduler.running).toBe(2));
        await scheduler.drain(20);
        const failures = await Promise.all(jobs);
        expect(failures.every((finished) => "failure" in finished)).toBe(true);
        expect(await scheduler.run(job("a"))).toMatchObject({ failure: { statusCode: 503 } });
    });

    it("runs embeddings by the same rules", async () => {
        const scheduler = new FairScheduler(new CrowdedEngine(1), QUEUE);
        const { spec, signal } = job("a");
        expect(await scheduler.embed({ spec, signal, texts: ["xy"] })).toMatchObject({ result: { vectors: [[2, 0.5]], tokens: 1 } });
    });

    it("leaves all slots to generations while embeddings are computed one after the other", async () => {
        const engine = new CrowdedEngine(1);
        const scheduler = new FairScheduler(engine, QUEUE);
        await scheduler.run(job("a"));
        engine.delayMsec = 60;
        const { spec, signal } = job("a");
        const embedded = [1, 2, 3, 4].map(() => scheduler.embed({ spec, signal, texts: ["x"] }));
        expect([scheduler.running, scheduler.waiting]).toEqual([1, 3]);
        const generated = [1, 2, 3].map(() => scheduler.run(job("a")));
        expect([scheduler.running, scheduler.waiting]).toEqual([3, 4]);
        const ends = await Promise.all([...embedded, ...generated]);
        expect(ends.every((end) => "result" in end)).toBe(true);
        expect(scheduler.running).toBe(0);
    });

    it("does not unload a model whose embeddings are computed", async () => {
        const engine = new CrowdedEngine(1);
        const scheduler = new FairScheduler(engine, QUEUE);
        const { spec, signal } = job("a");
        const embedded = scheduler.embed({ spec, signal, texts: ["x"] });
        await vi.waitFor(() => expect(engine.loaded).toHaveLength(1));
        const other = scheduler.run(job("b"));
        expect(await embedded).toHaveProperty("result");
        expect(await other).toMatchObject({ loadModelStatus: "load" });
    });
});
