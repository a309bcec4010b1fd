import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { Log } from "../src/log.js";
import { ToolCatalog } from "../src/tools/catalog.js";
import { functionSource, parseTool, secretNames } from "../src/tools/parse.js";
import { type Limits, LIMITS, runTool } from "../src/tools/run.js";
import { hideSecrets } from "../src/tools/secrets.js";

const SPEC = '{"description": "Adds", "type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}';
const NEVER = new AbortController().signal;

function text(code: string, spec = SPEC): string {
    return `$$spec\n${spec}\n\n$$code=JS\n${code}\n`;
}

async function run(code: string, args: unknown = {}, secrets: object = {}, limits: Partial<Limits> = {}): Promise<string> {
    return runTool({ source: functionSource(code), args, secrets }, NEVER, { ...LIMITS, ...limits });
}

describe("a tool file", () => {
    it("is a specification and code", () => {
        const tool = parseTool("add", text("return args.a + args.b;"));
        expect(tool).toMatchObject({ name: "add", definition: { name: "add", description: "Adds", parameters: { required: ["a", "b"] } } });
        expect(secretNames("fetch({{ one }}.url + {{two}} + {{one}})")).toEqual(["one", "two"]);
    });

    it.each([
        ["$$code=JS\nreturn 1;", /no section \$\$spec/],
        [`$$spec\n${SPEC}`, /no section \$\$code=JS/],
        [text("return 1;", "{"), /not valid JSON/],
        [text("return 1;", "[]"), /one JSON object/],
        [text("return 1;", '{"type": "object"}'), /description/],
        [text("return 1;", '{"description": "x", "type": "banana"}'), /JSON Schema/],
        [text("return ("), /not valid JavaScript/],
        [text("return 1;") + text("return 2;"), /more than once/],
    ])("%j says what is wrong", (content, fault) => {
        expect(() => parseTool("x", content)).toThrow(fault);
    });

    it("may have any name; models get one that they accept", () => {
        expect(parseTool("what is this? (ü)", text("return 1;"))).toMatchObject({ name: "what_is_this_____", file: "what is this? (ü)", definition: { name: "what_is_this_____" } });
        expect(parseTool("x".repeat(100), text("return 1;")).name).toHaveLength(64);
    });
});

describe("a call", { timeout: 30_000 }, () => {
    it("returns texts and JSON", async () => {
        expect(await run("return args.a + args.b;", { a: 2, b: 3 })).toBe("5");
        expect(await run("return {x: [1, args.name]};", { name: "ü" })).toBe('{"x":[1,"ü"]}');
        expect(await run("await LIB.sleep(1); return 'text';")).toBe("text");
        expect(await run("return undefined;")).toBe("");
        expect(await run("return LIB.base64Encode('a').then((text) => LIB.base64Decode(text));")).toBe("a");
    });

    it("sees its secrets", async () => {
        expect(await run("return {{env}}.key + `${{{env}}.key}`;", {}, { env: { key: "k" } })).toBe("kk");
    });

    it("says why it failed", async () => {
        await expect(run("throw new Error('no such town');")).rejects.toThrow("no such town");
        await expect(run("throw {};")).rejects.toThrow("[object Object]");
        await expect(run("return LIB.fetch('http://127.0.0.1:1/');")).rejects.toThrow(/fetch failed/);
    });

    it("is stopped after its time limit, also when it never waits", async () => {
        await expect(run("for (;;) {}", {}, {}, { timeMsec: 300 })).rejects.toThrow(/did not end within 0.3 s/);
        await expect(run("await new Promise(() => {});")).rejects.toThrow(/waits for something that never comes/);
        const gone = new AbortController();
        setTimeout(() => gone.abort(new Error("gone")), 50);
        await expect(runTool({ source: functionSource("for (;;) {}"), args: {}, secrets: {} }, gone.signal)).rejects.toThrow("gone");
    });

    it("is limited in memory and in the length of its answer", async () => {
        await expect(run("const all = []; for (;;) { all.push(new Array(1000).fill(all.length)); }", {}, {}, { memoryMb: 32 })).rejects.toThrow(/more than 32 MB/);
        expect(await run("return 'x'.repeat(100);", {}, {}, { characters: 10 })).toBe("xxxxxxxxxx...");
    });

    it.each([
        "typeof process",
        "typeof require",
        "typeof globalThis.fetch",
        "typeof setTimeout",
        "typeof console",
        "typeof Buffer",
    ])("has no access to Node: %s", async (expression) => {
        expect(await run(`return ${expression};`)).toBe("undefined");
    });

    it("gets no object that leads out of the sandbox", async () => {
        const climb = `
            let found = [];
            try { await LIB.fetch("nowhere"); } catch (thrown) { found.push(thrown instanceof Error, thrown.constructor === Error); }
            const deep = () => { try { deep(); } catch (thrown) { if (!(thrown instanceof Error)) { found.push("host error"); } LIB.sleep(0).catch(() => {}); } };
            deep();
            return found;`;
        expect(await run(climb)).toBe("[true,true]");
    });
});

it("hides secrets in every form", () => {
    const secrets = { env: { key: "p&ss wörd", id: 123456, list: ["tok"] } };
    const shown = `p&ss wörd ${encodeURIComponent("p&ss wörd")} ${Buffer.from("p&ss wörd").toString("base64")} 123456 tok`;
    expect(hideSecrets(shown, secrets)).toBe("*** *** *** *** tok");
});

describe("the catalog", { timeout: 30_000 }, () => {
    function catalog(files: Record<string, string>): { tools: ToolCatalog; lines: string[]; folder: string } {
        const folder = mkdtempSync(path.join(tmpdir(), "mentator-"));
        Object.entries(files).forEach(([name, content]) => writeFileSync(path.join(folder, name), content));
        const lines: string[] = [];
        return { tools: new ToolCatalog(folder, folder, new Log("trace", (line) => lines.push(line))), lines, folder };
    }

    it("finds tools, names faults, and scans again for an unknown name", async () => {
        const { tools, lines, folder } = catalog({ "add.tool.txt": text("return args.a + args.b;"), "bad.tool.txt": "x", "env.toolenv.txt": "secret!" });
        await tools.rescan();
        expect((await tools.choose(["*"])).map(({ name }) => name)).toEqual(["add"]);
        expect(lines.join("\n")).toMatch(/bad\.tool\.txt: it has no section/);
        expect(lines.join("\n")).toMatch(/env\.toolenv\.txt: is not JSON/);
        expect(lines.join("\n")).not.toContain("secret!");
        writeFileSync(path.join(folder, "late.tool.txt"), text("return 1;"));
        expect((await tools.choose(["late"])).map(({ name }) => name)).toEqual(["late"]);
        expect(await tools.choose(["*"])).toHaveLength(2);
        expect(await tools.choose(["none", "add"])).toHaveLength(1);
        expect(lines.at(-1)).toMatch(/unknown tools, which are left out: "none". Available: add, late/);
    });

    it("takes a name with and without the ending, in any case, also of a file below a folder", async () => {
        const { tools, folder } = catalog({});
        mkdirSync(path.join(folder, "deep", "er"), { recursive: true });
        writeFileSync(path.join(folder, "deep", "er", "Get Weather.TOOL.txt"), text("return 1;"));
        await tools.rescan();
        for (const name of ["Get Weather", "get weather.tool.txt", "GET WEATHER.TOOL.TXT", "get_weather", "*"]) {
            expect((await tools.choose([name])).map((tool) => tool.name), name).toEqual(["Get_Weather"]);
        }
    });

    it("says what a tool needs and is not granted", async () => {
        const { tools, lines } = catalog({
            "files.tool.txt": text("return LIB.fs.readFileSync('/etc/hostname', 'utf8');"),
            "rows.tool.txt": text("return LIB.db.pg.connect();"),
        });
        await tools.rescan();
        expect(lines.join("\n")).toMatch(/files\.tool\.txt: uses LIB\.fs, which is not granted.*tools\.folders/);
        expect(lines.join("\n")).toMatch(/rows\.tool\.txt: uses LIB\.db, which this service does not have/);
        const call = async (name: string): Promise<string> => tools.call((await tools.choose([name]))[0] ?? expect.fail(), {}, NEVER);
        expect(await call("files")).toMatch(/failed: it may not reach files.*tools\.folders/);
        expect(await call("rows")).toMatch(/failed: LIB\.db is not part of this service/);
    });

    it("does not show secrets", async () => {
        const { tools, lines } = catalog({
            "leak.tool.txt": text("return {{env}};"),
            "fail.tool.txt": text("throw new Error('cannot use ' + {{env}}.key);"),
            "lost.tool.txt": text("return {{nowhere}};"),
            "env.toolenv.txt": '{"key": "abcd1234"}',
        });
        await tools.rescan();
        const call = async (name: string): Promise<string> => tools.call((await tools.choose([name]))[0] ?? expect.fail(), {}, NEVER);
        expect(await call("leak")).toBe('{"key":"***"}');
        expect(await call("fail")).toBe("The tool fail failed: cannot use ***");
        expect(await call("lost")).toMatch(/nowhere\.toolenv\.txt is missing/);
        expect(lines.join("\n")).not.toContain("abcd1234");
    });
});
