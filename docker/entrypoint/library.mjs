// Where the driver's library is. The loader decides; where it finds none, the library is looked for in what
// the host has mounted, and the loader is told that folder by LD_LIBRARY_PATH.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { isFull, list, readText, statusOf } from "./files.mjs";
import { oneLine } from "./log.mjs";

/**
 * @typedef {object} Library
 * @property {boolean} found the loader loads it
 * @property {string} fault else why not: one line
 * @property {Record<string, string>} environment what the loader needs for it
 */

const LIMIT_MS = 5000;
const MOST_FOLDERS = 64; // below one mount
const LONGEST = 200; // characters
const PATH = "LD_LIBRARY_PATH";

/**
 * @param {string} name
 * @param {{ root: string, env: NodeJS.ProcessEnv }} system
 * @returns {Promise<Library>}
 */
export async function findLibrary(name, { root, env }) {
    const fault = await load(name, env);
    if (fault === "") {
        return { found: true, fault, environment: {} };
    }
    const folders = foldersWith(name, mountPoints(readText(`${root}/proc/self/mountinfo`)), root);
    if (folders.length > 0) {
        const environment = { [PATH]: [...folders, ...(env[PATH] ? [env[PATH]] : [])].join(":") };
        const still = await load(name, { ...env, ...environment });
        return { found: still === "", fault: still, environment: still === "" ? environment : {} };
    }
    return { found: false, fault, environment: {} };
}

/**
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} empty where it was loaded, else why not
 */
async function load(name, env) {
    const { run } = await import("./run.mjs"); // late: most machines have no GPU
    const argv = [process.execPath, fileURLToPath(new URL("load-library.mjs", import.meta.url)), name];
    const { code, output, late } = await run(argv, { limitMs: LIMIT_MS, env });
    if (code === 0 && late === "") {
        return "";
    }
    // The loader says the name, or where it found it, and then why.
    const words = late === "" ? output.split(`${name}: `).at(-1) ?? "" : `it does not load within ${LIMIT_MS / 1000} s`;
    return oneLine(words, LONGEST) || `loading it ends with ${code}`;
}

/**
 * Where something of the host is mounted, from /proc/self/mountinfo; without the kernel's own file systems and
 * the folders of models and data, from which no code is to be loaded.
 * @param {string} text
 */
export function mountPoints(text) {
    return text.split("\n")
        .map((line) => (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))))
        .filter((path) => path.startsWith("/") && !/^\/(?:$|(?:proc|sys|dev|tmp|opt\/mentator[^/]*)(?:\/|$))/.test(path));
}

/**
 * The folders that hold the library: a mounted one, or the file's own; mounted, or up to two levels below.
 * @param {string} name
 * @param {string[]} mounts
 * @param {string} root
 */
function foldersWith(name, mounts, root) {
    const found = mounts.flatMap((mount) => {
        const path = root + mount;
        if (mount.endsWith(`/${name}`)) {
            return isFull(path) ? [dirname(path)] : [];
        }
        const one = subfolders(path);
        return [path, ...one, ...one.flatMap(subfolders)].filter((folder) => isFull(join(folder, name)) && !isOpen(folder));
    });
    return [...new Set(found)];
}

/** @param {string} folder */
function subfolders(folder) {
    return list(folder)
        .slice(0, MOST_FOLDERS)
        .map((name) => join(folder, name))
        .filter((path) => statusOf(path)?.isDirectory());
}

/**
 * A folder that everybody may write holds no driver.
 * @param {string} folder
 */
function isOpen(folder) {
    return ((statusOf(folder)?.mode ?? 0) & 0o002) !== 0;
}
