import { describe, expect, it } from "vitest";
import { megabytes, milliseconds, roundMilliseconds, span } from "../../src/static/format.js";
import { back, bars, durations } from "../../src/static/history.js";
import { figures, rates } from "../../src/static/metrics.js";
import { mebibyteTicks, timeTicks, valueTicks } from "../../src/static/ticks.js";

/**
 * @param {number} id
 * @param {number} ts
 */
const row = (id, ts, code = 200) => ({ id, ts, durationPromptMsec: 10 * id, durationQueueMsec: 0, code });

describe("figures for people", () => {
    it.each([
        [0, "0 ms"],
        [999, "999 ms"],
        [1500, "1.50 s"],
        [61_000, "1 min 1 s"],
    ])("%d ms", (msec, text) => {
        expect(milliseconds(msec)).toBe(text);
    });

    it("shows the two largest units", () => {
        expect([span(0), span(59), span(3600), span(90_061)]).toEqual(["0 s", "59 s", "1 h", "1 d 1 h"]);
        expect([megabytes(3.25), megabytes(96), megabytes(2048)]).toEqual(["3.3 MiB", "96 MiB", "2 GiB"]);
        expect([0, 250, 2500, 15_000].map(roundMilliseconds)).toEqual(["0 ms", "250 ms", "2.5 s", "15 s"]);
    });
});

describe("axes", () => {
    it.each([0, 0.3, 1, 4, 7, 99, 100, 101, 12_345])("reach %d in round steps", (max) => {
        const ticks = valueTicks(max);
        expect(ticks[0]).toBe(0);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(max);
        expect(ticks.length).toBeGreaterThanOrEqual(3);
        expect(ticks.length).toBeLessThanOrEqual(6);
    });

    it("mark round gibibytes", () => {
        expect(mebibyteTicks(600)).toEqual([0, 200, 400, 600]);
        expect(mebibyteTicks(14_000)).toEqual([0, 5120, 10_240, 15_360]);
    });

    it("mark round times of the reader's day", () => {
        const hour = 3_600_000;
        expect(timeTicks(0, hour, 4, 0)).toEqual([0, 900_000, 1_800_000, 2_700_000, hour]);
        expect(timeTicks(0, 24 * hour, 4, hour / 2)[0]).toBe(5.5 * hour);
    });
});

describe("history", () => {
    it("counts good and failed requests by time", () => {
        const { good, bad } = bars([row(1, 65_000), row(2, 66_000, 400), row(3, 180_000), row(4, 999_000)], 60_000, 180_000, 60_000);
        expect(good.map(({ y }) => y)).toEqual([1, 0, 1]);
        expect(bad.map(({ y }) => y)).toEqual([1, 0, 0]);
        expect(durations([row(1, 5), row(2, 50, 400)], 10)).toEqual([{ x: 50, y: 20, bad: true }]);
    });

    it("reads backwards, page by page", async () => {
        const all = Array.from({ length: 450 }, (_, index) => row(index + 1, index + 1));
        /** @type {(number | undefined)[]} */
        const asked = [];
        /** @param {number | undefined} beforeId */
        const page = (beforeId) => {
            asked.push(beforeId);
            return Promise.resolve(all.filter(({ id }) => beforeId === undefined || id < beforeId).slice(-200).reverse());
        };
        const rows = await back(page, 0, 10);
        expect(rows.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
        expect(asked).toEqual([undefined, 251, 51]);
        expect(await back(page, 300, 10)).toHaveLength(200);
        expect(await back(page, 0, 2)).toHaveLength(400);
    });
});

describe("metrics", () => {
    it("are read and summed over labels", () => {
        const found = figures('# HELP a b\n# TYPE a counter\na{x="1 {2}"} 2\na{x="3"} 3.5\nb 1e3\n\nc_bucket{le="+Inf"} 4\n');
        expect([...found]).toEqual([["a", 5.5], ["b", 1000], ["c_bucket", 4]]);
    });

    it("become rates, also after a restart", () => {
        const readings = [0, 10, 40, 0].map((y, index) => ({ x: index * 1000, y }));
        expect(rates(readings, 2000).map(({ y }) => y)).toEqual([10, 20, 0]);
    });
});
