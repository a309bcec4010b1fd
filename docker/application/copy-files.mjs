// Copies what a built application needs to run: `node copy-files.mjs FOLDER OUT`.
//
// With `files` in package.json (npm's own rule for what a package holds) these are copied, with package.json and
// distjs. Without it the whole folder is copied, as the application may read any file of it, except for node_modules,
// which the image has from another stage, and hidden files (.git, .env, .npmrc), which are a developer's or
// secret.
import {execFileSync} from "node:child_process";
import {cpSync, existsSync, mkdirSync, readdirSync, readFileSync} from "node:fs";
import {dirname, join} from "node:path";

const ENTRY = "distjs/index.js";
const [folder = "", out] = process.argv.slice(2);
if (out === undefined) {
    console.error("usage: copy-files.mjs FOLDER OUT");
    process.exit(2);
}
if (!existsSync(join(folder, ENTRY))) {
    console.error(`The application's script \`buildjs\` did not write ${ENTRY}.`);
    process.exit(1);
}

/** The files that npm would pack. */
function packed() {
    const said = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
        cwd: folder,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"]
    });
    /** @type {{files: {path: string}[]}[]} */
    const packages = JSON.parse(said);
    return packages.flatMap(({files}) => files.map(({path}) => path));
}

/** @type {{files?: unknown}} */
const {files} = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const whole = readdirSync(folder).filter((name) => name !== "node_modules" && !name.startsWith("."));
const names = Array.isArray(files) ? new Set([...packed(), "package.json", "distjs"]) : whole;
for (const name of names) {
    mkdirSync(dirname(join(out, name)), {recursive: true});
    cpSync(join(folder, name), join(out, name), {recursive: true, verbatimSymlinks: true});
}
