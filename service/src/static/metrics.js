/** Figures of GET /metrics, Prometheus' text form. Pure. */

/**
 * @param {string} text
 * @returns {Map<string, number>} by name, the sum over all labels
 */
export function figures(text) {
    /** @type {Map<string, number>} */
    const found = new Map();
    for (const line of text.split("\n")) {
        const [, name, value] = /^([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)/.exec(line) ?? [];
        if (name !== undefined) {
            found.set(name, (found.get(name) ?? 0) + Number(value));
        }
    }
    return found;
}

/**
 * How fast a counter grew, a second, at each of its readings.
 * @param {readonly { x: number, y: number }[]} readings by time, x in ms
 * @param {number} windowMsec over which each rate is taken
 */
export function rates(readings, windowMsec) {
    return readings.slice(1).map(({ x, y }, index) => {
        const before = readings.slice(0, index + 1).findLast((other) => x - other.x >= windowMsec) ?? readings[0] ?? { x, y };
        const grown = y - before.y;
        // A counter that fell started again: the service was restarted.
        return { x, y: grown >= 0 && x > before.x ? (grown / (x - before.x)) * 1000 : 0 };
    });
}
