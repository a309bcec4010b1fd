// Proves one backend: `node probe.mjs cuda|rocm|cpu MODEL`, started in the application's folder, with
// GGML_BACKEND_PATH naming the backend's .so. Loads it with the application's own node-llama-cpp,
// lists the devices, puts every layer of a tiny model on them and decodes a token.
//
// This is the child that may hang or crash: docker/prove-backend.sh starts it with a time limit, and
// reads what it and the driver's libraries print. Good: exit 0, and one line of JSON
//   {"summary", "devices", "vram", "tokens", "ms"}     vram in bytes, ms from the start of Node
// Not good: exit 1 and a line "reason: ...", or however a crash ends it (128 + its signal).
import childProcess from 'node:child_process';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const promptTokens = 64; // enough for the vendor's BLAS library to be asked
const allLayers = 3; // the tiny model's two, and its output
const firstByteToken = 3; // of the tiny model: see tiny-model.mjs

const [backend, model] = process.argv.slice(2);
const gpu = backend === 'cpu' ? false : 'cuda'; // a HIP backend counts as "cuda" in node-llama-cpp

class Rejected extends Error {}

let forkSignal = null; // what ended node-llama-cpp's fork, where it was a crash

/**
 * node-llama-cpp tries its library in a fork of its own first, whose words and death it keeps to
 * itself. They are what we came for: the fork shares our output, and its last signal is noted.
 */
function shareForks() {
    const { fork } = childProcess;
    childProcess.fork = (file, args, options) => {
        const child = fork(file, args, { ...options, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
        child.on('exit', (_, signal) => {
            if (signal !== 'SIGKILL') { // which is how node-llama-cpp ends a live fork
                forkSignal ??= signal;
            }
        });
        return child;
    };
    syncBuiltinESMExports();
}

function gibibytes(bytes) {
    return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

async function prove() {
    const require = createRequire(resolve('package.json'));
    const library = await import(pathToFileURL(require.resolve('node-llama-cpp')));
    const llama = await library.getLlama({
        gpu,
        build: 'never',
        skipDownload: true,
        progressLogs: false,
        maxThreads: 1,
        debug: true, // ggml writes its log at once; by way of JavaScript it would be lost in an abort
    });
    if (llama.gpu !== gpu) {
        throw new Rejected(`the backend was not taken: node-llama-cpp runs on ${llama.gpu || 'the CPU'}`);
    }
    const devices = await llama.getGpuDeviceNames();
    const { total } = await llama.getVramState();
    if (gpu && devices.length === 0) {
        throw new Rejected('the backend finds no device');
    }
    // Nothing is estimated first: whether it fits shows in the trying.
    const ignoreMemorySafetyChecks = true;
    const loaded = await llama.loadModel({
        modelPath: resolve(model),
        gpuLayers: gpu ? allLayers : 0,
        ignoreMemorySafetyChecks,
    });
    if (gpu && loaded.gpuLayers !== allLayers) {
        throw new Rejected(`${loaded.gpuLayers} of ${allLayers} layers went to the GPU`);
    }
    const context = await loaded.createContext({
        contextSize: 256,
        batchSize: promptTokens,
        ignoreMemorySafetyChecks,
    });
    const prompt = Array.from({ length: promptTokens }, (_, index) => firstByteToken + index);
    let decoded = 0;
    for await (const token of context.getSequence().evaluate(prompt, { temperature: 0 })) {
        decoded += Number.isInteger(token) ? 1 : 0;
        if (decoded === 2) { // the second one comes of a batch of one token: other kernels
            break;
        }
    }
    if (decoded === 0) {
        throw new Rejected('the tiny model decoded no token');
    }
    const ms = Math.round(performance.now());
    const names = gpu ? devices.join(', ') : 'CPU';
    const summary = `${names}${gpu ? `, ${gibibytes(total)}` : ''}, ${decoded} tokens in ${ms} ms`;
    return { summary, devices, vram: gpu ? total : 0, tokens: decoded, ms };
}

function ending(error) {
    const words = error instanceof Rejected ? error.message : `${error?.name ?? 'Error'}: ${error?.message ?? error}`;
    return `\nreason: ${words.replace(/\s+/g, ' ').trim()}\n`;
}

shareForks();
prove().then(
    // Written before the libraries are unloaded, and the end not left to them: a driver that hangs on
    // its way out has computed all the same.
    (proof) => process.stdout.write(`\n${JSON.stringify(proof)}\n`, () => process.exit(0)),
    (error) => {
        const code = forkSignal ? 128 + constants.signals[forkSignal] : 1;
        process.stdout.write(ending(error), () => process.exit(code));
    },
);
