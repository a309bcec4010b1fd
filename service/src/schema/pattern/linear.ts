/** Tests texts against clients' patterns by RE2, whose time grows with the text only: nothing like ^(a+)+$ holds it up. */

import { RE2JS } from "re2js";
import { messageOf } from "../../errors.js";
import { parsePattern } from "./parse.js";
import { MOST_REPEATED } from "./quantifier.js";
import { type Pattern, PatternFault, type Range, splitAhead } from "./tree.js";

export interface LinearPattern {
    test(text: string): boolean;
    /** What a test takes for each character of the text, at most; some 0.1 microseconds each. */
    readonly steps: number;
}

/** Steps of RE2's program, and of those of one schema together. */
export const LONGEST_PROGRAM = 20_000;

const point = (value: number): string => `\\x{${value.toString(16)}}`;

function setText(ranges: readonly Range[]): string {
    if (ranges.length === 0) {
        // No character at all.
        return "[^\\x{0}-\\x{10ffff}]";
    }
    return `[${ranges.map(([first, last]) => (first === last ? point(first) : `${point(first)}-${point(last)}`)).join("")}]`;
}

/** In RE2's own notation. */
function textOf(pattern: Pattern): string {
    switch (pattern.kind) {
        case "set":
            return setText(pattern.ranges);
        case "property":
            return pattern.text;
        case "sequence":
            return pattern.items.map(textOf).join("");
        case "choice":
            return `(?:${pattern.options.map(textOf).join("|")})`;
        case "repeat": {
            const { item, least, most } = pattern;
            return `(?:${textOf(item)}){${least},${most === Infinity ? "" : most}}`;
        }
        case "ahead":
            throw new PatternFault("it looks ahead elsewhere than after ^ at its begin, which a linear-time engine cannot do");
        case "start":
            return "\\A";
        case "end":
            return "\\z";
        case "boundary":
            return "\\b";
        case "no-boundary":
            return "\\B";
    }
}

/** How many steps the program has, as each repetition is written out. */
function steps(pattern: Pattern): number {
    switch (pattern.kind) {
        case "sequence":
            return pattern.items.reduce((sum, item) => sum + steps(item), 0);
        case "choice":
            return pattern.options.reduce((sum, option) => sum + steps(option) + 1, 0);
        case "ahead":
            return steps(pattern.item);
        case "repeat":
            return steps(pattern.item) * (pattern.most === Infinity ? pattern.least + 1 : Math.max(1, pattern.most)) + 1;
        default:
            return 1;
    }
}

/** How often a part is repeated, by repetitions inside of one another. */
function repetitions(pattern: Pattern): number {
    switch (pattern.kind) {
        case "sequence":
            return pattern.items.reduce((most, item) => Math.max(most, repetitions(item)), 1);
        case "choice":
            return pattern.options.reduce((most, option) => Math.max(most, repetitions(option)), 1);
        case "ahead":
            return repetitions(pattern.item);
        case "repeat":
            return repetitions(pattern.item) * Math.max(1, pattern.most === Infinity ? pattern.least : pattern.most);
        default:
            return 1;
    }
}

/** Of the compiled pattern; 0 for a text that is not a pattern, Infinity where RE2 does not take its repetitions. */
export function programSteps(source: string): number {
    try {
        const pattern = parsePattern(source);
        return repetitions(pattern) > MOST_REPEATED ? Infinity : steps(pattern);
    } catch (thrown) {
        if (thrown instanceof PatternFault) {
            return 0;
        }
        throw thrown;
    }
}

function compiled(text: string): RE2JS {
    try {
        return RE2JS.compile(text);
    } catch (thrown) {
        throw new PatternFault(messageOf(thrown));
    }
}

/** @throws PatternFault */
export function compilePattern(source: string): LinearPattern {
    const pattern = parsePattern(source);
    const count = steps(pattern);
    if (count > LONGEST_PROGRAM) {
        throw new PatternFault("its repetitions make it too large");
    }
    const { ahead, rest } = splitAhead(pattern);
    const main = compiled(textOf(rest));
    const first = ahead.map(({ item, not }) => ({ begin: compiled(`\\A(?:${textOf(item)})`), not }));
    return { test: (text) => main.matcher(text).find() && first.every(({ begin, not }) => begin.matcher(text).find() !== not), steps: count };
}
