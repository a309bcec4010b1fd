import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { backendFromEnvironment, type ChosenBackend } from "../src/backend/backend.js";
import { parseDevices } from "../src/backend/devices.js";
import { parseTable } from "../src/backend/table.js";
import { LlamaEngine } from "../src/engine/llama-engine.js";
import * as library from "../src/engine/library.js";
import { StartError } from "../src/errors.js";
import { Surface } from "../src/gpu/surface.js";
import { createServer } from "../src/http/server.js";
import { Log } from "../src/log.js";
import { fakeService } from "./fake-service.js";

const TABLE = fileURLToPath(new URL("fixtures/backends.json", import.meta.url));

/** Only in the repository: a build of the image has the service's folder alone. */
const REAL_TABLE = fileURLToPath(new URL("../../docker/backends.json", import.meta.url));

/** What is thrown, one line a fault. */
function faultsOf(environment: Record<string, string>): readonly string[] {
    try {
        backendFromEnvironment(environment);
    } catch (thrown) {
        expect(thrown).toBeInstanceOf(StartError);
        expect((thrown as StartError).exitCode).toBe(2);
        return (thrown as StartError).lines;
    }
    return [];
}

function fileWith(text: string): string {
    const file = path.join(mkdtempSync(path.join(tmpdir(), "mentator-")), "backends.json");
    writeFileSync(file, text);
    return file;
}

describe("the devices", () => {
    it("are read from the entrypoint's list", () => {
        expect(parseDevices("NVIDIA L4: 23034 MiB; NVIDIA A100: SXM: 81920 MiB")).toEqual([
            { name: "NVIDIA L4", totalVramMb: 23034 },
            { name: "NVIDIA A100: SXM", totalVramMb: 81920 },
        ]);
    });

    it.each(["", ";", "L4", "L4: many MiB"])("are empty for %j", (text) => {
        expect(parseDevices(text)).toEqual([]);
    });
});

describe("the choice", () => {
    it("takes the row of the table, and what the entrypoint says about it", () => {
        const { backend, modes, warnings } = backendFromEnvironment({
            MENTATOR_BACKEND_TABLE: TABLE,
            MENTATOR_BACKEND_CHOICE: "fake",
            MENTATOR_BACKEND_REASON: "the card\nis there",
            MENTATOR_BACKEND_DEVICES: "A: 8192 MiB",
            MENTATOR_BACKEND_PROOF: "/p",
        });
        expect(backend).toEqual({
            mode: { name: "fake", title: "Fake cards", gpu: "fake-word", watch: ["dev/fake[0-9]*", "dev/fakectl", "proc/driver/fake/version"] },
            reason: "the card is there",
            devices: [{ name: "A", totalVramMb: 8192 }],
            proofFile: "/p",
        });
        expect(modes.map(({ name }) => name)).toEqual(["fake", "bare", "cpu"]);
        expect(warnings).toEqual([]);
    });

    it("is the CPU when nothing was chosen", () => {
        const { backend } = backendFromEnvironment({ MENTATOR_BACKEND_TABLE: TABLE });
        expect(backend).toMatchObject({ mode: { name: "cpu", gpu: false }, reason: "no backend was chosen, so CPU", devices: [] });
    });

    it("takes a row without optional keys", () => {
        const { backend } = backendFromEnvironment({ MENTATOR_BACKEND_TABLE: TABLE, MENTATOR_BACKEND_CHOICE: "bare" });
        expect(backend.mode).toEqual({ name: "bare", title: "bare", gpu: "fake-word", watch: [] });
    });

    it("is refused when the table does not have it", () => {
        expect(faultsOf({ MENTATOR_BACKEND_TABLE: TABLE, MENTATOR_BACKEND_CHOICE: "metal" })).toEqual([
            'MENTATOR_BACKEND_CHOICE: must be one of fake, bare, cpu, not "metal"',
        ]);
    });

    it("without a table is the CPU, with one line for the log if another was chosen", () => {
        const none = path.join(tmpdir(), "no-such-table.json");
        expect(backendFromEnvironment({ MENTATOR_BACKEND_TABLE: none }).warnings).toEqual([]);
        expect(backendFromEnvironment({ MENTATOR_BACKEND_TABLE: none, MENTATOR_BACKEND_CHOICE: "cpu" }).warnings).toEqual([]);
        const { backend, modes, warnings } = backendFromEnvironment({ MENTATOR_BACKEND_TABLE: none, MENTATOR_BACKEND_CHOICE: "fake" });
        expect(backend.mode.name).toBe("cpu");
        expect(modes).toHaveLength(1);
        expect(warnings).toEqual([`MENTATOR_BACKEND_CHOICE is "fake", but there is no table of backends (${none}): the service runs on the CPU`]);
    });
});

describe("the table", () => {
    it.each([
        ["no JSON", "{", /^FILE: is not valid JSON: /],
        ["no modes", "{}", /^FILE: must hold a list "modes"/],
        ["an empty list", '{"modes": []}', /^FILE: must hold a list "modes"/],
        ["a row that is a text", '{"modes": ["cpu"]}', /^FILE: modes\[0\] must be an object$/],
        ["a row without a name", '{"modes": [{"getLlama": false}]}', /^FILE: modes\[0\]\.name must be/],
        ["a title that is a number", '{"modes": [{"name": "a", "title": 1, "getLlama": false}]}', /^FILE: modes\[0\]\.title must be/],
        ["a row without getLlama", '{"modes": [{"name": "a"}]}', /^FILE: modes\[0\]\.getLlama must be/],
        ["a watch that is a text", '{"modes": [{"name": "a", "getLlama": false, "watch": "dev/a"}]}', /^FILE: modes\[0\]\.watch must be a list/],
        ["two rows of one name", '{"modes": [{"name": "a", "getLlama": false}, {"name": "a", "getLlama": false}]}', /^FILE: has more than one mode "a"$/],
    ])("with %s is refused", (_, text, message) => {
        const file = fileWith(text);
        const faults = faultsOf({ MENTATOR_BACKEND_TABLE: file });
        expect(faults).toHaveLength(1);
        expect(faults[0]?.replace(file, "FILE")).toMatch(message);
    });

    it.each(["/dev/kfd", "dev/../etc/passwd", "../x", "dev/*/x", "dev/[0-9]/x", "dev/a?", "dev/[a-z]", "", "dev/"])("is refused when it watches %j", (pattern) => {
        const text = JSON.stringify({ modes: [{ name: "a", getLlama: false, watch: [pattern] }] });
        expect(() => parseTable(text)).toThrow(/^modes\[0\]\.watch\[0\] must be a relative path/);
    });

    it("lists all of its faults at once", () => {
        const file = fileWith('{"modes": [{"name": "A", "getLlama": 1}, {}]}');
        expect(faultsOf({ MENTATOR_BACKEND_TABLE: file })).toHaveLength(4);
    });

    it("that cannot be read is a fault", () => {
        expect(faultsOf({ MENTATOR_BACKEND_TABLE: tmpdir() })[0]).toMatch(/^The table of backends cannot be read: EISDIR/);
    });

    it("gets the CPU as a mode where it has no such row", () => {
        const file = fileWith('{"modes": [{"name": "a", "getLlama": "a"}]}');
        expect(backendFromEnvironment({ MENTATOR_BACKEND_TABLE: file }).modes.map(({ name }) => name)).toEqual(["a", "cpu"]);
    });

    it.skipIf(!existsSync(REAL_TABLE))("of the image has no fault, and one more row is one more mode", () => {
        const table = JSON.parse(readFileSync(REAL_TABLE, "utf8")) as { modes: object[] };
        const names = parseTable(JSON.stringify(table)).map(({ name }) => name);
        expect(names).toContain("cpu");
        const [fake] = (JSON.parse(readFileSync(TABLE, "utf8")) as { modes: object[] }).modes;
        const more = fileWith(JSON.stringify({ ...table, modes: [fake, ...table.modes] }));
        const { backend, modes } = backendFromEnvironment({ MENTATOR_BACKEND_TABLE: more, MENTATOR_BACKEND_CHOICE: "fake" });
        expect(backend.mode.title).toBe("Fake cards");
        expect(modes.map(({ name }) => name)).toEqual(["fake", ...names]);
    });
});

describe("a mode that only the table knows", () => {
    const chosen = (): ChosenBackend => backendFromEnvironment({ MENTATOR_BACKEND_TABLE: TABLE, MENTATOR_BACKEND_CHOICE: "fake" });

    it("is listed by /state with its title, and named in the OpenAPI document", async () => {
        const fake = fakeService({ chosen: chosen() });
        const server = createServer(fake.service);
        const state = (await server.inject("/state")).json<{ gpuInfo: object }>();
        expect(state.gpuInfo).toMatchObject({ type: "fake", title: "Fake cards" });
        const document = (await server.inject("/doc/json")).body;
        expect(document).toContain('"enum":["fake","bare","cpu"]');
        await server.close();
        await fake.database.close();
    });

    it("has its device nodes and files watched", async () => {
        const root = mkdtempSync(path.join(tmpdir(), "mentator-"));
        for (const file of ["dev/fake0", "dev/fakectl", "dev/fake", "proc/driver/fake/version"]) {
            mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
            writeFileSync(path.join(root, file), "");
        }
        const surface = await Surface.now(chosen().backend.mode.watch, root);
        expect(surface.files.map((file) => path.relative(root, file))).toEqual(["dev/fake0", "dev/fakectl", "proc/driver/fake/version"]);
        rmSync(path.join(root, "dev/fake0"));
        expect(await surface.fault()).toBe(`${path.join(root, "dev/fake0")}: it is not there any more`);
    });

    /** An engine whose native part reports what is given here. */
    function engineOn(reported: string | false): { engine: LlamaEngine; lines: string[]; asked: unknown[] } {
        const asked: unknown[] = [];
        const llama = {
            gpu: reported,
            dispose: async () => Promise.resolve(),
            getGpuDeviceNames: async () => Promise.resolve(["Fake 1"]),
            getVramState: async () => Promise.resolve({ total: 2 ** 30, used: 2 ** 20, free: 2 ** 29 }),
        };
        const getLlama = async ({ gpu }: { gpu: unknown }): Promise<typeof llama> => {
            asked.push(gpu);
            return Promise.resolve(llama);
        };
        vi.spyOn(library, "loadLibrary").mockResolvedValue({ getLlama, LlamaLogLevel: { warn: "warn" } } as never);
        const lines: string[] = [];
        const settings = { slots: 0, contextSize: 0, batchSize: 0, queueSize: 1 };
        return { engine: new LlamaEngine(chosen().backend, 1, settings, new Log("debug", (line) => lines.push(line))), lines, asked };
    }

    afterEach(() => {
        vi.restoreAllMocks();
    });

    it("is what node-llama-cpp is asked for", async () => {
        const { engine, lines, asked } = engineOn("fake-word");
        await engine.start();
        expect(asked).toEqual(["fake-word"]);
        expect(lines.at(-1)).toMatch(/fake on Fake 1 is ready/);
        expect(await engine.device()).toEqual({ device: "Fake 1", totalVramMb: 1024, usedVramMb: 1 });
    });

    it.each([["other-word", "other-word"], [false, "cpu"]] as const)("is refused when node-llama-cpp reports %j", async (reported, shown) => {
        const { engine } = engineOn(reported);
        const failure = await engine.start().catch((thrown: unknown) => thrown);
        expect(failure).toBeInstanceOf(StartError);
        expect(failure).toMatchObject({ exitCode: 3, lines: expect.arrayContaining([`The fake backend cannot be used: the native library runs on ${shown} instead`]) as string[] });
    });
});
