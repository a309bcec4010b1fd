/**
 * Whether the engine's process is alive, judged once a second. Values in, values out.
 *
 * Its event loop sends a beat each second. One that is silent but computes is busy with something long that cannot be
 * interrupted, as splitting a long text into tokens. One that is silent and does not compute hangs. Time is counted in
 * judgements, not by the clock: where the whole machine was paused, both sides were.
 */

/** What is seen of the process in one second. */
export interface Sight {
    /** Whether a beat has come since the last judgement. */
    readonly beat: boolean;
    /** For how long the native part has computed one batch, ms; 0: it computes none. */
    readonly stepMsec: number;
    /** Processor time of the process since its start, ms; undefined where it cannot be known. */
    readonly cpuMsec: number | undefined;
}

export interface LivenessLimits {
    /** Seconds without a beat and without computing: stopped, deadlocked, or waiting for a device for ever. */
    readonly stillSeconds: number;
    /** Seconds without a beat, while computing: an endless loop. The longest text that the API takes needs 23 s. */
    readonly silentSeconds: number;
    /** Seconds without computing inside of one batch, in which at least one thread computes or waits actively. */
    readonly idleStepSeconds: number;
    /** Seconds of one batch on a GPU: its driver may compile all kernels in the first one, for 7 minutes as was seen. */
    readonly stepSeconds: number;
}

export const LIMITS: LivenessLimits = { stillSeconds: 20, silentSeconds: 120, idleStepSeconds: 60, stepSeconds: 900 };

/** Of one second: the beats alone take about one millisecond. */
const COMPUTES_MSEC = 20;

export class Liveness {
    private silent = 0;
    private still = 0;
    private idleStep = 0;
    private cpuMsec: number | undefined;

    public constructor(
        private readonly limits: LivenessLimits,
        private readonly onGpu: boolean,
    ) {}

    /** @returns why the process has to be ended */
    public judge({ beat, stepMsec, cpuMsec }: Sight): string | undefined {
        const { stillSeconds, silentSeconds, idleStepSeconds, stepSeconds } = this.limits;
        const computes = cpuMsec === undefined || this.cpuMsec === undefined || cpuMsec - this.cpuMsec > COMPUTES_MSEC;
        this.cpuMsec = cpuMsec;
        this.silent = beat ? 0 : this.silent + 1;
        this.still = beat || computes ? 0 : this.still + 1;
        this.idleStep = stepMsec === 0 || computes ? 0 : this.idleStep + 1;
        if (this.still >= stillSeconds) {
            return `it has not answered for ${this.silent} s, and does not compute`;
        }
        if (this.silent >= silentSeconds) {
            return `it has not answered for ${this.silent} s`;
        }
        if (this.idleStep >= idleStepSeconds) {
            return `a batch has not ended, and nothing has computed for ${this.idleStep} s`;
        }
        if (this.onGpu && stepMsec >= stepSeconds * 1000) {
            return `the GPU has not finished a batch within ${stepSeconds} s`;
        }
        return undefined;
    }
}
