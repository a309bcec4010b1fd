// Corrects batching, aborting and copying in node-llama-cpp 3.22.1, and nothing else. README.md beside this says why.
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

/** Methods of a sequence. Each line names us, by which the test takes them out again. */
const ADDED = `
    _mentatorSignal = undefined;
    /** mentator: what waits in the queue is taken out of it; what was computed of it is kept. */
    async _mentatorWithdraw(signal) {
        await withLock([this._context, "context"], () => { // mentator: between two batches, so no piece is half computed
            if (this._mentatorSignal !== signal) // mentator: the sequence is another request's by now
                return; // mentator
            for (const queued of this._context._queuedDecodes.filter((item) => item.sequenceId === this._sequenceId)) { // mentator
                const computed = queued.mentatorWhole.slice(0, queued.mentatorWhole.length - queued.tokens.length); // mentator
                this._contextTokens = this._contextTokens.concat(computed); // mentator
                this._nextTokenIndex += computed.length; // mentator
                this._context._dispatchErrorForQueuedDecodesAndDequeue(new Set([queued]), signal.reason); // mentator
            } // mentator
        }); // mentator
    } // mentator
    /** mentator: takes over the first tokens of a sequence that may be computing: then it has cells beyond its list of tokens. */
    async _mentatorCopy(source, upTo) {
        return await withLock([this._context, "context"], async () => { // mentator
            const { _ctx } = this._context; // mentator
            const last = await _ctx.copySequenceStateFromOtherSequence(this._sequenceId, source._sequenceId); // mentator
            const count = Math.min(upTo, source._contextTokens.length); // mentator
            const whole = last >= count - 1 && (last < count || _ctx.removeTokenCellsFromSequence(this._sequenceId, count, -1)); // mentator
            if (!whole) // mentator
                _ctx.disposeSequence(this._sequenceId); // mentator
            this._contextTokens = whole ? source._contextTokens.slice(0, count) : []; // mentator
            this._nextTokenIndex = this._contextTokens.length; // mentator
            return whole; // mentator
        }); // mentator
    } // mentator
`.slice(1);

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
        // The queue forgets the tokens that were computed as they are computed.
        why: "remember what a queued piece began as",
        from: `            this._queuedDecodes.push({
                sequenceId,
                tokens,
`,
        to: `            this._queuedDecodes.push({
                sequenceId,
                tokens,
                mentatorWhole: tokens,
`
    },
    {
        why: "let nothing of an aborted request into the queue",
        from: `            const generatedLogits = await this._context._decodeTokens({
`,
        to: `            this._mentatorSignal?.throwIfAborted();
            const generatedLogits = await this._context._decodeTokens({
`
    },
    {
        why: "take an aborted request out of the queue, and copy a sequence that others go on with",
        from: `    /**
     * Clear the history of the sequence.
     */
`,
        to: `${ADDED}    /**
     * Clear the history of the sequence.
     */
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
        // By a correction of before.
        if (count(corrected, to) === 1) continue;
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
