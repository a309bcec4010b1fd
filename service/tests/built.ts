/** The compiled service, as the engine's process runs it: built once for each file of tests that asks. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const SERVICE = fileURLToPath(new URL("..", import.meta.url));

export interface Built {
    readonly folder: string;
    /** JavaScript of the engine's process. */
    readonly engineProgram: string;
    remove(): void;
}

/** Beside distjs: from there it finds package.json and the pages. */
export function build(): Built {
    const folder = mkdtempSync(path.join(SERVICE, "distjs."));
    execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", "--outDir", folder], { cwd: SERVICE });
    return { folder, engineProgram: path.join(folder, "engine-process", "child.js"), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
