/** What the engine's process runs. */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Program {
    /** JavaScript, absolute. */
    readonly file: string;
    readonly environment: NodeJS.ProcessEnv;
}

/** What the engine has no use for, as it reads what strangers send; addresses may hold a signature or a password. */
const SECRETS = ["MENTATOR_API_KEY", "MENTATOR_API_KEY_FILE", "HF_TOKEN", "MENTATOR_MODELS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/**
 * @param environment of the service: the entrypoint has set there what the native part reads
 * @param file another one in tests
 */
export function engineProgram(environment: NodeJS.ProcessEnv, file = fileURLToPath(new URL("./child.js", import.meta.url))): Program {
    const without = Object.fromEntries(SECRETS.flatMap((name) => [[name, undefined], [name.toLowerCase(), undefined]]));
    return { file, environment: { ...environment, ...without } };
}

/** With the connection as a file of its own, see `CHANNEL_FD`. @throws Error where the system has no room for another process */
export function spawnProgram({ file, environment }: Program): ChildProcess {
    const child = spawn(process.execPath, [...process.execArgv, file], { stdio: ["ignore", "pipe", "pipe", "pipe"], env: environment });
    if ((child.stdio as unknown) === undefined) {
        // So says Node that no more files can be opened. The same comes as an event, which nobody else would hear.
        child.on("error", () => undefined);
        throw new Error("too many files are open for another process");
    }
    return child;
}
