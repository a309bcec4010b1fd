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

/**
 * As much of npm's two files as is used here.
 * @typedef {Record<string, string>} Versions
 * @typedef {object} Entry
 * @property {string} [version]
 * @property {boolean} [link]
 * @property {string} [resolved]
 * @property {Versions} [dependencies]
 * @property {Versions} [devDependencies]
 * @property {Versions} [optionalDependencies]
 * @property {Versions} [peerDependencies]
 * @property {Record<string, {optional?: boolean}>} [peerDependenciesMeta]
 * @typedef {Record<string, Entry>} Packages by their places in the lock; the root's is ""
 */

/**
 * @param {number} code
 * @param {string} why
 * @returns {never}
 */
function fail(code, why) {
    console.error(why);
    process.exit(code);
}

/**
 * @param {string} path
 * @returns {{packages: Packages}}
 */
function readLock(path) {
    /** @type {{packages: Packages}} */
    const lock = JSON.parse(readFileSync(path, "utf8"));
    return lock;
}

/** @type {(folder: string, name: string, value: object) => void} */
const write = (folder, name, value) => writeFileSync(join(folder, name), JSON.stringify(value, null, 2));

/**
 * The package of a lock's key: `node_modules/a/node_modules/@b/c` is `@b/c`.
 * @param {string} place
 */
const nameOf = (place) => (place.includes(MODULES) ? place.slice(place.lastIndexOf(MODULES) + MODULES.length) : "");

/**
 * An object without some of its members.
 * @template T
 * @param {Record<string, T>} members
 * @param {(name: string) => boolean} drops
 */
const without = (members, drops) => Object.fromEntries(Object.entries(members).filter(([name]) => !drops(name)));

/**
 * The packages without llama.cpp's prebuilt ones, but for those in `keep`.
 * @param {Packages} packages
 * @param {string[]} keep
 * @returns {Packages}
 */
function dropPrebuilts(packages, keep) {
    const drops = (/** @type {string} */ name) => name.startsWith(SCOPE) && !keep.includes(name);
    const kept = Object.entries(packages).filter(([place]) => !drops(nameOf(place)));
    return Object.fromEntries(kept.map(([place, entry]) => {
        const {optionalDependencies: optional} = entry;
        return [place, optional === undefined ? entry : {...entry, optionalDependencies: without(optional, drops)}];
    }));
}

/**
 * Where Node would find `name` from the package at `place`: in its own node_modules, then upwards.
 * @param {Packages} packages
 * @param {string} name
 * @param {string} place
 */
function resolve(packages, name, place) {
    for (let folder = place; ; folder = folder.slice(0, Math.max(folder.lastIndexOf(`/${MODULES}`), 0))) {
        const found = `${folder === "" ? "" : `${folder}/`}${MODULES}${name}`;
        if (packages[found] !== undefined) return found;
        if (folder === "") return undefined;
    }
}

/**
 * Adds to the set `found` the places of all packages that the one at `place` needs.
 * @param {Packages} packages
 * @param {string} place
 * @param {Set<string>} found
 */
function follow(packages, place, found) {
    const entry = packages[place] ?? {};
    const {dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {}} = entry;
    const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
    for (const name of new Set([...Object.keys({...dependencies, ...optionalDependencies}), ...peers])) {
        const needed = resolve(packages, name, place);
        if (needed === undefined && name in dependencies && !(name in optionalDependencies))
            fail(1, `The lock does not hold ${name}${place && `, which ${place} needs`}.`);
        if (needed === undefined || found.has(needed)) continue;
        // A link's own entry is the folder that it names.
        const {link = false, resolved = needed} = packages[needed] ?? {};
        const target = link ? resolved : needed;
        found.add(needed).add(target);
        follow(packages, target, found);
    }
    return found;
}

/**
 * @param {string} folder
 * @param {string[]} words
 */
function install(folder, words) {
    const lock = readLock(join(folder, "package-lock.json"));
    const prebuilts = words.filter((word) => !word.startsWith("--")).map((name) => SCOPE + name);
    const missing = prebuilts.filter((name) => !Object.keys(lock.packages).some((place) => nameOf(place) === name));
    if (missing.length > 0) fail(1, `${folder} does not lock ${missing.join(", ")}: is node-llama-cpp a dependency?`);
    lock.packages = dropPrebuilts(lock.packages, prebuilts);
    if (words.includes("--production")) {
        /** @type {Entry} */
        const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
        for (const root of [manifest, lock.packages[""] ?? {}]) delete root.devDependencies;
        const kept = follow(lock.packages, "", new Set([""]));
        lock.packages = without(lock.packages, (place) => !kept.has(place));
        write(folder, "package.json", manifest);
    }
    write(folder, "package-lock.json", lock);
}

/** These say why the whole application has a package: here it is needed. */
const REASONS = ["dev", "devOptional", "optional", "peer", "peerDependencies", "peerDependenciesMeta"];

/**
 * @param {string} path
 * @param {string} out
 * @param {string[]} names
 */
function extract(path, out, names) {
    const all = readLock(path).packages;
    const unknown = names.filter((name) => all[MODULES + name] === undefined);
    if (unknown.length > 0) fail(1, `${path} does not hold ${unknown.join(", ")}`);
    const dependencies = Object.fromEntries(names.map((name) => [name, all[MODULES + name]?.version ?? ""]));
    const root = {name: "mentator-backend", version: "0.0.0", private: true, dependencies};
    const entries = Object.entries(dropPrebuilts(all, names)).map(([place, entry]) => {
        return [place, without(Object.fromEntries(Object.entries(entry)), (name) => REASONS.includes(name))];
    });
    /** @type {Packages} */
    const packages = {...Object.fromEntries(entries), "": root};
    const places = [...follow(packages, "", new Set([""]))].sort();
    mkdirSync(out, {recursive: true});
    write(out, "package.json", root);
    const kept = Object.fromEntries(places.map((place) => [place, packages[place]]));
    write(out, "package-lock.json", {...root, lockfileVersion: 3, requires: true, packages: kept});
}

const [command, first = "", second = "", ...names] = process.argv.slice(2);
if (command === "install" && first !== "") install(first, process.argv.slice(4));
else if (command === "extract" && names.length > 0) extract(first, second, names);
else fail(2, "usage: lock-subset.mjs install FOLDER [--production] [PREBUILT ...] | extract LOCK FOLDER PACKAGE ...");
