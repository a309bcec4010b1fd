/** Loads a model at the start, while the port is open already: so that the first request need not wait for it. */

import { readFile, rename, writeFile } from "node:fs/promises";
import type { Engine } from "./engine/engine.js";
import { messageOf } from "./errors.js";
import type { Log } from "./log.js";
import { type Model, type ModelCatalog, specOf } from "./models/catalog.js";
import type { Scheduler } from "./schedule/scheduler.js";

/** The setting's words beside a model's name. */
export const AUTO = "auto";
export const OFF = "off";

/** How often the model that was used last is written down, milliseconds. A kill in between forgets it. */
const NOTE_MSEC = 30_000;

/** One token makes the weights' pages and the graph ready. */
const WARM = { kind: "completion", prompt: "\n", options: { temperature: 0, topP: 1, topK: 0, minP: 0, maxTokens: 1, repeatPenalty: 1 } } as const;

interface Parts {
    readonly setting: string;
    /** Holds the name of the model that was used last. */
    readonly file: string;
    readonly models: Pick<ModelCatalog, "list" | "find">;
    readonly engine: Pick<Engine, "current">;
    /** One that does not run a request again: a model that ends the engine's process would end it twice. */
    readonly scheduler: Pick<Scheduler, "run">;
    readonly log: Log;
}

export class Preload {
    private noted = "";

    public constructor(private readonly parts: Parts) {}

    /** Never rejects. A failure is a line of the log: requests for the model say it, too. @param signal of the stop */
    public async run(signal: AbortSignal): Promise<void> {
        const { log, scheduler } = this.parts;
        const stopped = (): boolean => signal.aborted;
        try {
            const model = await this.choose();
            if (model === undefined || stopped()) {
                return;
            }
            const began = performance.now();
            const finished = await scheduler.run({ spec: specOf(model), request: WARM, signal, follows: true });
            if (!("failure" in finished)) {
                log.write("info", "engine", `${model.name} is ready for its first request, after ${Math.round(performance.now() - began)} ms (engine.preload)`);
            } else if (!stopped()) {
                log.write("warn", "engine", `${model.name} was not loaded at the start (engine.preload): ${messageOf(finished.failure)}`);
            }
        } catch (thrown) {
            log.write("warn", "engine", `no model was loaded at the start (engine.preload): ${messageOf(thrown)}`);
        }
    }

    /** From now on it is written down which model is used. @returns what ends it */
    public note(): () => Promise<void> {
        const timer = setInterval(() => void this.write(), NOTE_MSEC);
        timer.unref();
        return async () => {
            clearInterval(timer);
            await this.write();
        };
    }

    private async choose(): Promise<Model | undefined> {
        const { setting, models, file, log } = this.parts;
        if (setting === OFF) {
            return undefined;
        }
        if (setting !== AUTO) {
            const named = await models.find(setting);
            if (named?.facts.kind !== "chat") {
                log.write("warn", "engine", `engine.preload names ${setting}, which is no model here that writes text`);
                return undefined;
            }
            return named;
        }
        const all = models.list().filter(({ facts }) => facts.kind === "chat");
        const last = all.length === 1 ? "" : await readFile(file, "utf8").catch(() => "");
        return all.length === 1 ? all[0] : all.find(({ name }) => name === last.trim());
    }

    /** A folder that cannot be written costs the next start its guess, and nothing else. */
    private async write(): Promise<void> {
        const { engine, file } = this.parts;
        const name = engine.current?.spec.name ?? "";
        if (name === "" || name === this.noted) {
            return;
        }
        this.noted = name;
        await writeFile(`${file}.part`, `${name}\n`)
            .then(async () => rename(`${file}.part`, file))
            .catch(() => undefined);
    }
}
