/** The one door to node-llama-cpp. */

import { tmpdir } from "node:os";

export type Library = typeof import("node-llama-cpp");

/**
 * Imported late: it takes a quarter of a second, and the port shall be open by then.
 * It asks for the home folder while it is imported, which fails for a user id without an account and
 * without HOME, as `docker run --user 12345` may give; what it would keep there is never written.
 */
export async function loadLibrary(): Promise<Library> {
    if ((process.env["HOME"] ?? "") === "") {
        process.env["HOME"] = tmpdir();
    }
    return import("node-llama-cpp");
}
