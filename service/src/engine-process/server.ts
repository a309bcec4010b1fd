/** The engine's process: does what the service orders, on an engine of its own. */

import type { Duplex } from "node:stream";
import type { AskingEngine, Chunk, LoadedModel } from "../engine/engine.js";
import { ServiceError } from "../errors.js";
import type { Witness } from "../gpu/watch.js";
import { Log } from "../log.js";
import { Channel } from "./channel.js";
import { Packets } from "./packets.js";
import { type CallName, type Calls, type Order, PROTOCOL, type Report, type Results, type Setup } from "./protocol.js";
import { toWire } from "./wire-error.js";

/** @returns the engine, not started yet */
type MakeEngine = (setup: Setup, log: Log, witness: Witness) => AskingEngine;

interface Running {
    readonly abort: AbortController;
    /** Of a load: what waits for the answer to a claim. */
    readonly claims: Map<number, (granted: boolean) => void>;
}

/** An aborted call is answered with this; the service knows the reason itself. */
const ABORTED = new Error("aborted");

export class EngineServer {
    private readonly channel: Channel;
    private readonly running = new Map<number, Running>();
    private readonly packets: Packets;
    private engine: AskingEngine | undefined;
    private readonly models = new Map<number, LoadedModel>();
    private lastModel = 0;

    /** @param onEnd the service is gone, or said what cannot be understood */
    public constructor(
        stream: Duplex,
        private readonly makeEngine: MakeEngine,
        onEnd: (fault: string | undefined) => void,
    ) {
        this.channel = new Channel(stream, (message) => this.take(message as Order), onEnd);
        this.packets = new Packets((pieces) => this.send({ type: "packet", pieces }));
        this.send({ type: "hello", protocol: PROTOCOL });
    }

    public send(report: Report): void {
        this.channel.send(report);
    }

    private take(order: Order): void {
        switch (order.type) {
            case "call":
                void this.answer(order.call, order.name, order.given);
                return;
            case "abort":
                this.running.get(order.call)?.abort.abort(ABORTED);
                return;
            case "claimed":
                this.running.get(order.call)?.claims.get(order.model)?.(order.granted);
                return;
        }
    }

    private async answer<Name extends CallName>(call: number, name: Name, given: Calls[Name]): Promise<void> {
        const running: Running = { abort: new AbortController(), claims: new Map() };
        this.running.set(call, running);
        try {
            const work = this.works[name];
            const value = await work(given, call, running);
            this.packets.flush();
            this.send({ type: "result", call, value });
        } catch (thrown) {
            this.packets.flush();
            this.send({ type: "failed", call, error: toWire(thrown) });
        } finally {
            this.running.delete(call);
        }
    }

    private readonly works: { readonly [Name in CallName]: (given: Calls[Name], call: number, running: Running) => Promise<Results[Name]> } = {
        start: async (setup) => {
            const log = new Log(setup.logLevel, () => undefined);
            log.attach(({ kind, pipe, message }) => this.send({ type: "log", kind, pipe, message }));
            const tell = (saw: "success" | "failure" | "look", message = ""): void => this.send({ type: "witness", saw, message });
            this.engine = this.makeEngine(setup, log, {
                onSuccess: () => tell("success"),
                onFailure: (thrown) => tell("failure", toWire(thrown).message),
                look: async () => {
                    tell("look");
                    return Promise.resolve();
                },
            });
            await this.engine.start();
            return null;
        },
        load: async ({ spec }, call, { abort, claims }) => {
            const busy = async (model: LoadedModel): Promise<boolean> => !(await this.claim(call, this.idOf(model), claims));
            const info = await this.started.load(spec, busy, abort.signal);
            this.lastModel += 1;
            this.models.set(this.lastModel, info);
            return { id: this.lastModel, info };
        },
        generate: async ({ model, request, stream }, call, { abort }) => {
            let first = true;
            const onChunk = (chunk: Chunk): void => {
                this.packets.add(call, chunk, first);
                first = false;
            };
            return this.started.generate(this.modelOf(model), request, { signal: abort.signal, ...(stream ? { onChunk } : {}) });
        },
        embed: async ({ model, texts }, call, { abort }) => {
            const { vectors, tokens } = await this.started.embed(this.modelOf(model), texts, abort.signal);
            for (const vector of vectors) {
                this.send({ type: "vector", call, vector: Float64Array.from(vector) });
            }
            return { tokens };
        },
        doText: async ({ model, task }, _call, { abort }) => this.started.doText(this.modelOf(model), task, abort.signal),
        checkGrammar: async ({ schema }) => this.started.checkGrammar(schema),
        device: async () => this.started.device(),
        close: async () => {
            await this.engine?.close();
            return null;
        },
    };

    private get started(): AskingEngine {
        if (this.engine === undefined) {
            throw new ServiceError(503, "The engine is not started.", 1);
        }
        return this.engine;
    }

    private modelOf(id: number): LoadedModel {
        const model = this.models.get(id);
        if (model === undefined) {
            throw new ServiceError(500, "The model is not loaded any more.");
        }
        return model;
    }

    private idOf(model: LoadedModel): number {
        for (const [id, known] of this.models) {
            if (known === model) {
                return id;
            }
        }
        throw new Error(`${model.spec.name} has no id`);
    }

    /** Whether the service gives the model up; it then gives it no more requests. */
    private async claim(call: number, model: number, claims: Running["claims"]): Promise<boolean> {
        const granted = await new Promise<boolean>((resolve) => {
            claims.set(model, resolve);
            this.send({ type: "claim", call, model });
        });
        if (granted) {
            this.models.delete(model);
        }
        return granted;
    }
}
