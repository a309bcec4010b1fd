import { expect, it } from "vitest";
import { parseCommandLine } from "../src/cli.js";

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
