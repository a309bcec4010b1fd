import { expect, it } from "vitest";
import { serveOn } from "../src/leave.js";

it("takes the notice, whatever waits, and leaves all of the drain where nothing does", async () => {
    const begin = performance.now();
    expect(await serveOn({ noticeMsec: 100, drainMsec: 5000 }, () => 0)).toBe(5000);
    expect(performance.now() - begin).toBeGreaterThan(95);
});

it("goes on until nothing waits, and takes that time off the drain", async () => {
    let waiting = 3;
    const left = await serveOn({ noticeMsec: 0, drainMsec: 60_000 }, () => {
        waiting -= 1;
        return waiting;
    });
    expect(waiting).toBe(0);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(60_000 - 80);
});

it("ends with the drain where the queue does not get empty", async () => {
    expect(await serveOn({ noticeMsec: 0, drainMsec: 120 }, () => 1)).toBe(0);
});
