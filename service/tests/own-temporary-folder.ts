/** All that the tests write below the system's temporary folder goes into one of their own, and with them. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

export default function setup(): () => void {
    const before = process.env["TMPDIR"];
    const folder = mkdtempSync(path.join(tmpdir(), "mentator-tests-"));
    process.env["TMPDIR"] = folder;
    return () => {
        rmSync(folder, { recursive: true, force: true });
        if (before === undefined) {
            delete process.env["TMPDIR"];
        } else {
            process.env["TMPDIR"] = before;
        }
    };
}
