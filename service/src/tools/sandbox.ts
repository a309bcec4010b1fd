/**
 * Runs a tool's code in QuickJS, an interpreter of its own that is compiled to WebAssembly: the code sees no object of
 * Node, cannot leave the module's memory, and that memory has a limit. Called in a thread of its own, which can be
 * ended while native code of the interpreter runs (`Array(4e9).join()` asks nobody).
 *
 * quickjs-emscripten-core with one of its builds (MIT, 1.6 MB) is the maintained way to it: pinned, since the limits
 * below are only as good as that build's.
 */

import quickjs from "@jitl/quickjs-wasmfile-release-sync";
import { newQuickJSWASMModuleFromVariant, newVariant, type QuickJSContext, type QuickJSHandle, type QuickJSRuntime } from "quickjs-emscripten-core";
import type { Access } from "./access.js";
import { answerLater, answerNow, MOST } from "./host.js";
import { LIBRARY } from "./library.js";

/** Node's types do not know WebAssembly, and the package's name a type that only a browser's have. */
const { Memory } = Reflect.get(globalThis, "WebAssembly") as { Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer } };

const MIB = 1024 ** 2;
const PAGE_BYTES = 65_536;

/** The module's own data and stack, beside the tool's memory. */
const OWN_MB = 16;

/** Of the interpreter's stack. Node's, 4 MB in a thread, holds the native part of the same calls. */
const STACK_BYTES = 256 * 1024;

/** Questions to the host that may be open at once. */
const MOST_OPEN = 64;

/** Jobs (what follows an await) in a row before timers and answers get their turn. */
const JOBS_IN_A_ROW = 500;

/** What the interpreter takes of its memory until the next piece that is asked for may not fit. */
const MOST_OF_MEMORY = 0.8;

export interface SandboxCall {
    /** An expression that gives the tool's function; see `functionSource`. */
    readonly source: string;
    /** JSON. */
    readonly args: string;
    /** JSON, by name. */
    readonly secrets: string;
    readonly access: Access;
    readonly mostCharacters: number;
    readonly memoryMb: number;
    readonly timeMsec: number;
}

export type SandboxAnswer = { readonly text: string } | { readonly fault: string };

/** The interpreter's own words for its limits, in ours. */
function faultOf(message: string, { memoryMb, timeMsec }: SandboxCall): string {
    switch (message) {
        case "interrupted":
            return `it did not end within ${timeMsec / 1000} s`;
        // With no memory left not even the error's text can be made.
        case "":
        case "null":
        case "out of memory":
            return `it needs more than ${memoryMb} MB`;
        case "stack overflow":
        case "Maximum call stack size exceeded":
            return "it calls itself too deeply";
        default:
            return message;
    }
}

/** A text of the sandbox. Its length is asked before it is copied. @throws Error when it is no text or too long */
function textOf(vm: QuickJSContext, handle: QuickJSHandle | undefined, most: number): string {
    if (handle === undefined || vm.typeof(handle) !== "string") {
        throw new Error("a text is needed");
    }
    const length = vm.getProp(handle, "length").consume((found) => vm.getNumber(found));
    if (length > most) {
        throw new Error(`a text of ${length} characters is too long: at most ${most} go in or out of the sandbox at once`);
    }
    return vm.getString(handle);
}

/** `full`: whether memory has been used up at some time. The interpreter does not tell where a promise met that. */
async function open(call: SandboxCall): Promise<{ readonly runtime: QuickJSRuntime; readonly full: () => boolean }> {
    const pages = (mb: number): number => (mb * MIB) / PAGE_BYTES;
    const wasmMemory = new Memory({ initial: pages(OWN_MB), maximum: pages(OWN_MB + call.memoryMb) });
    // Its types are those of a CommonJS module; Node loads the other one.
    const variant = "default" in quickjs ? quickjs.default : quickjs;
    const module = await newQuickJSWASMModuleFromVariant(newVariant(variant, { wasmMemory: wasmMemory as never }));
    const runtime = module.newRuntime();
    const end = performance.now() + call.timeMsec;
    runtime.setMemoryLimit(call.memoryMb * MIB);
    runtime.setMaxStackSize(STACK_BYTES);
    runtime.setInterruptHandler(() => performance.now() > end);
    const grown = (): number => wasmMemory.buffer.byteLength - OWN_MB * MIB;
    return { runtime, full: () => grown() > MOST_OF_MEMORY * call.memoryMb * MIB };
}

/** The session of one call. It ends with its thread: nothing is freed before. */
class Session {
    private readonly vm: QuickJSContext;
    private openQuestions = 0;
    private ended = false;
    private settle: QuickJSHandle | undefined;

    public constructor(
        private readonly call: SandboxCall,
        private readonly runtime: QuickJSRuntime,
        private readonly full: () => boolean,
        private readonly done: (answer: SandboxAnswer) => void,
    ) {
        this.vm = runtime.newContext();
    }

    public start(): void {
        this.guarded(() => {
            const { vm, call } = this;
            const library = this.value(vm.evalCode(LIBRARY, "library"));
            const host = [this.ask(), this.begin(), this.finish(), vm.newNumber(call.mostCharacters)];
            const { settle, run } = this.members(this.value(vm.callFunction(library, vm.undefined, ...host)));
            this.settle = settle;
            const tool = this.value(vm.evalCode(call.source, "tool"));
            this.value(vm.callFunction(run, vm.undefined, tool, vm.newString(call.args), vm.newString(call.secrets)));
            this.pump();
        });
    }

    private members(library: QuickJSHandle): { settle: QuickJSHandle; run: QuickJSHandle } {
        return { settle: this.vm.getProp(library, "settle"), run: this.vm.getProp(library, "run") };
    }

    /** @throws Error with the sandbox's own message */
    private value(result: ReturnType<QuickJSContext["evalCode"]>): QuickJSHandle {
        if (result.error !== undefined) {
            throw this.errorOf(result.error);
        }
        return result.value;
    }

    private errorOf(handle: QuickJSHandle): Error {
        const thrown: unknown = this.vm.dump(handle);
        const message = typeof thrown === "object" && thrown !== null && "message" in thrown ? thrown.message : thrown;
        return new Error(typeof message === "string" ? message.slice(0, 2000) : "");
    }

    private end(answer: SandboxAnswer): void {
        if (!this.ended) {
            this.ended = true;
            this.done("fault" in answer ? { fault: faultOf(answer.fault, this.call) } : answer);
        }
    }

    /** A trap of the WebAssembly module is an exception here; the module is not used again. */
    private guarded(work: () => void): void {
        if (!this.ended) {
            try {
                work();
            } catch (thrown) {
                this.end({ fault: thrown instanceof Error ? thrown.message : "it stopped the interpreter" });
            }
        }
    }

    private given(name: QuickJSHandle | undefined, json: QuickJSHandle | undefined): [string, readonly unknown[]] {
        return [textOf(this.vm, name, 20), JSON.parse(textOf(this.vm, json, MOST)) as unknown[]];
    }

    private async answer(work: () => unknown): Promise<string> {
        try {
            return JSON.stringify({ value: await work() });
        } catch (thrown) {
            return this.failed(thrown);
        }
    }

    private failed(thrown: unknown): string {
        const { message, cause } = thrown as Error;
        return JSON.stringify({ fault: cause instanceof Error ? `${message}: ${cause.message}` : message });
    }

    private ask(): QuickJSHandle {
        return this.vm.newFunction("ask", (name, json) => {
            try {
                return this.vm.newString(JSON.stringify({ value: answerNow(...this.given(name, json), this.call.access) }));
            } catch (thrown) {
                return this.vm.newString(this.failed(thrown));
            }
        });
    }

    private begin(): QuickJSHandle {
        return this.vm.newFunction("begin", (id, name, json) => {
            const number = this.vm.getNumber(id);
            if (this.openQuestions >= MOST_OPEN) {
                throw new Error(`more than ${MOST_OPEN} calls of LIB at once`);
            }
            const [asked, given] = this.given(name, json);
            this.openQuestions += 1;
            void this.answer(() => answerLater(asked, given, this.call.access)).then((answer) => this.answered(number, answer));
        });
    }

    private answered(id: number, answer: string): void {
        this.openQuestions -= 1;
        this.guarded(() => {
            const { vm } = this;
            this.value(vm.callFunction(this.settle ?? vm.undefined, vm.undefined, vm.newNumber(id), vm.newString(answer)));
            this.pump();
        });
    }

    private finish(): QuickJSHandle {
        return this.vm.newFunction("finish", (fault, text) => {
            const { vm, call } = this;
            if (vm.typeof(fault) === "undefined") {
                this.end({ text: textOf(vm, text, call.mostCharacters + 1) });
            } else {
                this.end({ fault: textOf(vm, fault, 2000) });
            }
        });
    }

    private readonly pump = (): void => {
        this.guarded(() => {
            const result = this.runtime.executePendingJobs(JOBS_IN_A_ROW);
            if (result.error !== undefined) {
                throw this.errorOf(result.error);
            }
            if (this.runtime.hasPendingJob()) {
                setImmediate(this.pump);
            } else if (this.openQuestions === 0) {
                this.end({ fault: this.full() ? "out of memory" : "it waits for something that never comes" });
            }
        });
    };
}

/** Never rejects. */
export async function runInSandbox(call: SandboxCall): Promise<SandboxAnswer> {
    try {
        const { runtime, full } = await open(call);
        return await new Promise<SandboxAnswer>((resolve) => {
            new Session(call, runtime, full, resolve).start();
        });
    } catch (thrown) {
        return { fault: `the sandbox could not be started: ${String(thrown)}` };
    }
}
