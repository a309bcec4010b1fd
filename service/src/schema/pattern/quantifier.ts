/** How often a part of a regular expression is repeated. Pure. */

import { PatternFault } from "./tree.js";

export interface Quantifier {
    readonly least: number;
    /** May be Infinity. */
    readonly most: number;
    /** Characters of its text. */
    readonly length: number;
}

/** RE2's own limit. */
export const MOST_REPEATED = 1000;

const SIGNS: Readonly<Record<string, readonly [least: number, most: number]>> = { "*": [0, Infinity], "+": [1, Infinity], "?": [0, 1] };

/** What the text begins with. @throws PatternFault */
export function quantifierAt(text: string): Quantifier | undefined {
    const sign = SIGNS[text.slice(0, 1)];
    if (sign !== undefined) {
        return { least: sign[0], most: sign[1], length: 1 };
    }
    const braces = /^\{(\d{1,9})(,(\d{0,9}))?\}/.exec(text);
    if (braces === null) {
        return undefined;
    }
    const least = Number(braces[1]);
    const most = braces[2] === undefined ? least : braces[3] === "" ? Infinity : Number(braces[3]);
    if (most < least) {
        throw new PatternFault(`{${least},${most}} is out of order`);
    }
    if (least > MOST_REPEATED || (most > MOST_REPEATED && most !== Infinity)) {
        throw new PatternFault(`it repeats more than ${MOST_REPEATED} times`);
    }
    return { least, most, length: braces[0].length };
}
