/** Keywords that ajv checks with rounding errors, or in a time that grows with a square: checked here, exactly, in a time that grows with the value. */

import type { FuncKeywordDefinition } from "ajv";

/** Counts what a check takes, and throws when that is too much. */
export type Spend = (steps: number) => void;

/** Characters of a value's text that take as long as one step. */
const CHARACTERS_A_STEP = 100;

/** The same text for equal JSON values, whatever the order of their properties. @param value nested no deeper than limits.ts allows */
export function canonical(value: unknown): string {
    if (Array.isArray(value)) {
        return `[${value.map(canonical).join(",")}]`;
    }
    if (typeof value === "object" && value !== null) {
        const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
        return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join(",")}}`;
    }
    return JSON.stringify(value);
}

/** value = digits * 10^exponent */
function decimal(value: number): { readonly digits: bigint; readonly exponent: number } {
    const [mantissa = "", exponent = "0"] = String(value).split("e");
    const [whole = "", fraction = ""] = mantissa.split(".");
    return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

/** Of the numbers as they are written: 19.99 is a multiple of 0.01, which a division of binary numbers denies. */
export function isMultiple(value: number, of: number): boolean {
    // JSON's 1e999.
    if (!Number.isFinite(value) || !Number.isFinite(of)) {
        return false;
    }
    const [a, b] = [decimal(value), decimal(of)];
    const least = Math.min(a.exponent, b.exponent);
    const scaled = ({ digits, exponent }: ReturnType<typeof decimal>): bigint => digits * 10n ** BigInt(exponent - least);
    return scaled(a) % scaled(b) === 0n;
}

/** For ajv. */
export function exactKeywords(spend: Spend): FuncKeywordDefinition[] {
    const textOf = (value: unknown): string => {
        const text = canonical(value);
        spend(1 / 2 + text.length / CHARACTERS_A_STEP);
        return text;
    };
    return [
        {
            keyword: "multipleOf",
            type: "number",
            schemaType: "number",
            validate: (of: number, value: number) => isMultiple(value, of),
            error: { message: ({ schema }) => `must be multiple of ${String(schema)}` },
        },
        {
            keyword: "uniqueItems",
            type: "array",
            schemaType: "boolean",
            validate: (wanted: boolean, items: readonly unknown[]) => !wanted || new Set(items.map(textOf)).size === items.length,
            error: { message: "must NOT have duplicate items" },
        },
        {
            keyword: "enum",
            schemaType: "array",
            compile: (values: readonly unknown[]) => {
                const keys = new Set(values.map(canonical));
                return (value) => keys.has(textOf(value));
            },
            error: { message: "must be equal to one of the allowed values" },
        },
    ];
}
