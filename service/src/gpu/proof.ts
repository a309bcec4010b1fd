/** The entrypoint's memory of what was proven (`MENTATOR_BACKEND_PROOF`), where it turned out wrong. */

import { rmSync } from "node:fs";

/** The next start proves the backend anew. Where the file cannot be deleted, its key may still not fit. */
export function forgetProof(file: string | undefined): void {
    try {
        if (file !== undefined) {
            rmSync(file, { force: true });
        }
    } catch {
        // A read-only data folder held no proof in the first place.
    }
}
