// Takes llama.cpp's prebuilt packages out of a package-lock.json, but for those named as arguments.
//
// node-llama-cpp lists prebuilt binaries for every platform and GPU as optional dependencies, and
// npm has no switch that leaves out some of them: `npm ci` would fetch 650 MB for 30 MB of use.
// What stays in the lock keeps its integrity sum.
import {readFileSync, writeFileSync} from "node:fs";

const SCOPE = "@node-llama-cpp/";
const [path, ...names] = process.argv.slice(2);
if (path === undefined) {
    console.error("usage: prune-lock.mjs LOCK [PREBUILT ...]");
    process.exit(2);
}

const keep = new Set(names.map((name) => SCOPE + name));
const lock = JSON.parse(readFileSync(path, "utf8"));
const found = new Set();

for (const [place, entry] of Object.entries(lock.packages)) {
    const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
    if (name.startsWith(SCOPE)) {
        if (keep.has(name)) found.add(name);
        else delete lock.packages[place];
    }
    for (const optional of Object.keys(entry.optionalDependencies ?? {}))
        if (optional.startsWith(SCOPE) && !keep.has(optional)) delete entry.optionalDependencies[optional];
}

const missing = [...keep].filter((name) => !found.has(name));
if (missing.length > 0) {
    console.error(`${path} does not hold ${missing.join(", ")}: is node-llama-cpp a dependency?`);
    process.exit(1);
}
writeFileSync(path, JSON.stringify(lock, null, 2));
