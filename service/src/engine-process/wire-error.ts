/** Errors on their way between the processes: each kind that somebody looks at arrives as the same kind. */

import { MemoryBusy } from "../engine/engine.js";
import { ContextOverflow, messageOf, ServiceError, StartError } from "../errors.js";

export type WireError = { readonly message: string; readonly stack?: string } & (
    | { readonly kind: "memory-busy" | "other" }
    | { readonly kind: "overflow"; readonly of: ContextOverflow["of"] }
    | { readonly kind: "service"; readonly statusCode: number; readonly retryAfterSeconds?: number }
    | { readonly kind: "start"; readonly exitCode: number; readonly lines: readonly string[] }
);

export function toWire(thrown: unknown): WireError {
    const message = messageOf(thrown);
    if (thrown instanceof MemoryBusy) {
        return { kind: "memory-busy", message };
    }
    if (thrown instanceof ContextOverflow) {
        return { kind: "overflow", of: thrown.of, message };
    }
    if (thrown instanceof ServiceError) {
        const { statusCode, retryAfterSeconds } = thrown;
        return { kind: "service", statusCode, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }), message };
    }
    if (thrown instanceof StartError) {
        return { kind: "start", exitCode: thrown.exitCode, lines: thrown.lines, message };
    }
    return { kind: "other", message, ...(thrown instanceof Error && thrown.stack !== undefined ? { stack: thrown.stack } : {}) };
}

export function fromWire(wire: WireError): Error {
    switch (wire.kind) {
        case "memory-busy":
            return new MemoryBusy(wire.message);
        case "overflow":
            return new ContextOverflow(wire.of, wire.message);
        case "service":
            return new ServiceError(wire.statusCode, wire.message, wire.retryAfterSeconds);
        case "start":
            return new StartError(wire.exitCode, wire.lines);
        case "other": {
            const error = new Error(wire.message);
            return wire.stack === undefined ? error : Object.assign(error, { stack: wire.stack });
        }
    }
}
