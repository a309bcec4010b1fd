/** One signal of several. `AbortSignal.any` keeps something of each request for as long as the oldest signal lives. */

/** Runs work with a signal that is aborted with the first of `signals`; nothing of it stays with them at the end. */
export async function withAnyOf<Result>(signals: readonly AbortSignal[], work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const any = new AbortController();
    const leave = signals.map((signal) => {
        const pass = (): void => any.abort(signal.reason);
        if (signal.aborted) {
            pass();
        }
        signal.addEventListener("abort", pass, { once: true });
        return (): void => signal.removeEventListener("abort", pass);
    });
    try {
        return await work(any.signal);
    } finally {
        leave.forEach((forget) => forget());
    }
}
