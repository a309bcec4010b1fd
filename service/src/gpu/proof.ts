/** The entrypoint's memory of what was proven (`MENTATOR_BACKEND_PROOF`), where it turns out wrong. */

import { rmSync, writeFileSync } from "node:fs";

export class Proof {
    /** @param file nothing where the backend needed no proof */
    public constructor(private readonly file: string | undefined) {}

    /**
     * Until `release`, an end of this process speaks against the proof: a driver's library that fails
     * aborts the whole process, which then tells nobody. The next start finds the mark, and proves anew.
     */
    public use(): void {
        this.attempt((_, mark) => writeFileSync(mark, ""));
    }

    /** The backend was given back in order. */
    public release(): void {
        this.attempt((_, mark) => rmSync(mark, { force: true }));
    }

    /** @returns whether the next start proves the backend anew */
    public forget(): boolean {
        return this.attempt((file, mark) => {
            rmSync(file, { force: true });
            rmSync(mark, { force: true });
        });
    }

    /** @returns false where there is no proof, or its folder cannot be written */
    private attempt(change: (file: string, mark: string) => void): boolean {
        try {
            if (this.file !== undefined) {
                change(this.file, `${this.file}.in-use`);
            }
            return this.file !== undefined;
        } catch {
            return false;
        }
    }
}
