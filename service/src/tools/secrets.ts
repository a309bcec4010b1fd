/** Hides a tool's secrets from the model and the log. Pure. */

const HIDDEN = "***";

/** Shorter texts occur everywhere, and are not secret. */
const LEAST_LENGTH = 4;

function leavesOf(value: unknown): string[] {
    if (typeof value === "string" || typeof value === "number") {
        return [String(value)];
    }
    return typeof value === "object" && value !== null ? Object.values(value).flatMap(leavesOf) : [];
}

/** As it is, and as it is written in a URL, in JSON and in a header. */
function formsOf(secret: string): string[] {
    const base64 = Buffer.from(secret).toString("base64");
    return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), base64, base64.replace(/=+$/, "")];
}

/** @param secrets any JSON; each text and number in it is a secret */
export function hideSecrets(text: string, secrets: unknown): string {
    const forms = leavesOf(secrets).filter((leaf) => leaf.length >= LEAST_LENGTH).flatMap(formsOf);
    // Longer ones first: one may be part of another.
    const sorted = [...new Set(forms)].sort((a, b) => b.length - a.length);
    return sorted.reduce((left, form) => left.replaceAll(form, HIDDEN), text);
}
