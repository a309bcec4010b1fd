import { expect, it } from "vitest";
import { rate } from "../src/engine/generation.js";
import { hourName, localTime, spanOf } from "../src/http/hours.js";
import { formatLine } from "../src/log.js";

it("gives tokens a second from the first token on", () => {
    expect(rate(11, 0, 1000, 1500)).toBe(20);
    expect(rate(1, 0, 500, 500)).toBe(2);
    expect(rate(0, 0, undefined, 0)).toBe(0);
});

it("reads dates and hours in the time zone of TZ, also where the clock changes", () => {
    const before = process.env["TZ"];
    process.env["TZ"] = "Europe/Berlin";
    try {
        expect(spanOf("20260203", "04")).toEqual({ from: Date.UTC(2026, 1, 3, 3), to: Date.UTC(2026, 1, 3, 4) });
        expect(spanOf("20260203", "")).toEqual({ from: Date.UTC(2026, 1, 2, 23), to: Date.UTC(2026, 1, 3, 23) });
        const day = spanOf("20260329", undefined);
        expect(day.to - day.from).toBe(23 * 3_600_000);
        expect(hourName(Date.UTC(2026, 1, 3, 23, 59))).toBe("20260204-00");
        expect(localTime(Date.UTC(2026, 6, 3, 23, 59))).toBe("2026-07-04T01:59:00.000+02:00");
    } finally {
        process.env["TZ"] = before ?? "UTC";
    }
    for (const [date, hour] of [["2026", "01"], ["20260231", "01"], ["20261301", ""], ["20260203", "24"], ["20260203", "x"]] as const) {
        expect(() => spanOf(date, hour)).toThrow();
    }
});

it("writes a log line without line ends and control characters", () => {
    expect(formatLine({ ts: 0, pipe: "core", kind: "warn", message: "a\nb\u0007" })).toBe("1970-01-01T00:00:00.000Z WARN core a | b?");
    expect(formatLine({ ts: 0, pipe: "core", kind: "warn", message: " a \r\n\n  b  c\n" })).toBe("1970-01-01T00:00:00.000Z WARN core a | b  c");
    // Of this many, a pattern for white space around line ends would take hours.
    const spaces = " ".repeat(2e6);
    expect(formatLine({ ts: 0, pipe: "core", kind: "warn", message: `a${spaces}b` })).toBe(`1970-01-01T00:00:00.000Z WARN core a${spaces}b`);
});
