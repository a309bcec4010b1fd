import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { StartError } from "../src/errors.js";
import { apiKeyFrom, portFrom, stopTimesFrom, USUAL_STOP } from "../src/start-environment.js";

const folder = mkdtempSync(path.join(tmpdir(), "mentator-"));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(text: string | Buffer): string {
    const file = path.join(folder, "key");
    writeFileSync(file, text);
    return file;
}

function linesOf(read: () => unknown): string {
    try {
        read();
    } catch (thrown) {
        expect(thrown).toBeInstanceOf(StartError);
        expect((thrown as StartError).exitCode).toBe(2);
        return (thrown as StartError).lines.join("\n");
    }
    return "";
}

describe("the API key", () => {
    it("is the configured one where no variable is set", () => {
        expect(apiKeyFrom({}, "configured")).toBe("configured");
        expect(apiKeyFrom({ MENTATOR_API_KEY: "", MENTATOR_API_KEY_FILE: "" }, "configured")).toBe("configured");
    });

    it("is that of the variable, before the configured one", () => {
        expect(apiKeyFrom({ MENTATOR_API_KEY: "mine" }, "configured")).toBe("mine");
    });

    it.each(["mine", "mine\n", "mine\r\n"])("is read from a file, without its line end: %j", (text) => {
        expect(apiKeyFrom({ MENTATOR_API_KEY_FILE: fileOf(text) }, "configured")).toBe("mine");
    });

    it.each(["", "\n", "two words", "se\ncret", "sécret", "x".repeat(5000)])("cannot be %j, and the fault does not show it", (text) => {
        const fault = linesOf(() => apiKeyFrom({ MENTATOR_API_KEY_FILE: fileOf(text) }, "configured"));
        expect(fault).toMatch(/^MENTATOR_API_KEY_FILE \(.*\): must be a text of 1\.\.4096 characters/);
        expect(text.trim() !== "" && fault.includes(text)).toBe(false);
    });

    it("cannot be in a file that is not there: the service must not start without one", () => {
        expect(linesOf(() => apiKeyFrom({ MENTATOR_API_KEY_FILE: path.join(folder, "none") }, ""))).toMatch(/cannot be read: ENOENT/);
        expect(linesOf(() => apiKeyFrom({ MENTATOR_API_KEY_FILE: folder }, ""))).toMatch(/cannot be read: EISDIR/);
    });

    it("has one source", () => {
        const both = { MENTATOR_API_KEY: "secret", MENTATOR_API_KEY_FILE: fileOf("secret") };
        expect(linesOf(() => apiKeyFrom(both, ""))).toMatch(/one of them, not both/);
        expect(linesOf(() => apiKeyFrom({ MENTATOR_API_KEY: "se cret" }, ""))).not.toContain("se cret");
    });
});

describe("the times of a stop", () => {
    it("are the usual ones where no variable is set", () => {
        expect(stopTimesFrom({ MENTATOR_STOP_NOTICE: "" })).toEqual(USUAL_STOP);
    });

    it("are seconds", () => {
        expect(stopTimesFrom({ MENTATOR_STOP_NOTICE: "5", MENTATOR_STOP_DRAIN: "120" })).toEqual({ noticeMsec: 5000, drainMsec: 120_000 });
    });

    it.each(["-1", "1.5", "1e3", "86401", "soon", " 5"])("cannot be %j", (text) => {
        expect(linesOf(() => stopTimesFrom({ MENTATOR_STOP_DRAIN: text }))).toContain(`MENTATOR_STOP_DRAIN: must be 0..86400, not "${text}"`);
    });
});

describe("the port", () => {
    it("is the configured one, or that of the variable", () => {
        expect([portFrom(undefined, 1), portFrom("", 1), portFrom("65535", 1)]).toEqual([1, 1, 65_535]);
    });

    it.each(["0", "65536", "x"])("cannot be %j", (text) => {
        expect(linesOf(() => portFrom(text, 1))).toContain(`MENTATOR_PORT: must be 1..65535, not "${text}"`);
    });
});
