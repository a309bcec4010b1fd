/** Where a plot's axis has its marks. Pure. */

/**
 * Round values from 0 to at least `max`, four to six of them.
 * @param {number} max
 * @returns {number[]} the last one is the axis's end
 */
export function valueTicks(max) {
    const wanted = max > 0 ? max : 1;
    const rough = wanted / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999) ?? rough;
    const steps = Math.ceil(wanted / step - 0.001);
    return Array.from({ length: steps + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/**
 * As `valueTicks`, in mebibytes, with round gibibytes from one on.
 * @param {number} max
 */
export function mebibyteTicks(max) {
    return max <= 1024 ? valueTicks(max) : valueTicks(max / 1024).map((gibibytes) => gibibytes * 1024);
}

const STEPS_MSEC = [15e3, 30e3, 60e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 10_800e3, 14_400e3, 21_600e3];

/**
 * Round times of the reader's day within a span.
 * @param {number} from
 * @param {number} to
 * @param {number} most
 * @param {number} [offsetMsec] of the reader's time to UTC
 */
export function timeTicks(from, to, most, offsetMsec = new Date(to).getTimezoneOffset() * -60_000) {
    const step = STEPS_MSEC.find((candidate) => (to - from) / candidate <= most) ?? to - from;
    const ticks = [];
    for (let at = Math.ceil((from + offsetMsec) / step) * step - offsetMsec; at <= to; at += step) {
        ticks.push(at);
    }
    return ticks;
}
