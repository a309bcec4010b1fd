// How fast a backend is: `node measure.mjs WORD MODEL`, started as probe.mjs is, with a real model. Prints one
// line of JSON: {"ms"}, for a batch of 64 tokens and 16 of one token, as a short answer takes them.
import { resolve } from "node:path";
import { availableParallelism } from "node:os";

import { openLlama } from "./llama.mjs";

const PROMPT = 64; // tokens
const ANSWER = 16;
const FIRST_TOKEN = 100; // of the vocabulary: any will do

const [word = "false", model = ""] = process.argv.slice(2);
const gpu = word === "false" ? false : word;
const llama = await openLlama({ gpu, maxThreads: availableParallelism() });
const ignoreMemorySafetyChecks = true;
const loaded = await llama.loadModel({ modelPath: resolve(model), gpuLayers: gpu === false ? 0 : "max", ignoreMemorySafetyChecks });
const context = await loaded.createContext({ contextSize: 512, batchSize: PROMPT, sequences: 2, ignoreMemorySafetyChecks });

async function answer() {
    const began = performance.now();
    const prompt = Array.from({ length: PROMPT }, (_, index) => FIRST_TOKEN + index);
    let tokens = 0;
    for await (const token of context.getSequence().evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
        tokens += Number.isInteger(token) ? 1 : 0;
        if (tokens === ANSWER) {
            break;
        }
    }
    return performance.now() - began;
}

await answer(); // kernels are loaded at the first time
const ms = await answer();
process.stdout.write(`\n${JSON.stringify({ ms: Math.round(ms) })}\n`, () => process.exit(0));
