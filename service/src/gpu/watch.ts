/**
 * Notices that the GPU is gone while the service runs. What is lost stays lost until a restart, which the service asks
 * for by its end. Missing device nodes alone are no loss: after a reload of the container toolkit, what is open goes on
 * working. Only together with work that fails do they end the service.
 */

import { messageOf } from "../errors.js";
import type { Surface } from "./surface.js";

/** Between two looks at device nodes and files; a look costs a few system calls. */
const EVERY_MSEC = 5000;

/** One failed request, for lack of memory say, is not a fault of the card. This many in a row are. */
const FAILURES_IN_A_ROW = 3;

/** What the engine tells of its work on the GPU. */
export interface Witness {
    onSuccess(): void;
    /** @param thrown by the native part while it computed (engine/native-failure.ts), never another exception */
    onFailure(thrown: unknown): void;
    /** Something failed that need not be the GPU's fault: the device nodes are looked at. */
    look(): Promise<void>;
}

export class GpuWatch implements Witness {
    private why: string | undefined;
    private missing: string | undefined;
    private failures = 0;
    private timer: NodeJS.Timeout | undefined;

    /**
     * @param onLost is called once
     * @param onMissing a device node or a file is gone, while work goes on; called once for each reason
     */
    public constructor(
        private readonly surface: Surface,
        private readonly onLost: (why: string) => void,
        private readonly onMissing: (why: string) => void = () => undefined,
    ) {}

    /** Why the GPU is gone; undefined while it is there. */
    public get lost(): string | undefined {
        return this.why;
    }

    public start(everyMsec = EVERY_MSEC): void {
        this.timer = setInterval(() => void this.watchNodes(), everyMsec).unref();
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

    private async watchNodes(): Promise<void> {
        const fault = await this.surface.fault();
        if (fault !== undefined && fault !== this.missing && this.why === undefined) {
            this.onMissing(fault);
        }
        this.missing = fault;
    }

    public onSuccess(): void {
        this.failures = 0;
    }

    public onFailure(thrown: unknown): void {
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
