/** How often the engine may be started again, and when. Values in, values out. */

const WINDOW_MSEC = 10 * 60_000;

/**
 * After as many within that time the service ends, with a code of its own. A restart of the container looks for the
 * hardware again and chooses the backend anew, which a new process of the engine cannot do.
 */
const MOST = 5;

/** Between restarts after the first one, times their number: a driver that resets a card takes seconds. */
const PAUSE_MSEC = 1000;

export class Restarts {
    private times: readonly number[] = [];
    private count = 0;

    /** Since the service's start. */
    public get total(): number {
        return this.count;
    }

    /**
     * The engine's process has ended.
     * @param now milliseconds, any clock that does not go back
     * @returns after how many ms it is started again; undefined: no more
     */
    public next(now: number): number | undefined {
        this.times = this.times.filter((time) => now - time < WINDOW_MSEC);
        if (this.times.length >= MOST) {
            return undefined;
        }
        const pause = this.times.length * PAUSE_MSEC;
        this.times = [...this.times, now];
        this.count += 1;
        return pause;
    }
}

/** For messages. */
export const RESTART_LIMIT = `${MOST} restarts within ${WINDOW_MSEC / 60_000} minutes`;
