/** One life of the engine's process: started, spoken with, watched, ended. engine-process.ts starts the next one. */

import type { ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
import type { Chunk } from "../engine/engine.js";
import { EngineLost, messageOf, ServiceError } from "../errors.js";
import { Channel } from "./channel.js";
import { processorMsec } from "./cpu-time.js";
import { describeEnding, type Ending, isNativeDeath } from "./ending.js";
import { MOST_BYTES } from "./frames.js";
import { Liveness, type LivenessLimits } from "./liveness.js";
import { type Beat, CHANNEL_FD, type CallName, type Calls, type Order, readReport, type Report, type Results } from "./protocol.js";
import { type Program, spawnProgram } from "./program.js";
import { fromWire } from "./wire-error.js";

/** A process that was ended has this long to be gone. One in the kernel's hands may never go: it is left behind. */
const GONE_MSEC = 10_000;

/** What it still sent is read for this long after its end. */
const REST_MSEC = 500;

/** Of its stderr, characters; more is of no use. */
const SAID_MOST = 4096;
const SAID_LINES = 200;

interface Pending {
    readonly resolve: (value: unknown) => void;
    readonly reject: (why: Error) => void;
    readonly onChunk: ((chunk: Chunk) => void) | undefined;
    readonly vectors: number[][];
    /** Of a load: may this model be unloaded? */
    readonly onClaim: ((model: number) => boolean) | undefined;
}

export interface Events {
    readonly onLog: (report: Extract<Report, { readonly type: "log" }>) => void;
    readonly onWitness: (report: Extract<Report, { readonly type: "witness" }>) => void;
    /** A line on its stderr: the native part's last words, as a rule. */
    readonly onSaid: (line: string) => void;
    /** Called once, before any call is rejected. */
    readonly onEnd: (why: string, native: boolean) => void;
}

export interface CallOptions {
    readonly signal?: AbortSignal;
    readonly onChunk?: ((chunk: Chunk) => void) | undefined;
    readonly onClaim?: (model: number) => boolean;
    /** An aborted call waits for no answer. Else it does: only then is the slot free. */
    readonly leave?: boolean;
}

interface Answer<Name extends CallName> {
    readonly value: Results[Name];
    /** Of "embed". */
    readonly vectors: readonly (readonly number[])[];
}

export class EngineChild {
    /** What its last beat said. */
    public lastBeat: Beat = { type: "beat", stepMsec: 0, residentBytes: 0 };
    /** Resolves when it has ended, or is left behind. */
    public readonly ended: Promise<void>;
    private readonly process: ChildProcess;
    private readonly channel: Channel;
    private readonly pending = new Map<number, Pending>();
    private readonly liveness: Liveness;
    private lastCall = 0;
    private beaten = true;
    private said = "";
    private saidLines = 0;
    private ordered: string | undefined;
    private hung = false;
    private over = false;
    private readonly watch: NodeJS.Timeout;
    private finish: () => void = () => undefined;

    /** @throws Error where the system has no room for another process */
    public constructor(
        program: Program,
        private readonly events: Events,
        limits: LivenessLimits,
        onGpu: boolean,
        judgeEveryMsec = 1000,
    ) {
        this.ended = new Promise((resolve) => {
            this.finish = resolve;
        });
        this.liveness = new Liveness(limits, onGpu);
        this.process = spawnProgram(program);
        this.channel = new Channel(
            this.process.stdio[CHANNEL_FD] as unknown as Duplex,
            (message) => this.take(readReport(message)),
            (fault) => this.onChannelEnd(fault),
        );
        for (const stream of [this.process.stdout, this.process.stderr]) {
            stream?.setEncoding("utf8").on("data", (text: string) => this.hear(text)).on("error", () => undefined);
        }
        this.process.on("error", (thrown) => {
            this.ordered ??= `it could not be started: ${messageOf(thrown)}`;
            this.end(null, null);
        });
        this.process.once("exit", (code, signal) => {
            // What it had sent before is still to be read.
            const rest = setTimeout(() => this.end(code, signal), REST_MSEC);
            this.process.once("close", () => {
                clearTimeout(rest);
                this.end(code, signal);
            });
        });
        this.watch = setInterval(() => this.judge(), judgeEveryMsec).unref();
    }

    public get pid(): number | undefined {
        return this.process.pid;
    }

    /** @throws EngineLost when it ends before the answer, `signal.reason`, whatever the engine throws */
    public async call<Name extends CallName>(name: Name, given: Calls[Name], { signal, onChunk, onClaim, leave = false }: CallOptions = {}): Promise<Answer<Name>> {
        signal?.throwIfAborted();
        if (this.over) {
            throw new EngineLost();
        }
        if (this.channel.waitingBytes > MOST_BYTES) {
            throw new ServiceError(503, "The engine is busy, and too many long requests wait for it.", 5);
        }
        this.lastCall += 1;
        const call = this.lastCall;
        const vectors: number[][] = [];
        const abort = (): void => {
            this.send({ type: "abort", call });
            if (leave) {
                this.pending.get(call)?.reject(signal?.reason as Error);
            }
        };
        try {
            const value = await new Promise<unknown>((resolve, reject) => {
                this.pending.set(call, { resolve, reject, onChunk, vectors, onClaim });
                this.send({ type: "call", call, name, given } as Order);
                signal?.addEventListener("abort", abort, { once: true });
            });
            return { value: value as Results[Name], vectors };
        } catch (thrown) {
            throw signal?.aborted === true ? signal.reason : thrown;
        } finally {
            this.pending.delete(call);
            signal?.removeEventListener("abort", abort);
        }
    }

    /** @param why as in "it ..."; @param limitMsec after which it is not waited for any more */
    public async kill(why: string, limitMsec = GONE_MSEC): Promise<void> {
        this.ordered ??= why;
        this.process.kill("SIGKILL");
        const gaveUp = setTimeout(() => this.end(null, null), limitMsec);
        await this.ended;
        clearTimeout(gaveUp);
    }

    private send(order: Order): void {
        this.channel.send(order);
    }

    private take(report: Report): void {
        switch (report.type) {
            case "hello":
                return;
            case "beat":
                this.lastBeat = report;
                this.beaten = true;
                return;
            case "log":
                this.events.onLog(report);
                return;
            case "witness":
                this.events.onWitness(report);
                return;
            case "packet":
                for (const { call, chunks } of report.pieces) {
                    const { onChunk } = this.pending.get(call) ?? {};
                    chunks.forEach((chunk) => onChunk?.(chunk));
                }
                return;
            case "vector":
                this.pending.get(report.call)?.vectors.push(Array.from(report.vector));
                return;
            case "claim":
                this.send({ type: "claimed", call: report.call, model: report.model, granted: this.pending.get(report.call)?.onClaim?.(report.model) ?? false });
                return;
            case "result":
                this.pending.get(report.call)?.resolve(report.value);
                return;
            case "failed":
                this.pending.get(report.call)?.reject(fromWire(report.error));
                return;
        }
    }

    private hear(text: string): void {
        this.said = (this.said + text).slice(-SAID_MOST);
        for (const line of text.split("\n").filter((part) => part.trim() !== "")) {
            this.saidLines += 1;
            if (this.saidLines <= SAID_LINES) {
                this.events.onSaid(line);
            }
        }
    }

    private judge(): void {
        const { pid } = this.process;
        const cpuMsec = pid === undefined ? undefined : processorMsec(pid);
        const why = this.liveness.judge({ beat: this.beaten, stepMsec: this.lastBeat.stepMsec, cpuMsec });
        this.beaten = false;
        if (why !== undefined && this.ordered === undefined) {
            this.hung = true;
            void this.kill(why);
        }
    }

    private onChannelEnd(fault: string | undefined): void {
        // A process that has closed it by itself is of no use any more; as a rule it has just ended.
        if (!this.over) {
            const why = fault === undefined ? undefined : `it sent ${fault}`;
            setTimeout(() => this.over || void this.kill(why ?? "it closed its connection"), why === undefined ? REST_MSEC : 0).unref();
        }
    }

    private end(code: number | null, signal: NodeJS.Signals | null): void {
        if (this.over) {
            return;
        }
        this.over = true;
        clearInterval(this.watch);
        this.channel.close();
        this.process.stdout?.destroy();
        this.process.stderr?.destroy();
        this.process.unref();
        const { ordered, hung, said } = this;
        const ending: Ending = { code, signal, ordered, hung, said };
        this.events.onEnd(describeEnding(ending), isNativeDeath(ending));
        for (const { reject } of this.pending.values()) {
            reject(new EngineLost());
        }
        this.pending.clear();
        this.finish();
    }
}
