// Corrects the batching of node-llama-cpp 3.22.1, and nothing else. README.md beside this says why.
//
//   node patches/apply.mjs [NODE_MODULES]     corrects the library in that folder (./node_modules)
//   node patches/apply.mjs --check [...]      only says whether it is corrected
//
// Exit 1, with a line that says why, when the version or the text to correct is another one: then see
// what the new release does, and correct or remove this.
import {readFileSync, renameSync, rmSync, writeFileSync} from "node:fs";
import {join} from "node:path";

const LIBRARY = "node-llama-cpp";
const VERSION = "3.22.1";
const FILE = "dist/evaluator/LlamaContext/LlamaContext.js";

const REPLACEMENTS = [
    {
        // The sequences that were just decoded queue their next tokens in the microtasks and immediates that
        // follow, as does a new one that just got this lock to make its state fit.
        why: "wait for every sequence's next token before a batch is put together",
        from: `        void withLock([this, "context"], async () => {
            this._currentDispatchBatchHandle = {};
`,
        to: `        void withLock([this, "context"], async () => {
            await new Promise((resolve) => setImmediate(resolve)); // mentator: let every sequence queue its next token
            this._currentDispatchBatchHandle = {};
`
    },
    {
        // A sequence waits for this lock to forget a part of its state.
        why: "give back the lock between batches",
        from: `                        await decodeTokenBatchItems(currentBatchItems, currentBatchSize);
                        shouldHaveAnotherLoop = this._queuedDecodes.length > 0;
`,
        to: `                        await decodeTokenBatchItems(currentBatchItems, currentBatchSize);
                        shouldHaveAnotherLoop = false; // mentator: give the lock to who waits for it
                        if (this._queuedDecodes.length > 0)
                            this.dispatchPendingBatch();
`
    },
    {
        // llama.cpp computes sequences together only where their ids follow one another (llama_batch_allocr::split_equal).
        why: "order a batch by sequence id",
        from: `                return {
                    currentBatchItems,
                    currentBatchSize
                };
`,
        to: `                currentBatchItems.sort((a, b) => a.queuedDecode.sequenceId - b.queuedDecode.sequenceId); // mentator: only consecutive ids are computed together
                return {
                    currentBatchItems,
                    currentBatchSize
                };
`
    },
    {
        why: "let the service see that it is corrected",
        from: `export class LlamaContext {
`,
        to: `export class LlamaContext {
    static mentatorBatching = true;
`
    }
];

const count = (text, part) => text.split(part).length - 1;

function refuse(why) {
    console.error(`patches/apply.mjs: ${why}`);
    process.exit(1);
}

function correct(text, file) {
    let corrected = text;
    for (const {why, from, to} of REPLACEMENTS) {
        if (count(text, from) !== 1) refuse(`${file} is not the one of ${VERSION}: no single place to "${why}"`);
        corrected = corrected.replace(from, () => to);
    }
    return corrected;
}

const words = process.argv.slice(2);
const folder = join(words.find((word) => !word.startsWith("--")) ?? "node_modules", LIBRARY);
const file = join(folder, FILE);
let version;
let text;
try {
    ({version} = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
    text = readFileSync(file, "utf8");
} catch (thrown) {
    refuse(thrown.message);
}
if (version !== VERSION) refuse(`${folder} is ${version}, the correction was made for ${VERSION}`);

if (REPLACEMENTS.every(({to}) => count(text, to) === 1)) {
    console.log(`${file}: corrected`);
} else if (words.includes("--check")) {
    refuse(`${file} is not corrected: run \`npm run patch\``);
} else {
    // By rename: a package manager may have linked the file to a store that others use too.
    const partial = `${file}.part`;
    try {
        writeFileSync(partial, correct(text, file));
        renameSync(partial, file);
    } finally {
        rmSync(partial, {force: true});
    }
    console.log(`${file}: corrected just now`);
}
