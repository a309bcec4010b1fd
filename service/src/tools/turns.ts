/** Runs a limited number at once; the others wait in the order in which they came. */

export class Turns {
    private running = 0;
    private readonly queue: (() => void)[] = [];

    public constructor(private readonly most: number) {}

    /** @throws `signal.reason` when it is aborted while it waits; whatever `work` throws */
    public async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
        await this.turn(signal);
        try {
            return await work();
        } finally {
            this.running -= 1;
            this.queue.shift()?.();
        }
    }

    private async turn(signal: AbortSignal): Promise<void> {
        signal.throwIfAborted();
        if (this.running >= this.most) {
            await new Promise<void>((resolve, reject) => {
                const leave = (): void => {
                    this.queue.splice(this.queue.indexOf(enter), 1);
                    reject(signal.reason as Error);
                };
                const enter = (): void => {
                    signal.removeEventListener("abort", leave);
                    resolve();
                };
                this.queue.push(enter);
                signal.addEventListener("abort", leave, { once: true });
            });
        }
        this.running += 1;
    }
}
