/** Characters in GBNF, llama.cpp's notation for grammars, as they may stand in a JSON text. Pure. */

import { common, inverted, joined, type Range } from "../pattern/tree.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What stands in a JSON text as itself. Surrogates are no characters of a text; DEL is one that no answer needs. */
export const PLAIN: readonly Range[] = inverted([
    [0, 0x1f],
    [QUOTE, QUOTE],
    [BACKSLASH, BACKSLASH],
    [0x7f, 0x7f],
    [0xd800, 0xdfff],
]);

/** Written with a backslash. */
const ESCAPES: readonly (readonly [point: number, letter: string])[] = [
    [QUOTE, '"'],
    [BACKSLASH, "\\"],
    [8, "b"],
    [9, "t"],
    [10, "n"],
    [12, "f"],
    [13, "r"],
];

function point(value: number): string {
    const hex = value.toString(16).toUpperCase();
    if (/^[A-Za-z0-9]$/.test(String.fromCodePoint(value))) {
        return String.fromCodePoint(value);
    }
    return value <= 0xff ? `\\x${hex.padStart(2, "0")}` : value <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** One of these characters, none of which JSON escapes. */
export function oneOf(ranges: readonly Range[]): string {
    return `[${ranges.map(([first, last]) => (first === last ? point(first) : `${point(first)}-${point(last)}`)).join("")}]`;
}

/** The text itself. */
export function literal(text: string): string {
    return Array.from(text).map((character) => oneOf([[character.codePointAt(0) ?? 0, character.codePointAt(0) ?? 0]])).join(" ");
}

/**
 * One character of the set as JSON writes it. Characters that need a backslash are left out where there are others,
 * as in "anything but a comma": the usual texts do without them.
 * @returns undefined where no character is left
 */
export function inText(ranges: readonly Range[]): string | undefined {
    const plain = common(ranges, PLAIN);
    if (plain.length > 0) {
        return oneOf(plain);
    }
    const escaped = ESCAPES.filter(([value]) => ranges.some(([first, last]) => first <= value && value <= last));
    if (escaped.length === 0) {
        return undefined;
    }
    return `(${escaped.map(([, letter]) => `${oneOf([[BACKSLASH, BACKSLASH]])} ${oneOf([[letter.codePointAt(0) ?? 0, letter.codePointAt(0) ?? 0]])}`).join(" | ")})`;
}

/** As GBNF writes it. @param most may be Infinity */
export function repeated(item: string, least: number, most: number): string {
    if (most === 1) {
        return least === 1 ? item : `${item}?`;
    }
    if (most === Infinity) {
        return least === 0 ? `${item}*` : least === 1 ? `${item}+` : `${item}{${least},}`;
    }
    return `${item}{${least},${most}}`;
}

/** All of PLAIN but these. */
export function plainBut(characters: readonly string[]): string {
    const points = joined(characters.map((character): Range => [character.codePointAt(0) ?? 0, character.codePointAt(0) ?? 0]));
    return oneOf(common(PLAIN, inverted(points)));
}
