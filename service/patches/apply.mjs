// Patches the JavaScript of node-llama-cpp with javascript/*.diff, in the order of their names. README.md
// says why. The program `patch` has to be installed.
//
//   node patches/apply.mjs [NODE_MODULES]          patches the library in that folder (./node_modules)
//   node patches/apply.mjs --undo [NODE_MODULES]   makes it what was released
//
// It may run again: a patched library stays as it is. Exit 1, with the reason, where the version is another one or
// a diff does not fit; exit 2 for other options or a second folder. Then nothing is changed.
import {spawnSync} from "node:child_process";
import {cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync} from "node:fs";
import {join} from "node:path";

const VERSION = "3.22.1";

const words = process.argv.slice(2);
const undo = words.includes("--undo");
const folders = words.filter((word) => word !== "--undo");
const library = join(folders[0] ?? "node_modules", "node-llama-cpp");
const folder = join(import.meta.dirname, "javascript");
const diffs = readdirSync(folder).filter((name) => name.endsWith(".diff")).sort().map((name) => join(folder, name));
/** The library's files that the diffs name. */
const files = [...new Set(diffs.flatMap((diff) => [...readFileSync(diff, "utf8").matchAll(/^\+\+\+ b\/(\S+)$/gm)].map(([, file]) => file ?? "")))];
/** The folder of the copies, once there is one. @type {string | undefined} */
let copies;

/** @param {string} why */
function refuse(why) {
    console.error(`patches/apply.mjs: ${why}`);
    process.exitCode = 1;
}

/**
 * A copy of the library's files, where `patch` may fail half-way.
 * @param {string} parent
 */
function copy(parent) {
    const place = mkdtempSync(join(parent, "copy-"));
    files.forEach((file) => cpSync(join(library, file), join(place, file)));
    return place;
}

/**
 * Why a diff does not fit the copy, or undefined after it was applied.
 * @param {string} place
 * @param {string} diff
 * @param {...string} more options of `patch`
 */
function fault(place, diff, ...more) {
    const options = ["--strip=1", "--fuzz=0", "--no-backup-if-mismatch", "--force", "--silent", "--reject-file=-"];
    const done = spawnSync("patch", [...options, ...more, `--directory=${place}`], {input: readFileSync(diff), encoding: "utf8"});
    if (done.error) return `the program \`patch\` did not start (${done.error.message}). Install it (Debian: apt-get install patch)`;
    if (done.status === 0) return undefined;
    return `${diff} does not fit ${library} (after a change of the diffs, run \`npm ci\` first): ${done.stdout}${done.stderr}`.trim();
}

function run() {
    /** @type {unknown} */
    const parsed = JSON.parse(readFileSync(join(library, "package.json"), "utf8"));
    const {version} = /** @type {{version: string}} */ (parsed);
    if (version !== VERSION) {
        refuse(`${library} is ${version}, the patches are for ${VERSION}`);
        return;
    }
    // In the library's folder: a rename then replaces a file at once, also one that npm's or pnpm's store shares.
    const parent = copies = mkdtempSync(join(library, ".patch-"));
    let released = copy(parent);
    const patched = diffs.toReversed().every((diff) => fault(released, diff, "--reverse") === undefined);
    if (!patched) released = copy(parent);
    const result = copy(parent);
    for (const diff of patched ? [] : diffs) {
        const why = fault(result, diff);
        if (why !== undefined) {
            refuse(why);
            return;
        }
    }
    if (undo === patched) files.forEach((file) => renameSync(join(undo ? released : result, file), join(library, file)));
    console.log(`${library}: ${undo ? "as released" : patched ? "patched already" : `patched with ${diffs.length} diffs`}`);
}

try {
    if (folders.length > 1 || folders[0]?.startsWith("-")) {
        refuse(`${folders.join(" ")}: write node patches/apply.mjs [--undo] [NODE_MODULES]`);
        process.exitCode = 2;
    } else run();
} catch (thrown) {
    refuse(thrown instanceof Error ? thrown.message : String(thrown));
} finally {
    if (copies !== undefined) rmSync(copies, {recursive: true, force: true});
}
