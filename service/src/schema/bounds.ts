/** Bounds of numbers: combined, and as integers. Pure. */

import type { Bound, Node } from "./node.js";

type Schema = Readonly<Record<string, unknown>>;

function tighter(one: Bound | undefined, other: Bound | undefined, sign: 1 | -1): Bound | undefined {
    if (one === undefined || other === undefined) {
        return one ?? other;
    }
    if (one.value === other.value) {
        return one.exclusive ? one : other;
    }
    return sign * one.value > sign * other.value ? one : other;
}

/** Both hold. */
export function lowest(one: Bound | undefined, other: Bound | undefined): Bound | undefined {
    return tighter(one, other, 1);
}

/** Both hold. */
export function highest(one: Bound | undefined, other: Bound | undefined): Bound | undefined {
    return tighter(one, other, -1);
}

/** Of a schema, the tighter of both keywords. @param sign 1: the higher is tighter */
export function boundOf(schema: Schema, inside: string, outside: string, sign: 1 | -1): Bound | undefined {
    const [value, exclusive] = [schema[inside], schema[outside]];
    return tighter(
        typeof value === "number" ? { value, exclusive: false } : undefined,
        typeof exclusive === "number" ? { value: exclusive, exclusive: true } : undefined,
        sign,
    );
}

/** The first integer inside. */
export function firstInteger(low: Bound | undefined): number {
    return low === undefined ? -Infinity : low.exclusive ? Math.floor(low.value) + 1 : Math.ceil(low.value);
}

/** The last integer inside. */
export function lastInteger(high: Bound | undefined): number {
    return high === undefined ? Infinity : high.exclusive ? Math.ceil(high.value) - 1 : Math.floor(high.value);
}

export function integerNode(low: number, high: number): Node {
    return low > high ? { kind: "never" } : { kind: "integer", low, high };
}

export function numberNode(low: Bound | undefined, high: Bound | undefined): Node {
    if (low !== undefined && high !== undefined && (low.value > high.value || (low.value === high.value && (low.exclusive || high.exclusive)))) {
        return { kind: "never" };
    }
    return { kind: "number", ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) };
}
