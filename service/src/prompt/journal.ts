/** Records a request for a model when it has ended: a row of the database, a line of the log, figures. */

import { callerName } from "../caller.js";
import type { Usage } from "../engine/engine.js";
import type { Log } from "../log.js";
import type { Metrics } from "../metrics/metrics.js";
import type { Duration } from "../schedule/scheduler.js";

export interface Entry {
    /** Embeddings come by the thousand and have no text: they get figures and a line, but no row. */
    readonly kind: "generation" | "embedding";
    readonly requestId: string;
    /** The path that was called. */
    readonly call: string;
    /** As the request named it. */
    readonly model: string;
    /** HTTP status. */
    readonly code: number;
    readonly duration: Duration;
    readonly usage?: Usage;
    /** Why it failed; without prompt or answer. */
    readonly fault?: string;
    /** The bodies as received and sent. */
    readonly request: object;
    readonly response: object;
    /** The model's text as generated. */
    readonly answerRaw?: string;
}

/** Characters of a model's name that the log shows. */
const MODEL_SHOWN = 100;

/** Keeps entries. Must not throw. */
export type Recorder = (entry: Entry) => void;

export class Journal {
    public constructor(
        private readonly record: Recorder,
        private readonly metrics: Metrics,
        private readonly log: Log,
    ) {}

    public close(entry: Entry): void {
        if (entry.kind === "generation") {
            this.record(entry);
        }
        this.metrics.countRequest(entry);
        this.metrics.countKey(callerName(), entry);
        this.report(entry);
    }

    private report({ call, code, model, duration, usage, fault, requestId }: Entry): void {
        const times = `prompt ${duration.promptMsec} ms, queue ${duration.queueMsec} ms`;
        const key = callerName();
        const head = `${code} ${call} ${model.slice(0, MODEL_SHOWN)}${key === undefined ? "" : `, key ${key}`}: ${times}`;
        if (fault !== undefined) {
            this.log.write(code === 500 ? "error" : "warn", "prompt", `${head}: ${fault}`, requestId);
            return;
        }
        const speed = usage === undefined ? "" : `, ${usage.promptTokens} + ${usage.completionTokens} tokens, ${usage.tokensPerSecond} tokens/s`;
        this.log.write("info", "prompt", head + speed, requestId);
    }
}
