/** Classes of characters of ECMA-262. */

import { inverted, joined, type Range } from "./tree.js";

export const code = (character: string): number => character.codePointAt(0) ?? 0;

const DIGIT: Range[] = [[code("0"), code("9")]];
const WORD: Range[] = joined([...DIGIT, [code("A"), code("Z")], [code("_"), code("_")], [code("a"), code("z")]]);
/** WhiteSpace and LineTerminator of ECMA-262. */
const SPACE: Range[] = joined([[9, 13], [32, 32], [160, 160], [0x1680, 0x1680], [0x2000, 0x200a], [0x2028, 0x2029], [0x202f, 0x202f], [0x205f, 0x205f], [0x3000, 0x3000], [0xfeff, 0xfeff]]);
export const LINE_END: Range[] = [[10, 10], [13, 13], [0x2028, 0x2029]];

/** By the letter after the backslash. */
export const CLASSES: Readonly<Record<string, Range[]>> = { d: DIGIT, D: inverted(DIGIT), w: WORD, W: inverted(WORD), s: SPACE, S: inverted(SPACE) };
export const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, "0": 0 };

/** What stands at both sides of a `-` in [ ]; undefined where it is not a range. */
export function rangeOf(first: readonly Range[], last: readonly Range[]): Range | undefined {
    const [from, to] = [first[0], last[0]];
    if (from === undefined || to === undefined || from[0] !== from[1] || to[0] !== to[1] || first.length > 1 || last.length > 1 || from[0] > to[0]) {
        return undefined;
    }
    return [from[0], to[0]];
}
