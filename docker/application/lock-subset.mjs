// Reduces an application's package.json and package-lock.json to what one stage of the image installs, so that
// `npm ci` fetches nothing else. What stays in the lock keeps its version and its integrity sum.
//
//   lock-subset.mjs install FOLDER [--production] [PREBUILT ...]
//       In place. Without llama.cpp's prebuilt packages but for those named: node-llama-cpp has them for every
//       platform and GPU as optional dependencies, and npm has no switch for some of them (650 MB for 30
//       MB of use). With --production: without what only development needs, also what `npm ci --omit=dev`
//       keeps as somebody's optional peer (node-llama-cpp has TypeScript as one, 20 MB).
//   lock-subset.mjs extract LOCK FOLDER PACKAGE ...
//       Writes both files into FOLDER, with these packages and what they need: a stage that copies them is
//       built again when those packages change, and at no other change of the application's lock.
import {mkdirSync, readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";

const SCOPE = "@node-llama-cpp/";
const MODULES = "node_modules/";

function fail(code, why) {
    console.error(why);
    process.exit(code);
}

const read = (path) => JSON.parse(readFileSync(path, "utf8"));
const write = (folder, name, value) => writeFileSync(join(folder, name), JSON.stringify(value, null, 2));

/** The package of a lock's key: `node_modules/a/node_modules/@b/c` is `@b/c`. */
const nameOf = (place) => (place.includes(MODULES) ? place.slice(place.lastIndexOf(MODULES) + MODULES.length) : "");

/** Takes llama.cpp's prebuilt packages out of the lock, but for those in `keep`. */
function dropPrebuilts(packages, keep) {
    for (const [place, entry] of Object.entries(packages)) {
        const drops = (name) => name.startsWith(SCOPE) && !keep.includes(name);
        if (drops(nameOf(place))) delete packages[place];
        for (const name of Object.keys(entry.optionalDependencies ?? {}).filter(drops)) delete entry.optionalDependencies[name];
    }
}

/** Where Node would find `name` from the package at `place`: in its own node_modules, then upwards. */
function resolve(packages, name, place) {
    for (let folder = place; ; folder = folder.slice(0, Math.max(folder.lastIndexOf(`/${MODULES}`), 0))) {
        const found = `${folder === "" ? "" : `${folder}/`}${MODULES}${name}`;
        if (packages[found] !== undefined || folder === "") return packages[found] && found;
    }
}

/** Adds to the set `found` the places of all packages that the one at `place` needs. */
function follow(packages, place, found) {
    const {dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {}} = packages[place];
    const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
    for (const name of new Set([...Object.keys({...dependencies, ...optionalDependencies}), ...peers])) {
        const needed = resolve(packages, name, place);
        if (needed === undefined && name in dependencies && !(name in optionalDependencies))
            fail(1, `The lock does not hold ${name}${place && `, which ${place} needs`}.`);
        if (needed === undefined || found.has(needed)) continue;
        // A link's own entry is the folder that it names.
        const target = packages[needed].link ? packages[needed].resolved : needed;
        found.add(needed).add(target);
        follow(packages, target, found);
    }
    return found;
}

function install(folder, ...words) {
    const [lock, manifest] = [read(join(folder, "package-lock.json")), read(join(folder, "package.json"))];
    const prebuilts = words.filter((word) => !word.startsWith("--")).map((name) => SCOPE + name);
    const missing = prebuilts.filter((name) => !Object.keys(lock.packages).some((place) => nameOf(place) === name));
    if (missing.length > 0) fail(1, `${folder} does not lock ${missing.join(", ")}: is node-llama-cpp a dependency?`);
    dropPrebuilts(lock.packages, prebuilts);
    if (words.includes("--production")) {
        for (const root of [manifest, lock.packages[""]]) delete root.devDependencies;
        const kept = follow(lock.packages, "", new Set([""]));
        lock.packages = Object.fromEntries(Object.entries(lock.packages).filter(([place]) => kept.has(place)));
        write(folder, "package.json", manifest);
    }
    write(folder, "package-lock.json", lock);
}

function extract(path, out, ...names) {
    const {packages} = read(path);
    const unknown = names.filter((name) => packages[MODULES + name] === undefined);
    if (unknown.length > 0) fail(1, `${path} does not hold ${unknown.join(", ")}`);
    dropPrebuilts(packages, names);
    // These say why the whole application has a package: here it is needed.
    for (const entry of Object.values(packages))
        for (const key of ["dev", "devOptional", "optional", "peer", "peerDependencies", "peerDependenciesMeta"]) delete entry[key];
    const dependencies = Object.fromEntries(names.map((name) => [name, packages[MODULES + name].version]));
    const root = {name: "mentator-backend", version: "0.0.0", private: true, dependencies};
    packages[""] = root;
    const places = [...follow(packages, "", new Set([""]))].sort();
    mkdirSync(out, {recursive: true});
    write(out, "package.json", root);
    const kept = Object.fromEntries(places.map((place) => [place, packages[place]]));
    write(out, "package-lock.json", {...root, lockfileVersion: 3, requires: true, packages: kept});
}

const [command, ...words] = process.argv.slice(2);
if (command === "install" && words.length > 0) install(...words);
else if (command === "extract" && words.length > 2) extract(...words);
else fail(2, "usage: lock-subset.mjs install FOLDER [--production] [PREBUILT ...] | extract LOCK FOLDER PACKAGE ...");
