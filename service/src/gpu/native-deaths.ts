/**
 * Remembers for the next start that the native part ended the engine's process in this run. The service goes on, so the
 * mark of `Proof.use` alone would be taken away by an orderly stop, and the entrypoint would trust the backend again.
 */

import { writeFileSync } from "node:fs";
import type { Proof } from "./proof.js";

export class NativeDeaths {
    private count = 0;

    /** @param proofFile undefined where the backend needed no test */
    public constructor(
        private readonly proof: Proof,
        private readonly proofFile: string | undefined,
    ) {}

    /** The mark holds how many there were. */
    public record(): void {
        this.count += 1;
        try {
            if (this.proofFile !== undefined) {
                writeFileSync(`${this.proofFile}.in-use`, `${this.count}\n`);
            }
        } catch {
            // The data folder may be read-only: then there is no remembered proof either.
        }
    }

    /** The service has stopped in order: the next start trusts the backend, if nothing has happened. */
    public release(): void {
        if (this.count === 0) {
            this.proof.release();
        }
    }
}
