import { readFileSync } from "node:fs";

/** The version in package.json beside distjs/ (and beside src/, in tests). */
export function readVersion(): string {
    const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
    const parsed = JSON.parse(text) as { version?: unknown };
    return typeof parsed.version === "string" ? parsed.version : "0.0.0";
}
