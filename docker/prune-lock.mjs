// Takes out of package.json and package-lock.json what an image's node_modules do not need, so that
// `npm ci` neither fetches nor installs it. What stays in the lock keeps its integrity sum.
//
//   prune-lock.mjs FOLDER [--production] [PREBUILT ...]
//
// Always: llama.cpp's prebuilt packages but for those named. node-llama-cpp lists prebuilt binaries
// for every platform and GPU as optional dependencies, and npm has no switch that leaves out some of
// them: it would fetch 650 MB for 30 MB of use.
// With --production: the development dependencies, also those that `npm ci --omit=dev` keeps because
// some package names them as an optional peer (node-llama-cpp does so with TypeScript, 20 MB).
import {readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";

const SCOPE = "@node-llama-cpp/";
const MODULES = "node_modules/";

const [folder, ...rest] = process.argv.slice(2);
if (folder === undefined) {
    console.error("usage: prune-lock.mjs FOLDER [--production] [PREBUILT ...]");
    process.exit(2);
}
const production = rest.includes("--production");
const prebuilts = new Set(rest.filter((word) => !word.startsWith("--")).map((name) => SCOPE + name));

const lock = read("package-lock.json");
prunePrebuilts(lock.packages, prebuilts);
if (production) {
    const manifest = read("package.json");
    delete manifest.devDependencies;
    delete lock.packages[""].devDependencies;
    pruneDevelopment(lock.packages);
    write("package.json", manifest);
}
write("package-lock.json", lock);

function prunePrebuilts(packages, keep) {
    const found = new Set();
    for (const [place, entry] of Object.entries(packages)) {
        const name = nameOf(place);
        if (keep.has(name)) found.add(name);
        else if (name.startsWith(SCOPE)) delete packages[place];
        for (const optional of Object.keys(entry.optionalDependencies ?? {}))
            if (optional.startsWith(SCOPE) && !keep.has(optional)) delete entry.optionalDependencies[optional];
    }
    const missing = [...keep].filter((name) => !found.has(name));
    if (missing.length > 0) {
        console.error(`${folder} does not lock ${missing.join(", ")}: is node-llama-cpp a dependency?`);
        process.exit(1);
    }
}

function pruneDevelopment(packages) {
    for (const [place, entry] of Object.entries(packages)) if (entry.dev) delete packages[place];
    // What is left of those goes too, until nothing more is without somebody that wants it.
    for (let pruned = true; pruned; ) {
        pruned = false;
        const wanted = new Set(
            Object.values(packages).flatMap((entry) =>
                Object.keys({...entry.dependencies, ...entry.optionalDependencies})
            )
        );
        for (const [place, entry] of Object.entries(packages))
            if (entry.devOptional && !wanted.has(nameOf(place))) {
                delete packages[place];
                pruned = true;
            }
    }
}

function nameOf(place) {
    const at = place.lastIndexOf(MODULES);
    return at < 0 ? "" : place.slice(at + MODULES.length);
}

function read(name) {
    return JSON.parse(readFileSync(join(folder, name), "utf8"));
}

function write(name, value) {
    writeFileSync(join(folder, name), JSON.stringify(value, null, 2));
}
