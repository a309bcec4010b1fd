/** `date=YYYYMMDD&hour=HH` as a span of time, and the names of hours. Local time: that of the variable TZ. */

import { badRequest } from "../errors.js";

/** From `from` to before `to`, milliseconds since the epoch. */
interface Span {
    readonly from: number;
    readonly to: number;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** @param hour absent or empty: the whole day. @throws ServiceError 400 */
export function spanOf(date: string, hour: string | undefined): Span {
    const [year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(date)?.slice(1).map(Number) ?? [];
    // The month counts from 0. A day of 23 or 25 hours has its right end, where the clock changes.
    const at = (days: number, hours: number): number => new Date(year ?? NaN, (month ?? NaN) - 1, (day ?? NaN) + days, hours).getTime();
    if (new Date(at(0, 12)).getDate() !== day || month === undefined || month > 12 || month < 1) {
        throw badRequest(`date must be YYYYMMDD, not "${date}"`);
    }
    if (hour === undefined || hour === "") {
        return { from: at(0, 0), to: at(1, 0) };
    }
    if (!/^([01]?\d|2[0-3])$/.test(hour)) {
        throw badRequest(`hour must be 00..23, not "${hour}"`);
    }
    return { from: at(0, Number(hour)), to: at(0, Number(hour) + 1) };
}

/** `YYYYMMDD-HH` */
export function hourName(ts: number): string {
    const time = new Date(ts);
    return `${time.getFullYear()}${two(time.getMonth() + 1)}${two(time.getDate())}-${two(time.getHours())}`;
}

/** ISO 8601 with the distance to UTC, `2026-01-31T10:00:00.123+01:00`. */
export function localTime(ts: number): string {
    const minutes = -new Date(ts).getTimezoneOffset();
    const far = Math.abs(minutes);
    const clock = new Date(ts + minutes * 60_000).toISOString().slice(0, -1);
    return `${clock}${minutes < 0 ? "-" : "+"}${two(Math.floor(far / 60))}:${two(far % 60)}`;
}
