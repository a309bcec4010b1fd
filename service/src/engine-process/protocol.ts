/**
 * What the service and the engine's process say to each other. Each message is one object of these unions.
 * Both sides come from the same build; the version is there so that a mixed installation ends at once.
 */

import type { Backend } from "../backend/backend.js";
import type { Chunk, Device, Generated, GenerationRequest, LoadedModel, LoadSpec, TextDone, TextTask } from "../engine/engine.js";
import type { EngineSettings } from "../engine/sizing.js";
import type { Kind, LogLevel } from "../log.js";
import type { WireError } from "./wire-error.js";

export const PROTOCOL = 1;

/** The file descriptor of the engine's process that the messages go over. */
export const CHANNEL_FD = 3;

export interface Setup {
    readonly backend: Backend;
    readonly threads: number;
    readonly settings: EngineSettings;
    readonly logLevel: LogLevel;
}

/** What a call asks for, by its name. */
export interface Calls {
    readonly start: Setup;
    readonly load: { readonly spec: LoadSpec };
    readonly generate: { readonly model: number; readonly request: GenerationRequest; readonly stream: boolean };
    readonly embed: { readonly model: number; readonly texts: readonly string[] };
    readonly doText: { readonly model: number; readonly task: TextTask };
    readonly checkGrammar: { readonly schema: object };
    readonly device: null;
    readonly close: null;
}

/** What it is answered with. */
export interface Results {
    readonly start: null;
    readonly load: { readonly id: number; readonly info: LoadedModel };
    readonly generate: Generated;
    /** The vectors came before, in messages of their own. */
    readonly embed: { readonly tokens: number };
    readonly doText: TextDone;
    readonly checkGrammar: string;
    readonly device: Device;
    readonly close: null;
}

export type CallName = keyof Calls;

type CallOrder = { readonly [Name in CallName]: { readonly type: "call"; readonly call: number; readonly name: Name; readonly given: Calls[Name] } }[CallName];

/** From the service to the engine's process. */
export type Order =
    | CallOrder
    | { readonly type: "abort"; readonly call: number }
    /** The answer to "claim". */
    | { readonly type: "claimed"; readonly call: number; readonly model: number; readonly granted: boolean };

/** Pieces of one answer, in their order. */
export interface Pieces {
    readonly call: number;
    readonly chunks: readonly Chunk[];
}

/** From the engine's process to the service. */
export type Report =
    | { readonly type: "hello"; readonly protocol: number }
    | { readonly type: "result"; readonly call: number; readonly value: unknown }
    | { readonly type: "failed"; readonly call: number; readonly error: WireError }
    /** Of all answers that have grown since the last packet. */
    | { readonly type: "packet"; readonly pieces: readonly Pieces[] }
    | { readonly type: "vector"; readonly call: number; readonly vector: Float64Array }
    /** A load wants to unload this model: may it? What is granted is unloaded. */
    | { readonly type: "claim"; readonly call: number; readonly model: number }
    | { readonly type: "log"; readonly kind: Kind; readonly pipe: string; readonly message: string }
    | { readonly type: "witness"; readonly saw: "success" | "failure" | "look"; readonly message: string }
    | Beat;

/** Sent once a second by the event loop: so the service sees that it turns. */
export interface Beat {
    readonly type: "beat";
    /** For how long the native part has computed the batch that it computes, ms; 0: none. */
    readonly stepMsec: number;
    /** Resident memory, bytes. */
    readonly residentBytes: number;
}

/** @throws Error that says what is wrong */
export function readReport(value: unknown): Report {
    const report = value as Report;
    const check = typeof value === "object" && value !== null && typeof report.type === "string" ? CHECKS[report.type] : undefined;
    if (check?.(value as never) !== true) {
        throw new Error("a message that the protocol does not have");
    }
    return report;
}

const isNumber = (value: unknown): boolean => Number.isSafeInteger(value);
const isText = (value: unknown): boolean => typeof value === "string";
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const KINDS: readonly unknown[] = ["error", "warn", "info", "debug", "trace"] satisfies Kind[];
const ERRORS: readonly unknown[] = ["memory-busy", "overflow", "service", "start", "other"] satisfies WireError["kind"][];
const isChunk = (chunk: Partial<Chunk> | undefined): boolean => isText(chunk?.kind) && isText(chunk?.text) && isNumber(chunk?.tokens);

const CHECKS: { readonly [Type in Report["type"]]: (report: Partial<Extract<Report, { readonly type: Type }>>) => boolean } = {
    hello: ({ protocol }) => protocol === PROTOCOL,
    result: ({ call }) => isNumber(call),
    failed: ({ call, error }) => isNumber(call) && isText(error?.message) && ERRORS.includes(error?.kind),
    packet: ({ pieces }) => isList(pieces) && pieces.every((part) => isNumber(part.call) && isList(part.chunks) && part.chunks.every(isChunk)),
    vector: ({ call, vector }) => isNumber(call) && vector instanceof Float64Array,
    claim: ({ call, model }) => isNumber(call) && isNumber(model),
    log: ({ kind, pipe, message }) => KINDS.includes(kind) && isText(pipe) && isText(message),
    witness: ({ saw, message }) => (saw === "success" || saw === "failure" || saw === "look") && isText(message),
    beat: ({ stepMsec, residentBytes }) => typeof stepMsec === "number" && typeof residentBytes === "number",
};
