/** A regular expression as a tree, and sets of characters. */

/** Why a text is not a regular expression that is taken here. */
export class PatternFault extends Error {}

/** First and last code point, both inside. */
export type Range = readonly [first: number, last: number];

export type Pattern =
    /** One character of these; sorted, not overlapping. */
    | { readonly kind: "set"; readonly ranges: readonly Range[] }
    /** One character with a Unicode property, as RE2 writes it: `\p{L}`. */
    | { readonly kind: "property"; readonly text: string }
    | { readonly kind: "sequence"; readonly items: readonly Pattern[] }
    | { readonly kind: "choice"; readonly options: readonly Pattern[] }
    /** `most` may be Infinity. */
    | { readonly kind: "repeat"; readonly item: Pattern; readonly least: number; readonly most: number }
    /** What comes next begins with it, or does not. Takes no character. */
    | { readonly kind: "ahead"; readonly item: Pattern; readonly not: boolean }
    | { readonly kind: "start" | "end" | "boundary" | "no-boundary" };

/** A pattern that begins with `^(?=...)(?!...)` in two: what is tested at the begin of the text, and the rest. */
export function splitAhead(pattern: Pattern): { readonly ahead: readonly Extract<Pattern, { kind: "ahead" }>[]; readonly rest: Pattern } {
    const items = pattern.kind === "sequence" ? pattern.items : [];
    const others = items.slice(1);
    const end = others.findIndex(({ kind }) => kind !== "ahead");
    const ahead = (end === -1 ? others : others.slice(0, end)).filter((item) => item.kind === "ahead");
    if (items[0]?.kind !== "start" || ahead.length === 0) {
        return { ahead: [], rest: pattern };
    }
    return { ahead, rest: { kind: "sequence", items: [{ kind: "start" }, ...others.slice(ahead.length)] } };
}

export const LAST_CODE_POINT = 0x10ffff;

/** Sorted, and joined where they touch. */
export function joined(ranges: readonly Range[]): Range[] {
    const sorted = [...ranges].sort(([a], [b]) => a - b);
    const result: Range[] = [];
    for (const [first, last] of sorted) {
        const before = result.at(-1);
        if (before !== undefined && first <= before[1] + 1) {
            result[result.length - 1] = [before[0], Math.max(before[1], last)];
        } else {
            result.push([first, last]);
        }
    }
    return result;
}

/** All characters but these. */
export function inverted(ranges: readonly Range[]): Range[] {
    const result: Range[] = [];
    let next = 0;
    for (const [first, last] of joined(ranges)) {
        if (first > next) {
            result.push([next, first - 1]);
        }
        next = last + 1;
    }
    if (next <= LAST_CODE_POINT) {
        result.push([next, LAST_CODE_POINT]);
    }
    return result;
}

/** What is in both. */
export function common(one: readonly Range[], other: readonly Range[]): Range[] {
    return inverted([...inverted(one), ...inverted(other)]);
}
