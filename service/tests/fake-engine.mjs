/**
 * A program that speaks the engine's protocol and computes nothing: it is told by each call's words what to do. It shares
 * no code with the service, so that both sides of the protocol are written twice.
 *
 * A word is the name of a model's file, the prompt of a completion, a text to embed, the title of a schema, or (for the
 * start and the unloading) in the variable FAKE_ENGINE, with a file that says whether it has happened: then it does not again.
 */

import { Socket } from "node:net";
import { existsSync, writeFileSync } from "node:fs";
import { deserialize, serialize } from "node:v8";

const channel = new Socket({ fd: 3, readable: true, writable: true });
const { FAKE_ENGINE = "", FAKE_ONCE = "" } = process.env;

/** @param {object} message */
function send(message) {
    const body = serialize(message);
    const head = Buffer.alloc(4);
    head.writeUInt32LE(body.length);
    channel.write(Buffer.concat([head, body]));
}

/** @param {number} msec */
const pause = (msec) => new Promise((resolve) => setTimeout(resolve, msec));

/** @type {Readonly<Record<string, () => unknown>>} Each ends this process, or leaves it of no use. */
const FAULTS = {
    kill: () => process.kill(process.pid, "SIGKILL"),
    stop: () => process.kill(process.pid, "SIGSTOP"),
    abort: () => process.abort(),
    segv: () => process.kill(process.pid, "SIGSEGV"),
    exit: () => process.exit(7),
    throw: () => setImmediate(() => { throw new Error("nobody catches this"); }),
    heap: () => { const kept = []; for (;;) kept.push(new Array(1e6).fill(kept.length + 0.5)); },
    loop: () => { for (;;); },
    close: () => channel.destroy(),
    garbage: () => channel.write(Buffer.from("this is no message, whatever it is")),
    long: () => channel.write(Buffer.from([255, 255, 255, 255, 0])),
    unknown: () => send({ type: "nonsense" }),
    unkind: () => send({ type: "failed", call: 1, error: { kind: "toString", message: "m" } }),
    broken: () => send({ type: "packet", pieces: [{ call: "one", chunks: 3 }] }),
};

/**
 * @param {string} word
 * @param {string} moment
 * @returns whether the fault happened, and the call gets no answer
 */
async function suffer(word, moment) {
    const [when, fault = "", how] = word.split(":");
    const happen = FAULTS[fault];
    if (when !== moment || happen === undefined) {
        return false;
    }
    if (how === "once") {
        if (existsSync(FAKE_ONCE)) {
            return false;
        }
        writeFileSync(FAKE_ONCE, "");
    }
    if (fault !== "stop") {
        // What was sent before has arrived.
        await pause(50);
    }
    happen();
    await pause(3_600_000);
    return true;
}

/** @type {Map<number, (value: unknown) => void>} */
const aborted = new Map();
/** @type {Map<number, (value: boolean) => void>} */
const granted = new Map();
/** @type {Map<number, object>} */
const models = new Map();
let last = 0;

/** @type {Readonly<Record<string, (given: any, call: number) => Promise<unknown>>>} What each needs stands in protocol.ts. */
const CALLS = {
    async start() {
        await suffer(FAKE_ENGINE, "start");
        if (FAKE_ENGINE === "refuse") {
            throw { kind: "start", exitCode: 3, lines: ["no device", "none at all"], message: "no device" };
        }
        return null;
    },
    async load({ spec }, call) {
        for (const [id] of [...models]) {
            send({ type: "claim", call, model: id });
            if (await new Promise((resolve) => granted.set(id, resolve))) {
                await suffer(FAKE_ENGINE, "unload");
                models.delete(id);
            }
        }
        await suffer(spec.file, "load");
        if (spec.file === "busy") {
            throw { kind: "memory-busy", message: "all memory is in use" };
        }
        last += 1;
        models.set(last, spec);
        return { id: last, info: { spec, sizeBytes: 1, loadTimestamp: 1, gpulayer: 0, contextSize: spec.contextSize ?? 512, trainContextSize: 512, slots: 4, batchSize: 64 } };
    },
    async generate({ model, request, stream }, call) {
        if (!models.has(model)) {
            throw { kind: "service", statusCode: 500, message: "no such model" };
        }
        const { prompt } = request;
        await suffer(prompt, "prompt");
        if (prompt === "overflow") {
            throw { kind: "overflow", of: "prompt", message: "too long" };
        }
        if (stream) {
            send({ type: "packet", pieces: [{ call, chunks: [{ kind: "text", text: "a", tokens: 1 }, { kind: "reasoning", text: "b", tokens: 2 }] }] });
        }
        await suffer(prompt, "generation");
        if (prompt === "wait") {
            await new Promise((resolve) => aborted.set(call, resolve));
            throw { kind: "other", message: "aborted" };
        }
        return { text: prompt, toolCalls: [], finishReason: "stop", usage: { promptTokens: 1, completionTokens: 1, tokensPerSecond: 1 } };
    },
    async embed({ texts }, call) {
        await suffer(texts[0], "embed");
        texts.forEach((/** @type {string} */ text) => send({ type: "vector", call, vector: Float64Array.from([text.length, 0.5]) }));
        return { tokens: texts.length };
    },
    async checkGrammar({ schema }) {
        await suffer(schema.title ?? "", "grammar");
        return "";
    },
    device: async () => ({ device: "fake", totalVramMb: 1, usedVramMb: 0 }),
    async close() {
        await suffer(FAKE_ENGINE, "end");
        return null;
    },
};

/** @param {any} order as protocol.ts says */
async function take(order) {
    if (order.type === "abort") {
        aborted.get(order.call)?.(undefined);
    } else if (order.type === "claimed") {
        granted.get(order.model)?.(order.granted);
    } else {
        try {
            send({ type: "result", call: order.call, value: await CALLS[order.name]?.(order.given, order.call) });
        } catch (error) {
            send({ type: "failed", call: order.call, error: error instanceof Error ? { kind: "other", message: error.message } : error });
        }
    }
}

/** @type {Buffer[]} */
let parts = [];
let bytes = 0;
/** Of the message that is coming, with its head; undefined: not known yet. */
let wanted = /** @type {number | undefined} */ (undefined);
channel.on("data", (part) => {
    parts.push(part);
    bytes += part.length;
    while (bytes >= (wanted ?? 4)) {
        const held = Buffer.concat(parts);
        wanted = 4 + held.readUInt32LE();
        parts = [held];
        if (bytes < wanted) {
            return;
        }
        void take(deserialize(held.subarray(4, wanted)));
        parts = [held.subarray(wanted)];
        bytes -= wanted;
        wanted = undefined;
    }
});
channel.on("close", () => process.kill(process.pid, "SIGKILL"));
send({ type: "hello", protocol: 1 });
setInterval(() => send({ type: "beat", stepMsec: 0, residentBytes: process.memoryUsage.rss() }), 100);
