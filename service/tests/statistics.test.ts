import { expect, it } from "vitest";
import { rate } from "../src/engine/generation.js";
import { hourName, spanOf } from "../src/http/hours.js";
import { formatLine } from "../src/log.js";
import { percentile95, statistics } from "../src/store/statistics.js";

it("counts the rows of a time span", () => {
    const row = (ts: number, durationPromptMsec: number, code: number) => ({ ts, durationPromptMsec, durationQueueMsec: 10, code });
    expect(statistics([row(1, 999, 200), row(5, 100, 200), row(6, 300, 400)], 5)).toEqual({
        total: 2,
        success: 1,
        failed: 1,
        avgPromptDuration: 200,
        avgQueueDuration: 10,
        p95PromptDuration: 300,
        p95QueueDuration: 10,
    });
    expect(statistics([], 0)).toMatchObject({ total: 0, avgPromptDuration: 0, p95PromptDuration: 0 });
});

it("takes the 95th percentile by nearest rank", () => {
    expect(percentile95(Array.from({ length: 100 }, (_, index) => index + 1))).toBe(95);
    expect(percentile95([7])).toBe(7);
});

it("gives tokens a second from the first token on", () => {
    expect(rate(11, 0, 1000, 1500)).toBe(20);
    expect(rate(1, 0, 500, 500)).toBe(2);
    expect(rate(0, 0, undefined, 0)).toBe(0);
});

it("reads dates and hours as UTC", () => {
    expect(spanOf("20260203", "04")).toEqual({ from: Date.UTC(2026, 1, 3, 4), to: Date.UTC(2026, 1, 3, 5) });
    expect(hourName(Date.UTC(2026, 1, 3, 4, 59))).toBe("20260203-04");
    for (const [date, hour] of [["2026", "01"], ["20260231", "01"], ["20260203", "24"], ["20260203", "x"]] as const) {
        expect(() => spanOf(date, hour)).toThrow();
    }
});

it("writes a log line without line ends and control characters", () => {
    expect(formatLine({ ts: 0, pipe: "core", kind: "warn", message: "a\nb\u0007" })).toBe("1970-01-01T00:00:00.000Z WARN core a | b?");
});
