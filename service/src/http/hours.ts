/** `date=YYYYMMDD&hour=HH` as a span of time, and the names of hours. UTC, like the lines of the log. */

import { badRequest } from "../errors.js";

const HOUR_MSEC = 3_600_000;

/** From `from` to before `to`, milliseconds since the epoch. */
interface Span {
    readonly from: number;
    readonly to: number;
}

/** @param hour absent: the whole day. @throws ServiceError 400 */
export function spanOf(date: string, hour: string | undefined): Span {
    const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(date) ?? [];
    const start = Date.parse(`${year ?? ""}-${month ?? ""}-${day ?? ""}T00:00:00Z`);
    if (Number.isNaN(start) || new Date(start).toISOString().slice(8, 10) !== day) {
        throw badRequest(`date must be YYYYMMDD, not "${date}"`);
    }
    if (hour === undefined) {
        return { from: start, to: start + 24 * HOUR_MSEC };
    }
    if (!/^([01]?\d|2[0-3])$/.test(hour)) {
        throw badRequest(`hour must be 00..23, not "${hour}"`);
    }
    const from = start + Number(hour) * HOUR_MSEC;
    return { from, to: from + HOUR_MSEC };
}

/** `YYYYMMDD-HH` */
export function hourName(ts: number): string {
    return new Date(ts).toISOString().slice(0, 13).replaceAll("-", "").replace("T", "-");
}
