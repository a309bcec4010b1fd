// Stands for the application: notes in the folder $RECORD how it was started.
import { readFileSync, writeFileSync } from "node:fs";

/**
 * @param {string} name
 * @param {string | Buffer} text
 */
function note(name, text) {
    writeFileSync(`${process.env["RECORD"] ?? ""}/${name}`, text);
}

note("cwd", process.cwd());
note("argv", ["distjs/index.js", ...process.argv.slice(2)].map((word) => `${word}\0`).join(""));
note("env", Object.entries(process.env).map(([name, value]) => `${name}=${value ?? ""}\0`).join(""));
note("status", readFileSync("/proc/self/status"));
console.log("the service");
