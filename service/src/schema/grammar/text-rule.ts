/** A text by a regular expression as a rule of GBNF. Pure. */

import { parsePattern } from "../pattern/parse.js";
import { inverted, type Pattern, PatternFault, splitAhead } from "../pattern/tree.js";
import { inText, repeated } from "./characters.js";

const ANYTHING: Pattern = { kind: "repeat", item: { kind: "set", ranges: inverted([]) }, least: 0, most: Infinity };

interface Lengths {
    readonly least: number;
    /** May be Infinity. */
    readonly most: number;
}

/** `pattern` finds a part of the text; made to match all of it. Anchors stay where they are anywhere else, and are refused below. */
function whole(pattern: Pattern): Pattern {
    if (pattern.kind === "choice") {
        return { kind: "choice", options: pattern.options.map(whole) };
    }
    const items = pattern.kind === "sequence" ? [...pattern.items] : [pattern];
    if (items.length === 1 && items[0]?.kind === "choice") {
        return whole(items[0]);
    }
    const begins = items[0]?.kind === "start";
    const ends = items.at(-1)?.kind === "end" && items.length > (begins ? 1 : 0);
    const middle = items.slice(begins ? 1 : 0, ends ? -1 : undefined);
    return { kind: "sequence", items: [...(begins ? [] : [ANYTHING]), ...middle, ...(ends ? [] : [ANYTHING])] };
}

/** Characters that it takes, if that is always the same number. */
function width(pattern: Pattern): number | undefined {
    switch (pattern.kind) {
        case "set":
            return 1;
        case "sequence": {
            const widths = pattern.items.map(width);
            return widths.every((one) => one !== undefined) ? widths.reduce<number>((sum, one) => sum + one, 0) : undefined;
        }
        case "choice": {
            const widths = new Set(pattern.options.map(width));
            return widths.size === 1 ? [...widths][0] : undefined;
        }
        case "repeat": {
            const one = width(pattern.item);
            return one !== undefined && pattern.least === pattern.most ? one * pattern.least : undefined;
        }
        default:
            return undefined;
    }
}

/** With the lengths in it, where one repetition of one character has to keep to them; else as it is. */
function limited(pattern: Pattern, { least, most }: Lengths): Pattern {
    if (pattern.kind !== "sequence" || (least === 0 && most === Infinity)) {
        return pattern;
    }
    const loose = pattern.items.filter((item) => width(item) === undefined);
    const [one] = loose;
    if (loose.length !== 1 || one?.kind !== "repeat" || width(one.item) !== 1) {
        return pattern;
    }
    const fixed = pattern.items.reduce((sum, item) => sum + (width(item) ?? 0), 0);
    const [from, to] = [Math.max(one.least, least - fixed), Math.min(one.most, most - fixed)];
    if (from > to) {
        return pattern;
    }
    return { ...pattern, items: pattern.items.map((item) => (item === one ? { ...one, least: from, most: to } : item)) };
}

function ruleOf(pattern: Pattern): string {
    switch (pattern.kind) {
        case "set": {
            const text = inText(pattern.ranges);
            if (text === undefined) {
                throw new PatternFault("it needs a character that JSON cannot hold");
            }
            return text;
        }
        case "sequence":
            return pattern.items.length === 0 ? '""' : `(${pattern.items.map(ruleOf).join(" ")})`;
        case "choice":
            return `(${pattern.options.map(ruleOf).join(" | ")})`;
        case "repeat":
            return pattern.most === 0 ? '""' : `(${repeated(ruleOf(pattern.item), pattern.least, pattern.most)})`;
        case "property":
            throw new PatternFault(`${pattern.text} is not supported in a grammar`);
        case "ahead":
            throw new PatternFault("it looks ahead elsewhere than after ^ at its begin");
        case "start":
        case "end":
            throw new PatternFault("^ and $ are supported at its begin and end only");
        default:
            throw new PatternFault("\\b and \\B are not supported in a grammar");
    }
}

/**
 * The JSON text, with its quotes. What a pattern looks ahead for at its begin is left to the check.
 * @throws PatternFault for what has no equal
 */
export function textRule(source: string, lengths: Lengths): string {
    return `"\\"" ${ruleOf(limited(whole(splitAhead(parsePattern(source)).rest), lengths))} "\\""`;
}
