/** Models that ended the engine while they were loaded. They are left alone for a while: else a few requests for one would end the service. */

import type { LoadSpec } from "../engine/engine.js";

/** A request is run again once, so one request alone can be the cause of as many ends. */
const MOST = 2;

/** As long as ends count against the service itself (restarts.ts). */
const WINDOW_MSEC = 10 * 60_000;

/** A file that was replaced is another model. */
function keyOf({ file, modifiedMs }: LoadSpec): string {
    return `${modifiedMs ?? 0} ${file}`;
}

/** Values in, values out; times are milliseconds of any clock that does not go back. */
export class Suspects {
    private ends: readonly { readonly key: string; readonly time: number }[] = [];

    /** The engine ended while it loaded this model and computed nothing else. */
    public record(spec: LoadSpec, now: number): void {
        this.ends = [...this.recent(now), { key: keyOf(spec), time: now }];
    }

    /** @returns seconds until the model may be loaded again; undefined: at once */
    public waitFor(spec: LoadSpec, now: number): number | undefined {
        const key = keyOf(spec);
        const times = this.recent(now).flatMap((end) => (end.key === key ? [end.time] : []));
        const counted = times.at(-MOST);
        return counted === undefined ? undefined : Math.ceil((counted + WINDOW_MSEC - now) / 1000);
    }

    private recent(now: number): typeof this.ends {
        return this.ends.filter(({ time }) => now - time < WINDOW_MSEC);
    }
}
