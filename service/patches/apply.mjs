// Corrects the JavaScript of node-llama-cpp 3.22.1 by the table in replacements.mjs. README.md beside this
// says why, and what addon/ is.
//
//   node patches/apply.mjs [NODE_MODULES]     corrects the library in that folder (./node_modules)
//   node patches/apply.mjs --check [...]      only says whether it is corrected
//   node patches/apply.mjs --undo [...]       makes it what was released
//
// Exit 1, with a line that says why, when the version or the text to correct is another one: then see
// what the new release does, and correct or remove this.
import {readFileSync, renameSync, rmSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {REPLACEMENTS} from "./replacements.mjs";

const LIBRARY = "node-llama-cpp";
const VERSION = "3.22.1";
const FILE = "dist/evaluator/LlamaContext/LlamaContext.js";

const count = (text, part) => text.split(part).length - 1;

function refuse(why) {
    console.error(`patches/apply.mjs: ${why}`);
    process.exit(1);
}

function undo(text) {
    return REPLACEMENTS.reduceRight((whole, {from, to}) => whole.replace(to, () => from), text);
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

if (words.includes("--undo")) {
    write(undo(text));
    console.log(`${file}: as released`);
} else if (REPLACEMENTS.every(({to}) => count(text, to) === 1)) {
    console.log(`${file}: corrected`);
} else if (words.includes("--check")) {
    refuse(`${file} is not corrected: run \`npm run patch\``);
} else {
    write(correct(text, file));
    console.log(`${file}: corrected just now`);
}

/** By rename: a package manager may have linked the file to a store that others use too. */
function write(changed) {
    const partial = `${file}.part`;
    try {
        writeFileSync(partial, changed);
        renameSync(partial, file);
    } finally {
        rmSync(partial, {force: true});
    }
}
