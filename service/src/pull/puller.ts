/** Pulls models by their source, for requests and for the operator's list. */

import { stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { messageOf, ServiceError } from "../errors.js";
import type { Log } from "../log.js";
import { Asker, type Patience } from "./ask.js";
import { fetchFile, type Step } from "./fetch-file.js";
import { Hosts, type HostSettings } from "./hosts.js";
import { resolveHub } from "./hub.js";
import { Jobs } from "./jobs.js";
import { Records } from "./records.js";
import { resolveRegistry } from "./registry.js";
import { hideSecrets, keyOf, parseSource, type Source } from "./source.js";
import { TRIES, type Tries } from "./transfer.js";
import { fileName, type Wanted } from "./wanted.js";

export interface PullSettings extends HostSettings {
    readonly modelDir: string;
    /** For the endpoint. */
    readonly token: string | undefined;
    readonly patience?: Patience;
    readonly tries?: Tries;
}

export interface Progress extends Step {
    readonly source: string;
}

/** What a pull ended with. */
export interface Done {
    readonly source: string;
    /** Below modelDir, the model's first file first. */
    readonly files: readonly string[];
    /** Nothing had to be fetched. */
    readonly existed: boolean;
}

/** Pulls at once, at most. */
const MOST_JOBS = 8;

/** Tries to learn what a source is, in a row. */
const RESOLVE_TRIES = 3;

export class Puller {
    public readonly records: Records;
    private readonly jobs = new Jobs<Done, Progress>(
        MOST_JOBS,
        () => new ServiceError(429, `${MOST_JOBS} models are being pulled. Try again when one of them is there.`, 30),
    );
    private readonly asker: Asker;
    private readonly hosts: Hosts;
    private readonly tries: Tries;

    /** @param onPulled called when the folder has another file */
    public constructor(
        private readonly settings: PullSettings,
        private readonly log: Log,
        private readonly onPulled: () => Promise<void>,
    ) {
        this.hosts = new Hosts(settings);
        this.asker = new Asker(this.hosts, settings.token, settings.patience);
        this.tries = settings.tries ?? TRIES;
        this.records = new Records(settings.modelDir);
    }

    /** How far all pulls are. */
    public get progress(): readonly Progress[] {
        return this.jobs.progress;
    }

    /**
     * Goes on while anybody waits for it. What came of one that ended early is kept and continued.
     * @throws ServiceError, `signal.reason`
     */
    public async pull(text: string, signal: AbortSignal, onProgress: (progress: Progress) => void): Promise<Done> {
        const parsed = parseSource(text);
        const source = hideSecrets(text.trim());
        const first: Progress = { source, status: "resolving" };
        return this.jobs.join(text.trim(), first, async (stop, tell) => this.run(text.trim(), parsed, stop, (step) => tell({ source, ...step })), signal, onProgress);
    }

    public stop(why: Error): void {
        this.jobs.stop(why);
        this.asker.close();
    }

    private async run(text: string, parsed: Source, signal: AbortSignal, tell: (step: Step) => void): Promise<Done> {
        const { modelDir } = this.settings;
        const began = performance.now();
        const shown = hideSecrets(text);
        const files = await this.resolve(parsed, signal);
        const before = (await this.records.all()).filter(({ key }) => key === keyOf(text)).flatMap((record) => record.files);
        let fetched = false;
        for (const wanted of files) {
            const known = before.find(({ name }) => name === wanted.name);
            fetched = (await fetchFile({ asker: this.asker, modelDir, wanted, before: known, signal, tell, tries: this.tries })) || fetched;
        }
        const sizes = await Promise.all(files.map(async ({ name }) => (await stat(path.join(modelDir, name))).size));
        await this.records.write({
            source: shown,
            key: keyOf(text),
            files: files.map(({ name, sha256 }, index) => ({ name, size: sizes[index] ?? 0, ...(sha256 === undefined ? {} : { sha256 }) })),
        });
        await this.onPulled();
        const names = files.map(({ name }) => name);
        const took = Math.round(performance.now() - began);
        this.log.write("info", "models", fetched ? `pulled ${shown} in ${took} ms: ${names.join(", ")}` : `${shown} is there: ${names.join(", ")}`);
        return { source: shown, files: names, existed: !fetched };
    }

    private async resolve(source: Source, signal: AbortSignal): Promise<Wanted[]> {
        const { pause, longestPause } = this.tries;
        for (let tried = 1; ; tried += 1) {
            try {
                return await this.resolveOnce(source, signal);
            } catch (thrown) {
                signal.throwIfAborted();
                const known = thrown instanceof ServiceError ? thrown : undefined;
                if (tried >= RESOLVE_TRIES || (known !== undefined && known.retryAfterSeconds === undefined)) {
                    throw known ?? new ServiceError(502, `The source's host cannot be reached: ${messageOf(thrown)}.`);
                }
                const wish = (known?.retryAfterSeconds ?? 0) * 1000;
                await setTimeout(Math.min(longestPause, Math.max(wish, pause * tried)), undefined, { signal }).catch(() => undefined);
            }
        }
    }

    private async resolveOnce(source: Source, signal: AbortSignal): Promise<Wanted[]> {
        switch (source.kind) {
            case "hf":
                return resolveHub(this.asker, this.settings.endpoint, source, signal);
            case "registry":
                return resolveRegistry(this.asker, source, this.hosts.isAllowed(new URL(`http://${source.host}`)), signal);
            case "url": {
                const { url, sha256 } = source;
                return [{ url, name: fileName(decodeURIComponent(url.pathname)), ...(sha256 === undefined ? {} : { sha256 }) }];
            }
        }
    }
}
