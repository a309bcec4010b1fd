// Writes package.json and package-lock.json that hold some packages of a lock and what they need.
//
// A stage that copies these two files is rebuilt when those packages change and at no other edit
// of the application's own lock. What stays keeps its version and its integrity sum.
import {mkdirSync, readFileSync, writeFileSync} from "node:fs";

const PREBUILTS = "@node-llama-cpp/";
const [path, out, ...names] = process.argv.slice(2);
if (names.length === 0) {
    console.error("usage: lock-of.mjs LOCK FOLDER PACKAGE...");
    process.exit(2);
}

const lock = JSON.parse(readFileSync(path, "utf8"));
const kept = {};

// Where Node would find `name` from the package at `place`: its own node_modules, then upwards.
function resolve(name, place) {
    for (let folder = place; ; folder = folder.slice(0, Math.max(folder.lastIndexOf("/node_modules/"), 0))) {
        const found = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
        if (lock.packages[found] !== undefined) return found;
        if (folder === "") return undefined;
    }
}

function keep(name, place, optional) {
    const found = resolve(name, place);
    if (found === undefined) {
        if (optional) return;
        console.error(`${path} does not hold ${name}${place && `, which ${place} needs`}`);
        process.exit(1);
    }
    if (kept[found] !== undefined) return;
    // `dev`, `optional`, `peer` say why the whole application has it: here it is simply needed.
    const {dev, devOptional, optional: _, peer, ...entry} = structuredClone(lock.packages[found]);
    for (const other of Object.keys(entry.optionalDependencies ?? {}))
        if (other.startsWith(PREBUILTS)) delete entry.optionalDependencies[other];
    // A peer that is optional is nobody's need.
    delete entry.peerDependencies;
    delete entry.peerDependenciesMeta;
    kept[found] = entry;
    for (const other of Object.keys(entry.dependencies ?? {})) keep(other, found, false);
    for (const other of Object.keys(entry.optionalDependencies ?? {})) keep(other, found, true);
}

for (const name of names) keep(name, "", false);
const dependencies = Object.fromEntries(names.map((name) => [name, kept[`node_modules/${name}`].version]));
const root = {name: "mentator-backend", version: "0.0.0", private: true, dependencies};
const places = Object.keys(kept).sort();
mkdirSync(out, {recursive: true});
writeFileSync(`${out}/package.json`, JSON.stringify(root, null, 2));
writeFileSync(`${out}/package-lock.json`, JSON.stringify({
    ...root, lockfileVersion: 3, requires: true,
    packages: {"": root, ...Object.fromEntries(places.map((place) => [place, kept[place]]))}
}, null, 2));
