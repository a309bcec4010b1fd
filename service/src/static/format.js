/** Figures as people read them. Pure. */

/** @param {number} value */
export function count(value) {
    return value.toLocaleString("en").replaceAll(",", "\u202f");
}

/**
 * A number of things: "1 row", "2 rows".
 * @param {number} value
 * @param {string} thing
 */
export function many(value, thing) {
    return `${count(value)} ${thing}${value === 1 ? "" : "s"}`;
}

/** @param {number} megabytes mebibytes, as the API counts */
export function megabytes(megabytes) {
    const [value, unit] = megabytes >= 1024 ? [megabytes / 1024, "GiB"] : [megabytes, "MiB"];
    return `${Number(value.toFixed(value >= 10 ? 0 : 1))} ${unit}`;
}

/** @param {number} msec */
export function milliseconds(msec) {
    if (msec < 1000) {
        return `${Math.round(msec)} ms`;
    }
    return msec < 60_000 ? `${(msec / 1000).toFixed(msec < 10_000 ? 2 : 1)} s` : span(msec / 1000);
}

/**
 * Round values, for an axis.
 * @param {number} msec
 */
export function roundMilliseconds(msec) {
    return msec < 1000 ? `${msec} ms` : `${Number((msec / 1000).toFixed(2))} s`;
}

/**
 * The two largest units.
 * @param {number} seconds
 */
export function span(seconds) {
    const whole = Math.floor(seconds);
    const parts = [
        [Math.floor(whole / 86_400), "d"],
        [Math.floor(whole / 3600) % 24, "h"],
        [Math.floor(whole / 60) % 60, "min"],
        [whole % 60, "s"],
    ];
    const first = parts.findIndex(([value]) => value !== 0);
    if (first === -1) {
        return "0 s";
    }
    return parts
        .slice(first, first + 2)
        .filter(([value]) => value !== 0)
        .map((pair) => pair.join(" "))
        .join(" ");
}

/** @param {number} rate */
export function perSecond(rate) {
    return rate >= 100 ? rate.toFixed(0) : rate.toFixed(1);
}

/** @param {number} value */
const two = (value) => String(value).padStart(2, "0");

/**
 * The reader's own time of day.
 * @param {number} ts
 */
export function clock(ts) {
    const at = new Date(ts);
    return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** @param {number} ts */
export function day(ts) {
    const at = new Date(ts);
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** @param {unknown} thrown */
export function messageOf(thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
}
