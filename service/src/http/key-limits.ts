/** How many requests a key may still send: within a minute, and at once. */

import type { NamedKey } from "../config/api-keys.js";

/** Why the next request is refused, and in how many seconds to try again. */
export interface Refused {
    readonly why: string;
    readonly retryAfterSeconds: number;
}

const MINUTE_MSEC = 60_000;

/** Seconds: an answer of the same client has to end first, and nobody knows when. */
const RETRY_AT_ONCE = 1;

/** A bucket that holds a minute's requests and is filled evenly. A request takes `MINUTE_MSEC` out of it: sums of whole numbers are exact. */
export class KeyLimit {
    private left: number;
    private filledAt: number;
    private running = 0;

    /** @param now milliseconds that only grow */
    public constructor(
        private readonly key: Pick<NamedKey, "requestsPerMinute" | "requestsAtOnce">,
        private readonly now: () => number = () => performance.now(),
    ) {
        this.left = key.requestsPerMinute * MINUTE_MSEC;
        this.filledAt = now();
    }

    /** undefined: the request may run, and `end` is called when it is answered. */
    public begin(): Refused | undefined {
        const { requestsPerMinute, requestsAtOnce } = this.key;
        if (requestsAtOnce > 0 && this.running >= requestsAtOnce) {
            return { why: `This API key may have ${requestsAtOnce} requests at once.`, retryAfterSeconds: RETRY_AT_ONCE };
        }
        if (requestsPerMinute > 0) {
            this.fill();
            if (this.left < MINUTE_MSEC) {
                const msec = (MINUTE_MSEC - this.left) / requestsPerMinute;
                return { why: `This API key may send ${requestsPerMinute} requests a minute.`, retryAfterSeconds: Math.max(1, Math.ceil(msec / 1000)) };
            }
            this.left -= MINUTE_MSEC;
        }
        this.running += 1;
        return undefined;
    }

    public end(): void {
        this.running -= 1;
    }

    private fill(): void {
        const { requestsPerMinute } = this.key;
        const now = this.now();
        this.left = Math.min(requestsPerMinute * MINUTE_MSEC, this.left + (now - this.filledAt) * requestsPerMinute);
        this.filledAt = now;
    }
}
