/** Scans a folder at the start, every minute and on demand; one scan at a time. */

const RESCAN_MSEC = 60_000;

export abstract class Rescanned {
    private timer: NodeJS.Timeout | undefined;
    private running: Promise<void> | undefined;

    public async start(): Promise<void> {
        this.timer = setInterval(() => void this.rescan(), RESCAN_MSEC);
        this.timer.unref();
        await this.rescan();
    }

    public stop(): void {
        clearInterval(this.timer);
    }

    /** A call during a scan waits for that scan. */
    public async rescan(): Promise<void> {
        this.running ??= this.scan().finally(() => {
            this.running = undefined;
        });
        await this.running;
    }

    /** Sees what is there at the time of the call: a scan that runs may have passed it already. */
    public async rescanFromNow(): Promise<void> {
        await this.running;
        await this.rescan();
    }

    /** Must not reject. */
    protected abstract scan(): Promise<void>;
}
