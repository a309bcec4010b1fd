/** The tests get a temporary folder of their own, which is removed at the end. */

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
