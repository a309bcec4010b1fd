/** The file in which the entrypoint remembers that a backend works (`MENTATOR_BACKEND_PROOF`). */

import { rmSync, writeFileSync } from "node:fs";

export class Proof {
    /** @param file undefined where the backend needed no test */
    public constructor(private readonly file: string | undefined) {}

    /**
     * Until `release`, an end of this process is a sign against the backend: a driver's library that fails
     * aborts the whole process, without a message. The next start finds the mark and tests the backend again.
     */
    public use(): void {
        this.attempt((_, mark) => writeFileSync(mark, ""));
    }

    /** The service has stopped in order. */
    public release(): void {
        this.attempt((_, mark) => rmSync(mark, { force: true }));
    }

    /**
     * The mark stays: the next start counts in it how often the native part has died (`NativeDeaths`).
     * @returns whether the next start tests the backend again
     */
    public forget(): boolean {
        return this.attempt((file) => rmSync(file, { force: true }));
    }

    /** @returns false where there is no file, or its folder cannot be written */
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
