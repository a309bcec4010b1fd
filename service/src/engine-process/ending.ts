/** What the end of the engine's process means, in words. Values in, values out. */

export interface Ending {
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    /** Why the service ended it; undefined: it ended by itself. */
    readonly ordered: string | undefined;
    /** That was because it did not answer or did not get on. */
    readonly hung: boolean;
    /** The last that it wrote on stderr. */
    readonly said: string;
}

const MEANING: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
    SIGABRT: "the native part or a driver gave up",
    SIGBUS: "a mapped file lost its content: a model was overwritten or cut while it was loaded. Put a new file beside it and rename it instead",
    SIGFPE: "an arithmetic fault in the native part",
    SIGILL: "an instruction that this processor does not have",
    SIGKILL: "it was killed, by the kernel for want of memory or by somebody",
    SIGSEGV: "a fault in the native part or a driver",
    SIGTRAP: "JavaScript's memory was used up, or a fault in Node",
};

/** Shown of what it said, characters. */
const SHOWN = 300;

function lastWords(said: string): string {
    const lines = said.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    const telling = lines.findLast((line) => /GGML_ASSERT|FATAL ERROR|\berror\b|abort|terminate called/i.test(line)) ?? lines.at(-1);
    return telling === undefined ? "" : `; it said: ${telling.slice(0, SHOWN)}`;
}

/** V8 aborts in more than one way, but always says this. */
function isHeapLimit(said: string): boolean {
    return /heap limit|heap out of memory/i.test(said);
}

export function describeEnding({ code, signal, ordered, said }: Ending): string {
    if (ordered !== undefined) {
        return `${ordered}, so it was ended`;
    }
    if (signal === null) {
        return `it ended with code ${code ?? "unknown"}${lastWords(said)}`;
    }
    const meaning = isHeapLimit(said) ? "JavaScript's memory was used up" : MEANING[signal];
    return `it ended by ${signal}${meaning === undefined ? "" : ` (${meaning})`}${lastWords(said)}`;
}

/** Not SIGBUS, which a model that was overwritten causes, nor SIGILL, which tells of the CPU. */
const NATIVE: ReadonlySet<NodeJS.Signals | null> = new Set<NodeJS.Signals>(["SIGABRT", "SIGSEGV", "SIGFPE"]);

/** Whether the native part ended it, or hangs: a sign against the driver, where there is one. */
export function isNativeDeath({ signal, ordered, hung, said }: Ending): boolean {
    return hung || (ordered === undefined && NATIVE.has(signal) && !isHeapLimit(said));
}
