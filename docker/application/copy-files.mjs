// Copies what a built application needs to run: `node application-files.mjs FOLDER OUT`.
//
// An application that says what it consists of (`files` in its package.json, npm's own rule for what
// a package holds) gets that, package.json and distjs. One that does not gets its folder whole, as it
// may read any file of it; but for node_modules, which the image has from elsewhere, and hidden files
// (.git, .env, .npmrc), which are a developer's or secret.
import {execFileSync} from "node:child_process";
import {cpSync, existsSync, mkdirSync, readdirSync, readFileSync} from "node:fs";
import {dirname, join} from "node:path";

const ENTRY = "distjs/index.js";
const [folder, out] = process.argv.slice(2);
if (out === undefined) {
    console.error("usage: application-files.mjs FOLDER OUT");
    process.exit(2);
}
if (!existsSync(join(folder, ENTRY))) {
    console.error(`The script \`buildjs\` of the application has written no ${ENTRY}.`);
    process.exit(1);
}

function packed() {
    const said = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
        cwd: folder,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"]
    });
    return JSON.parse(said)[0].files.map(({path}) => path);
}

const {files} = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const whole = readdirSync(folder).filter((name) => name !== "node_modules" && !name.startsWith("."));
const names = Array.isArray(files) ? new Set([...packed(), "package.json", "distjs"]) : whole;
for (const name of names) {
    mkdirSync(dirname(join(out, name)), {recursive: true});
    cpSync(join(folder, name), join(out, name), {recursive: true, verbatimSymlinks: true});
}
