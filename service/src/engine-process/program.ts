/** What the engine's process runs. */

import { fileURLToPath } from "node:url";

export interface Program {
    /** JavaScript, absolute. */
    readonly file: string;
    readonly environment: NodeJS.ProcessEnv;
}

/**
 * @param environment of the service: the entrypoint has set there what the native part reads
 * @param file another one in tests
 */
export function engineProgram(environment: NodeJS.ProcessEnv, file = fileURLToPath(new URL("./child.js", import.meta.url))): Program {
    // The engine has no use for secrets, and it reads what strangers send.
    return { file, environment: { ...environment, MENTATOR_API_KEY: undefined, HF_TOKEN: undefined } };
}
