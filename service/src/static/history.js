/** Requests of the last hours, from the rows of the chat log. Pure. */

/**
 * @typedef {object} Row of GET /log/chat/byid, as far as figures need it
 * @property {number} id
 * @property {number} ts milliseconds since the epoch, the request's end
 * @property {number} durationPromptMsec
 * @property {number} durationQueueMsec
 * @property {number} code HTTP status
 */

/**
 * How many requests ended well, and how many did not, by time.
 * @param {readonly Row[]} rows
 * @param {number} from
 * @param {number} to
 * @param {number} barMsec
 */
export function bars(rows, from, to, barMsec) {
    const first = Math.floor(from / barMsec) * barMsec;
    const length = Math.floor((to - first) / barMsec) + 1;
    const good = Array.from({ length }, (_, index) => ({ x: first + index * barMsec, y: 0 }));
    const bad = good.map((point) => ({ ...point }));
    for (const { ts, code } of rows) {
        const bar = (code === 200 ? good : bad)[Math.floor((ts - first) / barMsec)];
        if (bar !== undefined) {
            bar.y += 1;
        }
    }
    return { good, bad };
}

/**
 * @param {readonly Row[]} rows
 * @param {number} from
 */
export function durations(rows, from) {
    return rows.filter(({ ts }) => ts >= from).map(({ ts, durationPromptMsec, code }) => ({ x: ts, y: durationPromptMsec, bad: code !== 200 }));
}

/**
 * Reads rows backwards, page by page.
 * @param {(beforeId: number | undefined) => Promise<readonly Row[]>} page at most 200 rows, newest first
 * @param {number} since milliseconds since the epoch
 * @param {number} pages at most
 * @returns {Promise<Row[]>} oldest first
 */
export async function back(page, since, pages) {
    /** @type {Row[]} */
    const rows = [];
    for (let count = 0; count < pages; count++) {
        const oldest = rows.at(-1);
        if (oldest !== undefined && (oldest.ts < since || oldest.id <= 1)) {
            break;
        }
        const before = await page(oldest?.id);
        if (before.length === 0) {
            break;
        }
        rows.push(...before);
    }
    return rows.reverse();
}
