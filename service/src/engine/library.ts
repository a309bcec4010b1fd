/** The only place that imports node-llama-cpp. */

import { tmpdir } from "node:os";

export type Library = typeof import("node-llama-cpp");

/**
 * Imported late: it takes a quarter of a second, and the port is open by then. While it is imported it asks for
 * the home folder, which fails for a user id without an account and without HOME, as with
 * `docker run --user 12345`. It would keep files there, but the service never makes it write any.
 */
export async function loadLibrary(): Promise<Library> {
    if ((process.env["HOME"] ?? "") === "") {
        process.env["HOME"] = tmpdir();
    }
    return import("node-llama-cpp");
}
