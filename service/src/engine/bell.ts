/** Wakes all who wait for something to change. */

export class Bell {
    private waiting = new Set<() => void>();

    public ring(): void {
        const woken = this.waiting;
        this.waiting = new Set();
        woken.forEach((wake) => wake());
    }

    /** @throws `signal.reason` when it is aborted first */
    public async next(signal: AbortSignal): Promise<void> {
        signal.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
            const wake = (): void => {
                signal.removeEventListener("abort", leave);
                resolve();
            };
            const leave = (): void => {
                this.waiting.delete(wake);
                reject(signal.reason as Error);
            };
            this.waiting.add(wake);
            signal.addEventListener("abort", leave, { once: true });
        });
    }
}
