import { execFileSync } from "node:child_process";
import { ftruncateSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { fixedInContainer } from "../src/config/container.js";
import { readConfiguration, readContainerConfiguration, writeTemplate } from "../src/config/file.js";
import { defaultsFor } from "../src/config/options.js";
import { parseConfiguration } from "../src/config/parse.js";
import { configurationTemplate } from "../src/config/template.js";
import { StartError } from "../src/errors.js";

const DEFAULT_OPTIONS = defaultsFor("json");
const CONTAINER_FILE = "/opt/mentator-llm-service/data/mentator-llm-service.conf.jsonc";

function folder(): string {
    return mkdtempSync(path.join(tmpdir(), "mentator-"));
}

describe("parsing", () => {
    it("gives missing keys their defaults", () => {
        const { configuration, faults, warnings } = parseConfiguration('{"modelDir": "/m", "dbFile": "/d"}');
        expect(faults).toEqual([]);
        expect(warnings).toEqual([]);
        expect(configuration).toEqual({
            port: 19777,
            modelDir: "/m",
            dbFile: "/d",
            apiKey: "",
            apiKeys: [],
            preload: "auto",
            responses: { liveHours: 24 },
            allowedHosts: [],
            corsOrigins: [],
            models: [],
            pull: { hosts: [], withoutKey: false },
            defaultOptions: DEFAULT_OPTIONS,
            engine: { slots: 0, contextSize: 0, batchSize: 0, queueSize: 256 },
            limits: { answerSeconds: 3600, queueSeconds: 600 },
            tools: { folders: [], http: true },
            log: { level: "debug", format: "text", liveDay: 30, promptLiveDay: 0, savePrompt: false },
        });
    });

    it("takes absolute folders for tools only", () => {
        const read = (folders: unknown) => parseConfiguration(JSON.stringify({ modelDir: "/m", dbFile: "/d", tools: { folders, http: false } }));
        expect(read(["/srv/a"]).configuration?.tools).toEqual({ folders: ["/srv/a"], http: false });
        expect(read(["a"]).faults).toMatchObject([{ key: "tools.folders", message: expect.stringMatching(/absolute paths/) as string }]);
    });

    it("names key and line of every fault", () => {
        const text = '{\n"port": 0,\n"modelDir": "rel",\n"dbFile": "/d",\n"log": {"liveDay": 366,\n"level": "info"},\n"defaultOptions": 7}';
        expect(parseConfiguration(text).faults.map(({ key, line }) => [key, line])).toEqual([
            ["defaultOptions", 7],
            ["port", 2],
            ["modelDir", 3],
            ["log.level", 6],
            ["log.liveDay", 5],
        ]);
    });

    it("does not show secrets in faults", () => {
        const { faults } = parseConfiguration('{"modelDir": "/m", "dbFile": "/d",\n"apiKey": "se cret", "corsOrigins": "x"}');
        expect(faults.map(({ key, line }) => [key, line])).toEqual([["apiKey", 2], ["corsOrigins", 2]]);
        expect(JSON.stringify(faults)).not.toContain("cret");
    });

    it("refuses sources and hosts of models that have not the form of one", () => {
        const text = '{"modelDir": "/m", "dbFile": "/d",\n"models": ["hf:a/b", "ftp://x"],\n"pull": {"hosts": ["a b"]}}';
        expect(parseConfiguration(text).faults).toEqual([
            { key: "models", line: 2, message: expect.stringContaining('"ftp://x" cannot be used') as string },
            { key: "pull.hosts", line: 3, message: expect.stringContaining("HOST:PORT") as string },
        ]);
    });

    it("says where the syntax is wrong", () => {
        const { faults, configuration } = parseConfiguration('{\n  "port": ,\n}');
        expect(configuration).toBeUndefined();
        expect(faults[0]).toMatchObject({ key: "", line: 2 });
    });

    it.each(["", "[]", "7", "null"])("refuses %j as a whole", (text) => {
        expect(parseConfiguration(text).faults.length).toBeGreaterThan(0);
    });

    it("warns about unknown keys and keys that are given twice, and goes on", () => {
        const text = '{"modelDir": "/m", "dbFile": "/d", "colour": 1, "port": 1, "port": 2, "log": {"x": 1}}';
        const { configuration, warnings } = parseConfiguration(text);
        expect(warnings.map(({ key }) => key)).toEqual(["colour", "port", "log.x"]);
        expect(configuration?.port).toBe(2);
    });

    it("ignores fixed keys in container mode", () => {
        const { configuration } = parseConfiguration('{"port": "x", "modelDir": 3}', fixedInContainer(CONTAINER_FILE));
        expect(configuration).toMatchObject({
            port: 19777,
            dbFile: "/opt/mentator-llm-service/data/mentator-llm-service.db",
            modelDir: "/opt/mentator-llm-service/data/models",
            toolDir: "/opt/mentator-llm-service/data/tools",
            toolEnvDir: "/opt/mentator-llm-service/data/toolsenv",
        });
    });
});

it("takes engine settings within limits, and 0 for automatic", () => {
    const parse = (engine: string): string[] =>
        parseConfiguration(`{"modelDir": "/m", "dbFile": "/d", "engine": ${engine}}`).faults.map(({ key, message }) => `${key}: ${message}`);
    expect(parse('{"slots": 0, "contextSize": 0, "batchSize": 0}')).toEqual([]);
    expect(parse('{"slots": 4, "contextSize": 512, "batchSize": 64, "queueSize": 1}')).toEqual([]);
    expect(parse('{"contextSize": 100}')).toEqual(["engine.contextSize: must be an integer, >= 512, or 0, not 100"]);
    expect(parse('{"slots": 65, "queueSize": 0}')).toHaveLength(2);
});

describe("templates", () => {
    it("can be read back, for both modes", () => {
        expect(parseConfiguration(configurationTemplate("use")).faults).toEqual([]);
        const { faults, warnings, configuration } = parseConfiguration(configurationTemplate("docker"), fixedInContainer(CONTAINER_FILE));
        expect([faults, warnings]).toEqual([[], []]);
        expect(configuration?.defaultOptions).toEqual(DEFAULT_OPTIONS);
    });
});

describe("files", () => {
    it("are written at the first start, and not changed at the second", () => {
        const file = path.join(folder(), "data", "c.jsonc");
        expect(readContainerConfiguration(file).notes).toHaveLength(1);
        const edited = readFileSync(file, "utf8").replace('"liveDay": 30', '"liveDay": 7 /* mine */');
        writeFileSync(file, edited);
        expect(readContainerConfiguration(file).configuration.log.liveDay).toBe(7);
        expect(readFileSync(file, "utf8")).toBe(edited);
        expect(readdirSync(path.dirname(file))).toEqual(["c.jsonc"]);
    });

    it("that are missing or invalid end the start with exit code 2", () => {
        const missing = path.join(folder(), "none.jsonc");
        expect(() => readConfiguration(missing)).toThrow(StartError);
        const invalid = path.join(folder(), "c.jsonc");
        writeFileSync(invalid, '{"log": {"savePrompt": 1}}');
        try {
            readContainerConfiguration(invalid);
            expect.unreachable();
        } catch (thrown) {
            expect(thrown).toMatchObject({ exitCode: 2, lines: [`${invalid}:1: log.savePrompt: must be true or false, not 1`] });
        }
    });

    it.each([
        ["a FIFO", (file: string) => void execFileSync("mkfifo", [file]), "is no regular file"],
        ["a folder", mkdirSync as (file: string) => void, "is no regular file"],
        ["a device without end", (file: string) => symlinkSync("/dev/zero", file), "is no regular file"],
        ["a loop of links", (file: string) => symlinkSync(file, file), "ELOOP"],
        ["a file of gigabytes", (file: string) => ftruncateSync(openSync(file, "w"), 5 * 1024 ** 3), "a configuration has"],
    ])("that are %s end the start at once", (_what, make, why) => {
        const file = path.join(folder(), "c.jsonc");
        make(file);
        for (const read of [readConfiguration, readContainerConfiguration]) {
            expect(() => read(file)).toThrow(expect.objectContaining({ exitCode: 2, message: expect.stringContaining(why) as string }) as Error);
        }
    });

    it("are not written over existing ones", () => {
        const at = folder();
        writeTemplate(at);
        expect(() => writeTemplate(at)).toThrow("exists already");
    });
});
