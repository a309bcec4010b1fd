// Proves one backend: `node probe.mjs WORD MODEL`, started in the application's folder, with
// GGML_BACKEND_PATH naming the backend's plugin; WORD is node-llama-cpp's for its `gpu`, or false. Loads
// it with the application's own node-llama-cpp, lists the devices, puts every layer of a tiny model on
// them and decodes a token.
//
// This is the child that may hang or crash: proof.mjs starts it with a time limit, and reads what it
// and the driver's libraries print. Good: exit 0, and one line of JSON
//   {"summary", "devices", "vram", "free", "tokens", "ms"}     vram in bytes, ms from the start of Node
// Not good: exit 1 and a line "reason: ...", or however a crash ends it (128 + its signal).
import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";
import { constants } from "node:os";
import { resolve } from "node:path";

import { openLlama } from "./llama.mjs";

/** @typedef {import("./llama.mjs").Llama} Llama */

const PROMPT_TOKENS = 64; // enough for the vendor's BLAS library to be asked
const ALL_LAYERS = 3; // the tiny model's two, and its output
const FIRST_BYTE_TOKEN = 3; // of the tiny model: see tiny-model.mjs

class Rejected extends Error {}

/**
 * node-llama-cpp tries its library in a fork of its own first, whose words and death it keeps to
 * itself. They are what we came for: the fork shares our output, and its last signal is noted.
 * @returns {() => NodeJS.Signals | undefined} what ended a fork, where it was a crash
 */
function shareForks() {
    /** @type {NodeJS.Signals | undefined} */
    let crash;
    const { fork } = childProcess;
    /**
     * @param {string | URL} file
     * @param {readonly string[]} [args]
     * @param {childProcess.ForkOptions} [options]
     */
    const shared = (file, args, options) => {
        const child = fork(file, args, { ...options, stdio: ["ignore", "inherit", "inherit", "ipc"] });
        child.on("exit", (_, signal) => {
            if (signal !== null && signal !== "SIGKILL") { // which is how node-llama-cpp ends a live fork
                crash ??= signal;
            }
        });
        return child;
    };
    Object.assign(childProcess, { fork: shared });
    syncBuiltinESMExports();
    return () => crash;
}

/**
 * @param {string | false} gpu
 * @param {string} model
 */
async function prove(gpu, model) {
    const llama = await openLlama({
        gpu,
        maxThreads: 1,
        debug: true, // ggml writes its log at once; by way of JavaScript it would be lost in an abort
    });
    if (llama.gpu !== gpu) {
        throw new Rejected(`the backend was not taken: node-llama-cpp runs on ${llama.gpu || "the CPU"}`);
    }
    const devices = await llama.getGpuDeviceNames();
    const { total, free = total } = await llama.getVramState();
    if (gpu !== false && devices.length === 0) {
        throw new Rejected("the backend finds no device");
    }
    const decoded = await decode(llama, gpu === false ? 0 : ALL_LAYERS, model);
    const ms = Math.round(performance.now());
    const names = gpu === false ? "CPU" : `${devices.join(", ")}, ${(total / 2 ** 30).toFixed(1)} GiB`;
    const summary = `${names}, ${decoded} tokens in ${ms} ms`;
    return { summary, devices, ...(gpu === false ? {} : { vram: total, free }), tokens: decoded, ms };
}

/**
 * @param {Llama} llama
 * @param {number} gpuLayers
 * @param {string} model
 * @returns {Promise<number>} how many tokens it decoded: one, or two
 */
async function decode(llama, gpuLayers, model) {
    // Nothing is estimated first: whether it fits shows in the trying.
    const ignoreMemorySafetyChecks = true;
    const loaded = await llama.loadModel({ modelPath: resolve(model), gpuLayers, ignoreMemorySafetyChecks });
    if (loaded.gpuLayers !== gpuLayers) {
        throw new Rejected(`${loaded.gpuLayers} of ${gpuLayers} layers went to the GPU`);
    }
    const sizes = { contextSize: 256, batchSize: PROMPT_TOKENS };
    const context = await loaded.createContext({ ...sizes, ignoreMemorySafetyChecks });
    const prompt = Array.from({ length: PROMPT_TOKENS }, (_, index) => FIRST_BYTE_TOKEN + index);
    let decoded = 0;
    for await (const token of context.getSequence().evaluate(prompt, { temperature: 0 })) {
        decoded += Number.isInteger(token) ? 1 : 0;
        if (decoded === 2) { // the second one comes of a batch of one token: other kernels
            break;
        }
    }
    if (decoded === 0) {
        throw new Rejected("the tiny model decoded no token");
    }
    return decoded;
}

/** @param {unknown} error */
function ending(error) {
    const words = error instanceof Rejected ? error.message : String(error);
    return `\nreason: ${words.replace(/\s+/g, " ").trim()}\n`;
}

const [word = "false", model = ""] = process.argv.slice(2);
const crash = shareForks();
try {
    const proof = await prove(word === "false" ? false : word, model);
    // Written before the libraries are unloaded, and the end not left to them: a driver that hangs on
    // its way out has computed all the same.
    process.stdout.write(`\n${JSON.stringify(proof)}\n`, () => process.exit(0));
} catch (error) {
    const signal = crash();
    const code = signal === undefined ? 1 : 128 + constants.signals[signal];
    process.stdout.write(ending(error), () => process.exit(code));
}
