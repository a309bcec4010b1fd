/** Keeps the engine's process running: starts it, starts it again when it ends, gives up after a number of restarts. */

import { EngineLost, messageOf, ServiceError, shuttingDownError, StartError } from "../errors.js";
import type { Witness } from "../gpu/watch.js";
import type { Log } from "../log.js";
import { EngineChild, type Events } from "./child-process.js";
import { LIMITS, type LivenessLimits } from "./liveness.js";
import type { Program } from "./program.js";
import type { Setup } from "./protocol.js";
import { RESTART_LIMIT, Restarts } from "./restarts.js";

/** An orderly end may take this long; then the process is killed. */
const CLOSE_MSEC = 1500;

/** The exit code of the service when the engine cannot be kept running. */
const GIVEN_UP = 5;

/** For `/state` and `/metrics`. */
export interface ProcessState {
    /** Ready for calls. */
    readonly running: boolean;
    readonly pid: number | null;
    readonly restarts: number;
    /** Why it ended last. */
    readonly lastEnd: string | null;
    /** Milliseconds since the epoch. */
    readonly lastEndTimestamp: number | null;
    readonly residentBytes: number;
}

export interface Supervision {
    readonly log: Log;
    /** Is told how work on the GPU ends; undefined without a GPU. */
    readonly witness: Witness | undefined;
    /** The native part ended the process, or hangs. */
    readonly onNativeDeath: (why: string) => void;
    /** The engine cannot be kept running: the service has to end. Called once. */
    readonly onGivenUp: (why: StartError) => void;
    readonly limits?: LivenessLimits;
    /** Between two looks at whether it is alive; they count as seconds. */
    readonly judgeEveryMsec?: number;
}

export class Supervisor {
    private readonly restarts = new Restarts();
    /** The process that is ready; undefined while there is none. */
    private ready: EngineChild | undefined;
    /** The one that is being started, or ready. */
    private latest: EngineChild | undefined;
    /** Calls wait for it. Rejected: there is no process, and there will be none. */
    private open: Promise<EngineChild> = Promise.reject(new ServiceError(503, "The engine is not started.", 1));
    private closing = false;
    private lastEnd: { readonly why: string; readonly at: number } | undefined;

    /** @param onEnd is called when the process has ended, before its calls are rejected */
    public constructor(
        private readonly setup: Setup,
        private readonly program: Program,
        private readonly supervision: Supervision,
        private readonly onEnd: () => void,
    ) {
        this.open.catch(() => undefined);
    }

    public get child(): EngineChild | undefined {
        return this.ready;
    }

    public get state(): ProcessState {
        const { ready, latest, restarts, lastEnd } = this;
        return {
            running: ready !== undefined,
            pid: latest?.pid ?? null,
            restarts: restarts.total,
            lastEnd: lastEnd?.why ?? null,
            lastEndTimestamp: lastEnd?.at ?? null,
            residentBytes: ready?.lastBeat.residentBytes ?? 0,
        };
    }

    /** Also where the process ends during the start: then it is started again. @throws StartError */
    public async start(): Promise<void> {
        this.keep(this.keepStarting());
        await this.open;
    }

    /** The process, once it is ready. @throws `signal.reason` */
    public async opened(signal?: AbortSignal): Promise<EngineChild> {
        if (signal === undefined) {
            return this.open;
        }
        signal.throwIfAborted();
        let leave: () => void = () => undefined;
        const aborted = new Promise<never>((_, reject) => {
            leave = () => reject(signal.reason as Error);
            signal.addEventListener("abort", leave, { once: true });
        });
        return Promise.race([this.open, aborted]).finally(() => signal.removeEventListener("abort", leave));
    }

    public async close(): Promise<void> {
        this.closing = true;
        const { ready, latest } = this;
        // One that is still starting has nothing to put in order.
        await Promise.race([ready?.call("close", null).catch(() => undefined), new Promise((resolve) => setTimeout(resolve, ready === undefined ? 0 : CLOSE_MSEC).unref())]);
        await latest?.kill("the service stops", CLOSE_MSEC);
    }

    private keep(open: Promise<EngineChild>): void {
        this.open = open;
        open.catch(() => undefined);
    }

    /** Until one is ready. @throws StartError, ServiceError when the service stops */
    private async keepStarting(): Promise<EngineChild> {
        const { limits = LIMITS, judgeEveryMsec } = this.supervision;
        for (;;) {
            let child: EngineChild | undefined;
            try {
                // Throws where the system has no memory or no files left for another process.
                child = new EngineChild(this.program, this.events(), limits, this.setup.backend.mode.gpu !== false, judgeEveryMsec);
                this.latest = child;
                await child.call("start", this.setup);
                this.ready = child;
                return child;
            } catch (thrown) {
                if (!(thrown instanceof EngineLost)) {
                    const why = `its start failed: ${messageOf(thrown)}`;
                    if (child === undefined) {
                        this.ended(why, false);
                    }
                    await child?.kill(why);
                    // Nothing has changed since the entrypoint's choice: trying again would bring the same.
                    if (this.restarts.total === 0) {
                        throw thrown;
                    }
                }
                await this.pause();
            }
        }
    }

    /** Before the next start. @throws StartError when there is none, ServiceError when the service stops */
    private async pause(): Promise<void> {
        this.refuseWhileClosing();
        const pause = this.restarts.next(performance.now());
        if (pause === undefined) {
            const why = new StartError(GIVEN_UP, [
                `The engine cannot be kept running. After ${RESTART_LIMIT}: ${this.lastEnd?.why ?? "it ended again"}`,
                "The service ends. A restart of the container looks for the hardware again; if the same follows, update the driver or set MENTATOR_BACKEND.",
            ]);
            this.supervision.onGivenUp(why);
            throw why;
        }
        this.supervision.log.write("warn", "engine", `the engine is started again (restart ${this.restarts.total} of this run)`);
        await new Promise((resolve) => setTimeout(resolve, pause));
        this.refuseWhileClosing();
    }

    private refuseWhileClosing(): void {
        if (this.closing) {
            throw shuttingDownError();
        }
    }

    private events(): Events {
        const { log, witness } = this.supervision;
        return {
            onLog: ({ kind, pipe, message }) => log.write(kind, pipe, message),
            onSaid: (line) => log.write("error", "engine", line),
            onWitness: ({ saw, message }) => {
                if (saw === "success") {
                    witness?.onSuccess();
                } else if (saw === "failure") {
                    witness?.onFailure(new Error(message));
                } else {
                    void witness?.look();
                }
            },
            onEnd: (why, native) => this.ended(why, native),
        };
    }

    private ended(why: string, native: boolean): void {
        const { log, witness, onNativeDeath } = this.supervision;
        const wasReady = this.ready !== undefined;
        this.ready = undefined;
        this.onEnd();
        if (this.closing) {
            return;
        }
        this.lastEnd = { why, at: Date.now() };
        log.write("error", "engine", `the engine's process is gone: ${why}`);
        if (native) {
            onNativeDeath(why);
            witness?.onFailure(new Error(`the engine's process is gone: ${why}`));
        }
        if (wasReady) {
            this.keep(this.pause().then(async () => this.keepStarting()));
        }
    }
}
