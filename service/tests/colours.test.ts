/** Text can be read in every pair of colours: WCAG 2.2, level AA. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../src/static/style.css", import.meta.url), "utf8");
const colours = new Map([...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);/g)].map(([, name, light, dark]) => [name, [light ?? "", dark ?? ""]]));

/** The "relative luminance" of WCAG 2.2. */
function luminance(colour: string): number {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
        const part = parseInt(colour.slice(at, at + 2), 16) / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
    const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (lighter + 0.05) / (darker + 0.05);
}

const TEXTS = ["text", "muted", "accent", "good", "warn", "bad"];
const GROUNDS = ["page", "surface", "sunken"];
const PAIRS = [
    ...TEXTS.flatMap((text) => GROUNDS.map((ground) => [text, ground, 4.5] as const)),
    ["text", "tint", 4.5],
    ["muted", "tint", 4.5],
    ["accent", "tint", 4.5],
    ["on-accent", "accent", 4.5],
    // Borders of fields and lines of plots are not text.
    ["line-strong", "surface", 3],
    ["second", "surface", 3],
] as const;

describe.each([["light", 0], ["dark", 1]] as const)("in %s", (_, index) => {
    it.each(PAIRS)("%s on %s", (text, ground, least) => {
        const [one, other] = [text, ground].map((name) => colours.get(name)?.[index] ?? "");
        expect(contrast(one ?? "", other ?? "")).toBeGreaterThanOrEqual(least);
    });
});
