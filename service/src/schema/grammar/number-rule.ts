/** Numbers between two bounds as a rule of GBNF: digits with a point, no exponent. Pure. */

import type { Bound, NumberNode } from "../node.js";
import { literal, repeated } from "./characters.js";

/** Digits after the point that are free, and digits before it where there is no upper bound. */
const FREE = 15;

const DIGITS = "[0-9]";

/** A bound as a whole number of 10^-`places`. */
interface Scaled {
    readonly value: bigint;
    readonly exclusive: boolean;
}

/** Digits after the point. Undefined for numbers that JavaScript writes with an exponent. */
function placesOf(value: number): number | undefined {
    const text = String(Math.abs(value));
    return text.includes("e") ? undefined : (text.split(".")[1] ?? "").length;
}

function scaled({ value, exclusive }: Bound, places: number): Scaled {
    const [whole = "", fraction = ""] = String(value).split(".");
    return { value: BigInt(whole.replace("-", "") + fraction.padEnd(places, "0")) * (value < 0 ? -1n : 1n), exclusive };
}

/** Texts of as many digits, from one to the other. */
function sameLength(from: string, to: string): string {
    if (from === "") {
        return '""';
    }
    const [a, b] = [from[0] ?? "", to[0] ?? ""];
    const [low, high] = [from.slice(1), to.slice(1)];
    if (a === b) {
        return `${literal(a)} ${low === "" ? "" : sameLength(low, high)}`.trim();
    }
    const free = low === "" ? "" : ` ${DIGITS}{${low.length},${low.length}}`;
    if (/^0*$/.test(low) && /^9*$/.test(high)) {
        return `[${a}-${b}]${free}`;
    }
    const parts = [`${literal(a)} ${sameLength(low, "9".repeat(low.length))}`];
    if (Number(b) - Number(a) > 1) {
        parts.push(`[${Number(a) + 1}-${Number(b) - 1}]${free}`);
    }
    parts.push(`${literal(b)} ${sameLength("0".repeat(high.length), high)}`);
    return `(${parts.join(" | ")})`;
}

/** Whole numbers without leading zeros, 0 <= from <= to. */
function wholeNumbers(from: bigint, to: bigint): string {
    const parts: string[] = [];
    for (let low = from; low <= to; ) {
        const { length } = String(low);
        const end = 10n ** BigInt(length) - 1n;
        const high = end < to ? end : to;
        parts.push(sameLength(String(low), String(high)));
        low = high + 1n;
    }
    return `(${parts.join(" | ")})`;
}

/** From `low` to `high`, both at least 0. */
function positive(low: Scaled, high: Scaled | undefined, places: number): string | undefined {
    const unit = 10n ** BigInt(places);
    const most = high ?? { value: 10n ** BigInt(FREE) * unit - 1n, exclusive: false };
    if (low.value > most.value) {
        return undefined;
    }
    const fixed = (value: bigint): string => (places === 0 ? "" : String(value).padStart(places, "0"));
    const point = literal(".");
    const more = places === 0 ? `(${point} ${repeated(DIGITS, 1, FREE)})?` : repeated(DIGITS, 0, FREE);
    const positiveMore = places === 0 ? `${point} ${repeated(DIGITS, 0, FREE - 1)} [1-9]` : `${repeated(DIGITS, 0, FREE - 1)} [1-9]`;
    const head = (whole: bigint, fractions: string): string => `${literal(String(whole))} ${places === 0 ? "" : `${point} ${fractions} `}`;
    const parts: string[] = [];
    /** [from, to) at this many places, with any digits after. */
    const open = (from: bigint, to: bigint): void => {
        const [first, last] = [from / unit, (to - 1n) / unit];
        const [firstRest, lastRest] = [from % unit, (to - 1n) % unit];
        if (first === last) {
            parts.push(`${head(first, sameLength(fixed(firstRest), fixed(lastRest)))}${more}`);
            return;
        }
        const [wholeFrom, wholeTo] = [firstRest === 0n ? first : first + 1n, lastRest === unit - 1n ? last : last - 1n];
        if (firstRest !== 0n) {
            parts.push(`${head(first, sameLength(fixed(firstRest), fixed(unit - 1n)))}${more}`);
        }
        if (wholeFrom <= wholeTo) {
            parts.push(`${wholeNumbers(wholeFrom, wholeTo)} (${point} ${repeated(DIGITS, 1, FREE)})?`);
        }
        if (lastRest !== unit - 1n) {
            parts.push(`${head(last, sameLength(fixed(0n), fixed(lastRest)))}${more}`);
        }
    };
    if (low.exclusive && low.value < most.value) {
        parts.push(`${head(low.value / unit, sameLength(fixed(low.value % unit), fixed(low.value % unit)))}${positiveMore}`);
    }
    const from = low.exclusive ? low.value + 1n : low.value;
    if (from < most.value) {
        open(from, most.value);
    }
    if (!most.exclusive && (from <= most.value)) {
        parts.push(head(most.value / unit, sameLength(fixed(most.value % unit), fixed(most.value % unit))).trim());
    }
    return parts.length === 0 ? undefined : `(${parts.join(" | ")})`;
}

function negated({ value, exclusive }: Scaled): Scaled {
    return { value: -value, exclusive };
}

const ZERO: Scaled = { value: 0n, exclusive: false };

/** @returns undefined where there is no bound, or one too large or too small to be written out: such numbers are only checked */
export function numberRule({ low, high }: NumberNode): string | undefined {
    const all = [low, high].filter((bound) => bound !== undefined);
    const counts = all.map(({ value }) => placesOf(value));
    if (all.length === 0 || counts.some((count) => count === undefined || count > FREE - 3) || all.some(({ value }) => Math.abs(value) >= 10 ** FREE)) {
        return undefined;
    }
    const places = Math.max(...counts.map((count) => count ?? 0));
    const [from, to] = [low === undefined ? undefined : scaled(low, places), high === undefined ? undefined : scaled(high, places)];
    const parts: string[] = [];
    if (to === undefined || to.value >= 0n) {
        const part = positive(from === undefined || from.value < 0n ? ZERO : from, to, places);
        if (part !== undefined) {
            parts.push(part);
        }
    }
    if (from === undefined || from.value < 0n) {
        const part = positive(to === undefined || to.value >= 0n ? { ...ZERO, exclusive: true } : negated(to), from === undefined ? undefined : negated(from), places);
        if (part !== undefined) {
            parts.push(`${literal("-")} ${part}`);
        }
    }
    return parts.length === 0 ? undefined : parts.join(" | ");
}
