/** Runs a request once more when the engine's process ended under it, and its client has seen nothing of an answer yet. */

import type { Embedded, Generated, TextDone } from "../engine/engine.js";
import { EngineLost } from "../errors.js";
import type { Duration, EmbeddingJob, Finished, GenerationJob, Job, Scheduler, TextJob } from "./scheduler.js";

function sum(one: Duration, other: Duration): Duration {
    return { promptMsec: one.promptMsec + other.promptMsec, queueMsec: one.queueMsec + other.queueMsec };
}

/** The same within what is left of its time. It was admitted before, so a full queue does not refuse it. */
function rest<Kind extends Job>(job: Kind, ranMsec: number): Kind {
    const { durationMsec, wholeMsec = durationMsec } = job;
    return { ...job, follows: true, ...(durationMsec === undefined ? {} : { durationMsec: Math.max(1, Math.ceil(durationMsec - ranMsec)), wholeMsec }) };
}

/** It is run once more and no more: a request that ends the engine each time would end it for all others too. */
export class RunAgain implements Scheduler {
    public constructor(private readonly scheduler: Scheduler) {}

    public get waiting(): number {
        return this.scheduler.waiting;
    }

    public get running(): number {
        return this.scheduler.running;
    }

    public get limit(): number {
        return this.scheduler.limit;
    }

    public async run(job: GenerationJob): Promise<Finished<Generated>> {
        let seen = false;
        const { onChunk } = job;
        const watched: GenerationJob = {
            ...job,
            ...(onChunk === undefined
                ? {}
                : {
                      onChunk: (chunk) => {
                          seen = true;
                          onChunk(chunk);
                      },
                  }),
        };
        return this.twice(watched, async (asked) => this.scheduler.run(asked), () => !seen);
    }

    public async embed(job: EmbeddingJob): Promise<Finished<Embedded>> {
        return this.twice(job, async (asked) => this.scheduler.embed(asked), () => true);
    }

    public async doText(job: TextJob): Promise<Finished<TextDone>> {
        return this.twice(job, async (asked) => this.scheduler.doText(asked), () => true);
    }

    public async drain(limitMsec: number): Promise<void> {
        await this.scheduler.drain(limitMsec);
    }

    private async twice<Kind extends Job, Result>(job: Kind, run: (job: Kind) => Promise<Finished<Result>>, mayRepeat: () => boolean): Promise<Finished<Result>> {
        const first = await run(job);
        if (!("failure" in first) || !(first.failure instanceof EngineLost) || job.signal.aborted || !mayRepeat()) {
            return first;
        }
        const second = await run(rest(job, first.ranMsec ?? 0));
        const duration = sum(first.duration, second.duration);
        return "failure" in second && second.failure instanceof EngineLost ? { duration, failure: new EngineLost(true) } : { ...second, duration };
    }
}
