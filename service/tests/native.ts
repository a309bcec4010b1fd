/** The native part below an engine, for tests that look at the calls of it. */

import type { LlamaModel } from "node-llama-cpp";
import { expect } from "vitest";
import type { LlamaEngine } from "../src/engine/llama-engine.js";

export interface Addon {
    addToBatch(sequence: number, first: number, tokens: Uint32Array, logits: Uint32Array): Uint32Array;
    decodeBatch(indexes: Uint32Array, samplers: object[], most: Uint32Array, msec: number): Promise<(number[] | Error)[]>;
    sampleToken(index: number, sampler: object): Promise<number>;
    getSequenceKvCacheMaxPosition(sequence: number): number;
    mentatorSteps?: unknown;
}

interface Host {
    readonly model: LlamaModel;
    readonly desk: object;
    readonly slots: readonly { readonly sequence: { readonly context: { readonly _ctx: Addon } } }[];
}

interface Inside {
    readonly residents: { readonly hosts: readonly Host[] };
}

/** Of the model that was used last. */
export function hostOf(engine: LlamaEngine): Host {
    return (engine as unknown as Inside).residents.hosts[0] ?? expect.fail();
}

/** Of the model that was used last. */
export function addonOf(engine: LlamaEngine): Addon {
    return hostOf(engine).slots[0]?.sequence.context._ctx ?? expect.fail();
}

/** Every later call of the method goes through `wrap`. */
export function intercept<Name extends keyof Addon>(addon: Addon, name: Name, wrap: (original: Addon[Name]) => Addon[Name]): void {
    const original = (addon[name] as (...values: never[]) => unknown).bind(addon) as Addon[Name];
    Object.defineProperty(addon, name, { value: wrap(original), configurable: true });
}
