/** What is left of a request's time when it is run again. */

import { expect, it } from "vitest";
import { EngineLost } from "../src/errors.js";
import { FairScheduler } from "../src/schedule/fair.js";
import { RunAgain } from "../src/schedule/run-again.js";
import type { GenerationJob } from "../src/schedule/scheduler.js";
import { FakeEngine } from "./fake-service.js";

const OPTIONS = { temperature: 0, topP: 0.1, topK: 10, minP: 0, maxTokens: 10, repeatPenalty: 1 };
const JOB: GenerationJob = { spec: { name: "m", file: "/m" }, request: { kind: "completion", prompt: "x", options: OPTIONS }, durationMsec: 5000, signal: new AbortController().signal };

/** Loads slowly, and is lost in each generation. */
class LostEngine extends FakeEngine {
    public override failAfter = new EngineLost();

    public override async load(...given: Parameters<FakeEngine["load"]>): ReturnType<FakeEngine["load"]> {
        await new Promise((resolve) => setTimeout(resolve, 300));
        return super.load(...given);
    }
}

it("says of a failure how long the engine worked on it, without the loading", async () => {
    const finished = await new FairScheduler(new LostEngine(), 1).run(JOB);
    const { duration, ranMsec = 0 } = finished as typeof finished & { readonly ranMsec?: number };
    expect("failure" in finished).toBe(true);
    expect(duration.promptMsec - ranMsec).toBeGreaterThanOrEqual(250);
});

it("tells the client its own limit when what was left of it is over", async () => {
    const engine = new FakeEngine();
    engine.delayMsec = 10_000;
    const finished = await new FairScheduler(engine, 1).run({ ...JOB, durationMsec: 20, wholeMsec: 5000 });
    expect(finished).toMatchObject({ failure: { message: "The time limit of 5000 ms (durationMsec) was reached." } });
});

it("does not take the time of loading from the time of the second run", async () => {
    const given: (number | undefined)[] = [];
    const inner = new FairScheduler(new FakeEngine(), 1);
    inner.run = async ({ durationMsec }) => {
        given.push(durationMsec);
        return Promise.resolve({ duration: { promptMsec: 60_000, queueMsec: 0 }, failure: new EngineLost(), ranMsec: 99.5 });
    };
    expect(await new RunAgain(inner).run(JOB)).toMatchObject({ failure: { twice: true }, duration: { promptMsec: 120_000 } });
    expect(given).toEqual([5000, 4901]);
});
