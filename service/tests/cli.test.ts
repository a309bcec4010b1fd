import { expect, it } from "vitest";
import { backendFromEnvironment } from "../src/backend.js";
import { parseCommandLine } from "../src/cli.js";
import { StartError } from "../src/errors.js";

it.each([
    [["--conf-docker", "/f"], { kind: "docker", file: "/f" }],
    [["--conf-use", "/f"], { kind: "use", file: "/f" }],
    [["--conf-gen", "/d"], { kind: "generate", folder: "/d" }],
    [["--version"], { kind: "version" }],
    [["--help"], { kind: "help" }],
])("reads %j", (words, expected) => {
    expect(parseCommandLine(words)).toEqual(expected);
});

it.each([[[]], [["--conf-use"]], [["--what"]], [["--conf-use", "a", "b"]]])("refuses %j", (words) => {
    expect(parseCommandLine(words).kind).toBe("fault");
});

it("takes the backend that was chosen, and CPU when none was", () => {
    expect(backendFromEnvironment({})).toMatchObject({ type: "cpu", gpu: false, devices: [] });
    const chosen = { MENTATOR_BACKEND_CHOICE: "rocm", MENTATOR_BACKEND_REASON: "kfd\nis there" };
    expect(backendFromEnvironment({ ...chosen, MENTATOR_BACKEND_DEVICES: "A: 8192 MiB", MENTATOR_BACKEND_PROOF: "/p" })).toEqual({
        type: "rocm",
        gpu: "cuda",
        reason: "kfd is there",
        devices: [{ name: "A", totalVramMb: 8192 }],
        proofFile: "/p",
    });
    expect(() => backendFromEnvironment({ MENTATOR_BACKEND_CHOICE: "metal" })).toThrow(StartError);
});
