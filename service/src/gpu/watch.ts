/** Notices that the GPU is gone while the service runs. What is lost stays lost until a restart. */

import { messageOf } from "../errors.js";
import type { Surface } from "./surface.js";

/** Between two looks at the operating system's surface; a look is a handful of system calls. */
const EVERY_MSEC = 5000;

/** A fault of one request (no memory for it, say) is not the card's; so many in a row are. */
const FAILURES_IN_A_ROW = 3;

/** What the engine tells of its work on the GPU. */
export interface Witness {
    succeeded(): void;
    /** @param thrown by the native part, not for a fault of the request */
    failed(thrown: unknown): void;
    /** Something failed that says nothing by itself: a model's own fault, perhaps. */
    look(): Promise<void>;
}

export class GpuWatch implements Witness {
    private why: string | undefined;
    private failures = 0;
    private timer: NodeJS.Timeout | undefined;

    /** @param onLost is called once */
    public constructor(
        private readonly surface: Surface,
        private readonly onLost: (why: string) => void,
    ) {}

    /** Why there is no GPU any more; nothing while there is. */
    public get lost(): string | undefined {
        return this.why;
    }

    public start(everyMsec = EVERY_MSEC): void {
        this.timer = setInterval(() => void this.look(), everyMsec).unref();
    }

    public stop(): void {
        clearInterval(this.timer);
    }

    public async look(): Promise<void> {
        const fault = await this.surface.fault();
        if (fault !== undefined) {
            this.lose(fault);
        }
    }

    public succeeded(): void {
        this.failures = 0;
    }

    public failed(thrown: unknown): void {
        this.failures += 1;
        if (this.failures >= FAILURES_IN_A_ROW) {
            this.lose(`it failed ${this.failures} times in a row, at last with: ${messageOf(thrown)}`);
        } else {
            void this.look();
        }
    }

    private lose(why: string): void {
        if (this.why === undefined) {
            this.why = why;
            this.stop();
            this.onLost(why);
        }
    }
}
