// Ratios of the engine on this machine, each pair measured in turn in one run, medians of all rounds:
//
//   node bench/parallel.mjs MODEL.gguf [ROUNDS] [DISTJS]
//
// MODEL is an instruct model; DISTJS is what `npm run buildjs` wrote (./distjs). Needs `npm run patch`.
import {resolve} from "node:path";
import {pathToFileURL} from "node:url";

const [file, rounds = "5", distjs = "distjs"] = process.argv.slice(2);
if (file === undefined) {
    console.error("usage: node bench/parallel.mjs MODEL.gguf [ROUNDS] [DISTJS]");
    process.exit(2);
}
const load = (name) => import(pathToFileURL(resolve(distjs, name)).href);
const {LlamaEngine} = await load("engine/llama-engine.js");
const {threadsOfThisProcess} = await load("cpu/cgroup.js");

const silent = {write: (kind, pipe, message) => kind === "error" && console.error(pipe, message)};
const PARALLEL = 8;
const threads = threadsOfThisProcess();

async function open(slots) {
    const settings = {slots, contextSize: 4096, batchSize: 0, queueSize: 1};
    const engine = new LlamaEngine({type: "cpu", reason: "bench", gpu: false}, threads, settings, silent);
    await engine.start();
    const model = await engine.load({name: "bench", file: resolve(file)}, () => false, new AbortController().signal);
    return {engine, model};
}

let serial = 0;
const words = (count) => {
    serial += 1;
    return Array.from({length: count}, (_, index) => `word${(serial * 7919 + index * 31) % 977}`).join(" ");
};

/** One chat; system and user texts differ from all before unless given. */
async function chat({engine, model}, {system = `You are assistant ${words(3)}.`, user = `Tell a long story of ${words(3)}.`, maxTokens = 48} = {}) {
    const began = performance.now();
    let first;
    const {usage} = await engine.generate(
        model,
        {
            kind: "chat",
            messages: [{role: "system", content: system}, {role: "user", content: user}],
            options: {temperature: 0, topP: 0.1, topK: 10, minP: 0, maxTokens, repeatPenalty: 1}
        },
        {signal: new AbortController().signal, onChunk: () => (first ??= performance.now())}
    );
    const ended = performance.now();
    return {began, first: first ?? ended, ended, usage};
}

const rate = (answers) => {
    const tokens = answers.reduce((sum, {usage}) => sum + usage.completionTokens - 1, 0);
    return (tokens / (Math.max(...answers.map(({ended}) => ended)) - Math.min(...answers.map(({first}) => first)))) * 1000;
};

const one = await open(1);
const many = await open(PARALLEL);
const figures = new Map();
const note = (name, value) => figures.set(name, [...(figures.get(name) ?? []), value]);

for (let round = 0; round <= Number(rounds); round++) {
    const row = {};
    const single = await chat(one);
    row["1 stream on 1 slot, tokens/s"] = rate([single]);
    row[`1 stream on ${PARALLEL} slots, tokens/s`] = rate([await chat(many)]);
    // Their prompts are read before: what counts is how they are answered.
    const asked = Array.from({length: PARALLEL}, () => ({user: `Tell a long story of ${words(3)}.`, system: "You tell stories."}));
    await Promise.all(asked.map((prompt) => chat(many, {...prompt, maxTokens: 1})));
    const parallel = await Promise.all(asked.map((prompt) => chat(many, prompt)));
    row[`${PARALLEL} streams, tokens/s`] = rate(parallel);
    row[`${PARALLEL} streams / 1 stream`] = rate(parallel) / rate([single]);

    const short = {user: `Say ${words(2)}.`, maxTokens: 2};
    const alone = await chat(many, short);
    const long = chat(many, {user: words(500), maxTokens: 2});
    await new Promise((accept) => setTimeout(accept, 300 + Math.random() * 400));
    const beside = await chat(many, {...short, user: `Say ${words(2)}.`});
    const longAnswer = await long;
    row["long prompt, tokens"] = longAnswer.usage.promptTokens;
    row["long prompt, tokens/s"] = (longAnswer.usage.promptTokens / (longAnswer.first - longAnswer.began)) * 1000;
    row["first token alone, ms"] = alone.first - alone.began;
    row["first token beside a long prompt / alone"] = (beside.first - beside.began) / (alone.first - alone.began);

    const system = `Rules: ${words(250)}.`;
    const cold = await chat(many, {system, maxTokens: 2});
    const warm = await chat(many, {system, maxTokens: 2});
    row["system prompt, tokens"] = cold.usage.promptTokens;
    row["first token, system prompt known / new"] = (warm.first - warm.began) / (cold.first - cold.began);
    const [, copied] = await Promise.all([chat(many, {system, maxTokens: 24}), chat(many, {system, maxTokens: 2})]);
    row["same, its slot being busy / new"] = (copied.first - copied.began) / (cold.first - cold.began);

    // The first round only warms up.
    process.stderr.write(`round ${round}: ${Object.values(row).map((value) => value.toFixed(2)).join(" ")}\n`);
    if (round > 0) for (const [name, value] of Object.entries(row)) note(name, value);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
console.log(`${threads} threads, ${rounds} rounds: median (least .. most)`);
for (const [name, values] of figures)
    console.log(`${name.padEnd(44)} ${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} .. ${Math.max(...values).toFixed(2)})`);
await one.engine.close();
await many.engine.close();
