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
 * @typedef {Record<string, string>} Ranges
 * @typedef {{version?: string, link?: boolean, resolved?: string, dependencies?: Ranges, devDependencies?: Ranges,
 *     optionalDependencies?: Ranges, peerDependencies?: Ranges,
 *     peerDependenciesMeta?: Record<string, {optional?: boolean}>}} Entry
 * @typedef {Record<string, Entry>} Packages by place, e.g. `node_modules/a/node_modules/@b/c`
 */

/** @param {number} code @param {string} why @returns {never} */
function fail(code, why) {
    console.error(why);
    process.exit(code);
}

/** @param {string} path */
function read(path) {
    /** @type {Entry & {packages: Packages}} */
    const content = JSON.parse(readFileSync(path, "utf8"));
    return content;
}

/** @param {string} folder @param {string} name @param {object} value */
const write = (folder, name, value) => writeFileSync(join(folder, name), JSON.stringify(value, null, 2));

/** The package of a place; empty for the root. @param {string} place */
const nameOf = (place) => (place.includes(MODULES) ? place.slice(place.lastIndexOf(MODULES) + MODULES.length) : "");

/** @template T @param {Record<string, T>} record @param {(key: string) => boolean} test @returns {Record<string, T>} */
const pick = (record, test) => Object.fromEntries(Object.entries(record).filter(([key]) => test(key)));

/**
 * The packages without llama.cpp's prebuilt ones, but for those in `keep`.
 * @param {Packages} packages @param {string[]} keep
 */
function withoutPrebuilts(packages, keep) {
    const stays = (/** @type {string} */ name) => !name.startsWith(SCOPE) || keep.includes(name);
    const left = pick(packages, (place) => stays(nameOf(place)));
    for (const entry of Object.values(left))
        if (entry.optionalDependencies) entry.optionalDependencies = pick(entry.optionalDependencies, stays);
    return left;
}

/**
 * Where Node would find `name` from the package at `place`: in its own node_modules, then upwards.
 * @param {Packages} packages @param {string} name @param {string} place
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
 * @param {Packages} packages @param {string} place @param {Set<string>} found
 */
function follow(packages, place, found) {
    const {dependencies = {}, optionalDependencies = {}, ...entry} = packages[place] ?? {};
    const peers = pick(entry.peerDependencies ?? {}, (name) => !entry.peerDependenciesMeta?.[name]?.optional);
    for (const name of Object.keys({...dependencies, ...optionalDependencies, ...peers})) {
        const needed = resolve(packages, name, place);
        if (needed === undefined && name in dependencies && !(name in optionalDependencies))
            fail(1, `The lock does not hold ${name}${place && `, which ${place} needs`}.`);
        if (needed === undefined || found.has(needed)) continue;
        // A link's own entry is the folder that it names.
        const {link, resolved} = packages[needed] ?? {};
        const target = link && resolved !== undefined ? resolved : needed;
        found.add(needed).add(target);
        follow(packages, target, found);
    }
    return found;
}

/** @param {string} folder @param {string[]} words */
function install(folder, ...words) {
    const [lock, manifest] = [read(join(folder, "package-lock.json")), read(join(folder, "package.json"))];
    const prebuilts = words.filter((word) => !word.startsWith("--")).map((name) => SCOPE + name);
    const missing = prebuilts.filter((name) => !Object.keys(lock.packages).some((place) => nameOf(place) === name));
    if (missing.length > 0) fail(1, `${folder} does not lock ${missing.join(", ")}: is node-llama-cpp a dependency?`);
    lock.packages = withoutPrebuilts(lock.packages, prebuilts);
    if (words.includes("--production")) {
        delete manifest.devDependencies;
        delete lock.packages[""]?.devDependencies;
        const kept = follow(lock.packages, "", new Set([""]));
        lock.packages = pick(lock.packages, (place) => kept.has(place));
        write(folder, "package.json", manifest);
    }
    write(folder, "package-lock.json", lock);
}

/** Why the whole application has a package, which does not count for the package alone. */
const CONTEXT = ["dev", "devOptional", "optional", "peer", "peerDependencies", "peerDependenciesMeta"];

/** @param {string} path @param {string} out @param {string[]} names */
function extract(path, out, ...names) {
    const packages = Object.fromEntries(Object.entries(withoutPrebuilts(read(path).packages, names)).map(
        ([place, entry]) => [place, /** @type {Entry} */ (pick(entry, (key) => !CONTEXT.includes(key)))]));
    const unknown = names.filter((name) => packages[MODULES + name] === undefined);
    if (unknown.length > 0) fail(1, `${path} does not hold ${unknown.join(", ")}`);
    const dependencies = Object.fromEntries(names.map((name) => [name, packages[MODULES + name]?.version ?? "*"]));
    const root = {name: "mentator-backend", version: "0.0.0", private: true, dependencies};
    packages[""] = root;
    const places = [...follow(packages, "", new Set([""]))].sort();
    const kept = Object.fromEntries(places.map((place) => [place, packages[place]]));
    mkdirSync(out, {recursive: true});
    write(out, "package.json", root);
    write(out, "package-lock.json", {...root, lockfileVersion: 3, requires: true, packages: kept});
}

const [command, first = "", ...rest] = process.argv.slice(2);
const [out = "", ...names] = rest;
if (command === "install" && first !== "") install(first, ...rest);
else if (command === "extract" && names.length > 0) extract(first, out, ...names);
else fail(2, "usage: lock-subset.mjs install FOLDER [--production] [PREBUILT ...] | extract LOCK FOLDER PACKAGE ...");
