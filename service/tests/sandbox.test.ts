/** What a tool's code may do, and what it cannot do to the service. */

import { createHmac } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { Access } from "../src/tools/access.js";
import { functionSource } from "../src/tools/parse.js";
import { type Limits, LIMITS, runTool } from "../src/tools/run.js";

const NEVER = new AbortController().signal;

async function run(code: string, limits: Partial<Limits> = {}, access?: Access): Promise<string> {
    const call = { source: functionSource(code), args: {}, secrets: {}, ...(access === undefined ? {} : { access }) };
    return runTool(call, NEVER, { ...LIMITS, ...limits });
}

describe("code that takes everything", { timeout: 90_000 }, () => {
    const SHORT = { timeMsec: 1500, memoryMb: 32 };
    const LONG = { timeMsec: 30_000, memoryMb: 32 };
    it.each([
        ["a loop", "for (;;) {}", /did not end/],
        ["a loop of promises", "const again = () => Promise.resolve().then(again); await again();", /more than 32 MB/],
        ["a loop of promises in little memory", "for (;;) { await null; }", /did not end/],
        ["a flood of promises", "for (;;) { Promise.resolve().then(() => {}); }", /did not end|more than 32 MB/],
        ["one large array", "new Array(6e7).fill(1.5);", /more than 32 MB/],
        ["a map without end", "const m = new Map(); for (let i = 0;; i += 1) { m.set(i, i); }", /more than 32 MB/],
        ["objects without end", "const all = []; for (;;) { all.push({}); }", /more than 32 MB/],
        ["bytes", "return new ArrayBuffer(1e9).byteLength;", /more than 32 MB/],
        ["a huge text", "return 'x'.repeat(2 ** 29).length;", /more than 32 MB|too long/],
        ["a text that doubles", "let s = 'x'; for (;;) { s += s; }", /more than 32 MB|too long/],
        ["native code that asks nobody", "return Array(2 ** 32 - 1).join('x');", /did not end/],
        ["a pattern that tries everything", "return /(a+)+$/.test('a'.repeat(50) + 'b');", /did not end/],
        ["endless recursion", "const f = () => f(); f();", /too deeply/],
        ["deep values", "let a = []; for (let i = 0; i < 1e5; i += 1) { a = [a]; } return a;", /too deeply|more than|did not end/],
        ["deep JSON", "return JSON.parse('['.repeat(1e6));", /too deeply|more than|unexpected/i],
        ["deep code", "return eval('('.repeat(1e6));", /too deeply|more than|unexpected/i],
        ["a getter that loops", "return { get a() { for (;;) {} } };", /did not end/],
        ["toJSON that loops", "return { toJSON() { for (;;) {} } };", /did not end/],
        ["a thrown getter", "throw Object.defineProperty(new Error(), 'message', { get() { for (;;) {} } });", /did not end/],
        ["a text of 16 MiB to the host, often", "const t = 'x'.repeat(2 ** 24); for (;;) { await LIB.base64Encode(t); }", /too long/],
        ["questions to the host at once", "await Promise.all(Array.from({ length: 1e4 }, () => LIB.sleep(1e6)));", /more than 64 calls/],
        ["a promise that never comes", "await new Promise(() => {});", /never comes/],
    ])("%s ends with an error of this call", async (_, code, fault) => {
        // Only what never ends is worth a short limit: the start of the thread counts.
        await expect(run(code, fault.source.includes("did not end") ? SHORT : LONG)).rejects.toThrow(fault);
    });

    it("does not hold the service up", async () => {
        let turns = 0;
        const ticking = setInterval(() => (turns += 1), 10);
        await Promise.allSettled([run("for (;;) {}", SHORT), run("new Array(6e7).fill(1.5);", SHORT)]);
        clearInterval(ticking);
        expect(turns).toBeGreaterThan(5);
        expect(await run("return 'still here';")).toBe("still here");
    });

    it("gives its memory back", async () => {
        const fill = "const m = new Map(); for (let i = 0;; i += 1) { m.set(i, i); }";
        await run(fill).catch(() => undefined);
        const before = process.memoryUsage().rss;
        for (let round = 0; round < 8; round += 1) {
            await run(fill).catch(() => undefined);
        }
        expect(process.memoryUsage().rss - before).toBeLessThan(3 * 64 * 1024 ** 2);
    });
});

describe("a way out of the sandbox", { timeout: 30_000 }, () => {
    const LOOK = "typeof process + typeof require + typeof Buffer + typeof fetch";
    it.each([
        ["Function", `return Function("return ${LOOK}")();`],
        ["eval", `return eval("${LOOK}");`],
        ["the constructor of LIB's functions", `return LIB.fetch.constructor.constructor("return ${LOOK}")();`],
        ["the constructor of a promise of LIB", `return LIB.sleep(0).constructor.constructor("return ${LOOK}")();`],
        ["the constructor of an error of the host", `try { LIB.fs.readdirSync("/"); } catch (thrown) { return thrown.constructor.constructor("return ${LOOK}")(); }`],
        ["an import hidden by an HTML comment", `return import<!-- x\n("node:fs").then(() => "out", () => ${LOOK});`],
        ["an import", `return import("node:fs").then(() => "out", () => ${LOOK});`],
        ["the host's error near the end of the stack", `let found = "undefinedundefinedundefinedundefined";
            const deep = () => { try { deep(); } catch (thrown) { try { const g = thrown.constructor.constructor("return ${LOOK}")(); if (!g.startsWith("undefined")) { found = g; } } catch {} try { LIB.crypto.randomUUID(); } catch (inner) { if (!(inner instanceof Error)) { found = "host"; } } } };
            deep(); return found;`],
        ["a Proxy as arguments", `const seen = []; const p = new Proxy({}, { get(t, k) { seen.push(String(k)); return undefined; } });
            try { await LIB.fetch(p, p); } catch {} try { LIB.crypto.createHash(p); } catch {} return ${LOOK};`],
        ["changed built-ins", `const parse = JSON.parse; const got = []; JSON.parse = (t) => { got.push(t); return parse(t); }; Promise.prototype.then = function () { got.push(this); };
            Map.prototype.get = function () { got.push(this); }; LIB.sleep(0); return got.length + ${LOOK};`],
        ["prepareStackTrace", `Error.prepareStackTrace = (e, frames) => frames; try { null.x; } catch (thrown) { return typeof thrown.stack?.[0]?.getThis + ${LOOK}; }`],
    ])("is not %s", async (_, code) => {
        expect(await run(code)).toMatch(/^(0|undefined)?undefinedundefinedundefinedundefined$/);
    });
});

describe("LIB", { timeout: 30_000 }, () => {
    it("has path, math, crypto and buffer", async () => {
        expect(await run("return [LIB.path.join('/a', '..', 'b', 'c.txt'), LIB.path.extname('x.gguf'), LIB.path.basename('/a/b.c', '.c'), LIB.path.resolve('x')];")).toBe('["/b/c.txt",".gguf","b","/x"]');
        expect(await run("return [LIB.math.hypot(3, 4), LIB.math.PI];")).toBe(JSON.stringify([5, Math.PI]));
        expect(await run("return LIB.crypto.createHash('sha256').update('a').update('b').digest('hex');")).toBe("fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603");
        expect(await run("return LIB.crypto.createHmac('sha1', 'key').update('text').digest('base64');")).toBe(createHmac("sha1", "key").update("text").digest("base64"));
        expect(await run("return LIB.crypto.randomUUID().length + LIB.crypto.randomBytes(5).length;")).toBe("41");
        expect(await run("return LIB.buffer.from('ü€').toString('base64') + LIB.buffer.from('w7w=', 'base64').toString() + LIB.buffer.from([1, 255]).toString('hex');")).toBe("w7zigqw=ü01ff");
        expect(await run("return LIB.buffer.byteLength('ü') + LIB.buffer.concat([LIB.buffer.from('a'), LIB.buffer.from('b')]).toString();")).toBe("2ab");
        await expect(run("return LIB.crypto.createCipheriv('aes');")).rejects.toThrow("LIB.crypto.createCipheriv is not there");
        await expect(run("return LIB.child_process;")).rejects.toThrow("LIB.child_process is not there");
    });

    it("reaches the network only where the configuration says so", async () => {
        const server = createServer((request, response) => {
            const parts: Buffer[] = [];
            request.on("data", (part: Buffer) => parts.push(part));
            request.on("end", () => response.setHeader("x-kind", "test").end(JSON.stringify({ method: request.method, type: request.headers["content-type"], body: Buffer.concat(parts).toString() })));
        }).listen(0, "127.0.0.1");
        await new Promise((resolve) => server.once("listening", resolve));
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
        expect(await run(`const r = await LIB.http.post("${url}", { a: 1 }); return [r.ok, r.headers.get("X-Kind"), await r.json()];`)).toBe('[true,"test",{"method":"POST","type":"application/json","body":"{\\"a\\":1}"}]');
        expect(await run(`return (await LIB.http.get("${url}")).text();`)).toContain('"GET"');
        expect(await run(`return (await LIB.fetch("${url}")).json().method;`)).toBe("GET");
        await expect(run(`return LIB.http.get("${url}");`, {}, { folders: [], http: false })).rejects.toThrow(/tools\.http: false/);
        server.close();
    });

    it("reaches files only below the folders that the configuration grants", async () => {
        const base = mkdtempSync(path.join(tmpdir(), "mentator-"));
        const folder = path.join(base, "granted");
        mkdirSync(folder);
        writeFileSync(path.join(base, "outside.txt"), "secret");
        writeFileSync(path.join(folder, "a.txt"), "text");
        symlinkSync(path.join(base, "outside.txt"), path.join(folder, "link.txt"));
        const access = { folders: [folder], http: true };
        const file = async (code: string): Promise<string> => run(`const folder = ${JSON.stringify(folder)}; ${code}`, {}, access);
        expect(await file("return LIB.fs.readdirSync(folder);")).toBe('["a.txt","link.txt"]');
        expect(await file("const s = LIB.fs.statSync(folder); return [s.isDirectory(), LIB.fs.statSync(folder + '/a.txt').size];")).toBe("[true,4]");
        expect(await file("return LIB.fs.readFileSync(folder + '/a.txt', 'utf8') + await LIB.fs.promises.readFile(folder + '/a.txt', { encoding: 'utf8' });")).toBe("texttext");
        await file("LIB.fs.writeFileSync(folder + '/b.txt', 'new');");
        expect(readFileSync(path.join(folder, "b.txt"), "utf8")).toBe("new");
        symlinkSync(path.join(base, "made.txt"), path.join(folder, "nowhere.txt"));
        await expect(file("LIB.fs.writeFileSync(folder + '/nowhere.txt', 'x');")).rejects.toThrow(/leads nowhere/);
        expect(existsSync(path.join(base, "made.txt"))).toBe(false);
        await expect(file("return LIB.fs.readFileSync(folder + '/link.txt', 'utf8');")).rejects.toThrow(/lies outside/);
        await expect(file("return LIB.fs.readFileSync(folder + '/../outside.txt', 'utf8');")).rejects.toThrow(/lies outside/);
        await expect(file("LIB.fs.writeFileSync(folder + '/../new.txt', 'x');")).rejects.toThrow(/lies outside/);
        expect(existsSync(path.join(base, "new.txt"))).toBe(false);
        await expect(file("return LIB.fs.readFileSync('/dev/zero');")).rejects.toThrow(/lies outside/);
        await expect(run("return LIB.fs.readdirSync('/');")).rejects.toThrow(/tools\.folders/);
    });
});
