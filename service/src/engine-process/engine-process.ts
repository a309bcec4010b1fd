/** The engine as the service sees it. It runs in a process of its own: a fault of the native part ends that one only. */

import { listedDevice, processor } from "../engine/device.js";
import type { Busy, Device, Embedded, Engine, Generated, GenerationRequest, LoadedModel, LoadSpec, RunOptions, TextDone, TextTask } from "../engine/engine.js";
import { EngineLost, ServiceError } from "../errors.js";
import type { EngineChild } from "./child-process.js";
import type { Program } from "./program.js";
import type { Setup } from "./protocol.js";
import { Roster } from "./roster.js";
import { Suspects } from "./suspects.js";
import { type ProcessState, type Supervision, Supervisor } from "./supervisor.js";

/** `/state` and `/metrics` wait no longer for what the engine says of its cards. */
const DEVICE_MSEC = 1000;

export class EngineProcess implements Engine {
    private readonly roster: Roster;
    private readonly supervisor: Supervisor;
    private readonly suspects = new Suspects();
    private readonly hasGpu: boolean;
    private lastDevice: Device | undefined;

    public constructor(
        private readonly setup: Setup,
        program: Program,
        supervision: Supervision,
    ) {
        this.hasGpu = setup.backend.mode.gpu !== false;
        this.roster = new Roster(this.hasGpu);
        this.supervisor = new Supervisor(setup, program, supervision, () => this.roster.clear());
    }

    public get ready(): boolean {
        return this.supervisor.child !== undefined;
    }

    public get loaded(): readonly LoadedModel[] {
        return this.roster.all;
    }

    public get current(): LoadedModel | undefined {
        return this.roster.all[0];
    }

    public get state(): ProcessState {
        return this.supervisor.state;
    }

    public async start(): Promise<void> {
        await this.supervisor.start();
    }

    /** What the engine said last, where it does not answer now. */
    public async device(): Promise<Device> {
        if (!this.hasGpu) {
            return processor();
        }
        const { child, state } = this.supervisor;
        if (child === undefined && state.restarts === 0) {
            return { device: "", totalVramMb: 0, usedVramMb: 0 };
        }
        const answer = child === undefined ? undefined : await child.call("device", null, { signal: AbortSignal.timeout(DEVICE_MSEC), leave: true }).catch(() => undefined);
        this.lastDevice = answer?.value ?? this.lastDevice;
        return this.lastDevice ?? listedDevice(this.setup.backend);
    }

    public find(spec: LoadSpec): LoadedModel | undefined {
        return this.roster.find(spec);
    }

    public async load(spec: LoadSpec, busy: Busy, signal: AbortSignal): Promise<LoadedModel> {
        this.refuseSuspect(spec);
        const child = await this.supervisor.opened(signal);
        const alone = !this.roster.all.some(busy);
        // What is given up here gets no request any more, before the process hears of it.
        const onClaim = (id: number): boolean => {
            const model = this.roster.byId(id);
            if (model !== undefined && busy(model)) {
                return false;
            }
            if (model !== undefined) {
                this.roster.remove(model);
            }
            return true;
        };
        const { id, info } = await this.suspecting(alone ? spec : undefined, async () => {
            const { value } = await child.call("load", { spec }, { signal, onClaim });
            this.refuseLost(child);
            return value;
        });
        this.roster.add(id, info);
        return info;
    }

    public async generate(model: LoadedModel, request: GenerationRequest, { signal, onChunk }: RunOptions): Promise<Generated> {
        const { child, id } = this.placeOf(model);
        return (await child.call("generate", { model: id, request, stream: onChunk !== undefined }, { signal, onChunk })).value;
    }

    public async embed(model: LoadedModel, texts: readonly string[], signal: AbortSignal): Promise<Embedded> {
        const { child, id } = this.placeOf(model);
        const { value, vectors } = await child.call("embed", { model: id, texts }, { signal });
        return { vectors, tokens: value.tokens };
    }

    public async doText(model: LoadedModel, task: TextTask, signal: AbortSignal): Promise<TextDone> {
        const { child, id } = this.placeOf(model);
        return (await child.call("doText", { model: id, task }, { signal })).value;
    }

    public async checkGrammar(schema: object): Promise<string> {
        return (await (await this.supervisor.opened()).call("checkGrammar", { schema })).value;
    }

    public async close(): Promise<void> {
        await this.supervisor.close();
    }

    /** @throws ServiceError for a model that ended the engine whenever it was loaded */
    private refuseSuspect(spec: LoadSpec): void {
        const seconds = this.suspects.waitFor(spec, performance.now());
        if (seconds !== undefined) {
            throw new ServiceError(503, `The engine ended each time that it loaded ${spec.name}, so it is not loaded for ${seconds} s. The log says why it ended; another file in its place is loaded at once.`, seconds);
        }
    }

    /** @param spec undefined where something else may be the cause of an end */
    private async suspecting<T>(spec: LoadSpec | undefined, load: () => Promise<T>): Promise<T> {
        try {
            return await load();
        } catch (thrown) {
            if (spec !== undefined && thrown instanceof EngineLost) {
                this.suspects.record(spec, performance.now());
            }
            throw thrown;
        }
    }

    /** @throws EngineLost when the model's process has ended */
    private placeOf(model: LoadedModel): { readonly child: EngineChild; readonly id: number } {
        const { child } = this.supervisor;
        const id = this.roster.use(model);
        if (child === undefined || id === undefined) {
            throw new EngineLost();
        }
        return { child, id };
    }

    /** The process may have ended in the moment between its answer and this. @throws EngineLost */
    private refuseLost(child: EngineChild): void {
        if (this.supervisor.child !== child) {
            throw new EngineLost();
        }
    }
}
