/** What lies in models/ is told apart, named and found; new and changed files are noticed. */

import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import { Log } from "../src/log.js";
import { arrange, type Judged } from "../src/models/arrange.js";
import { ModelCatalog, specOf } from "../src/models/catalog.js";
import { inspectFile } from "../src/models/inspect.js";
import { findModel, nameModels } from "../src/models/naming.js";
import { scanModels } from "../src/models/scan.js";
import { embedderOf, modelOf, writerOf } from "../src/models/unknown.js";
import { gguf, model, part } from "./gguf-files.js";

const FACTS = { facts: { kind: "chat" }, incomplete: false } as const;

function judged(relativeFileName: string, facts: Extract<Judged, { facts: unknown }>["facts"] = FACTS, sizeBytes = 1): Judged {
    return { file: { relativeFileName, sizeBytes, modifiedMs: 0, changedMs: 0, inode: relativeFileName }, facts };
}

function names(...files: readonly string[]): string[] {
    return nameModels(arrange(files.map((name) => judged(name))).models).map(({ name }) => name);
}

const catalogs: ModelCatalog[] = [];
afterEach(() => catalogs.splice(0).forEach((catalog) => catalog.stop()));

interface Shelf {
    readonly root: string;
    readonly lines: string[];
    readonly catalog: ModelCatalog;
    readonly put: (name: string, bytes?: Buffer) => string;
    readonly names: () => string[];
}

function shelf(): Shelf {
    const root = mkdtempSync(path.join(tmpdir(), "mentator-"));
    const lines: string[] = [];
    const catalog = new ModelCatalog(root, inspectFile, new Log("debug", (line) => lines.push(line)));
    catalogs.push(catalog);
    return {
        root,
        lines,
        catalog,
        put: (name, bytes = gguf()) => {
            const file = path.join(root, name);
            mkdirSync(path.dirname(file), { recursive: true });
            writeFileSync(file, bytes);
            return file;
        },
        names: () => catalog.list().map(({ name }) => name),
    };
}

/** Waits for what the service promises within 2 s; a busy machine gets more. */
async function eventually(condition: () => boolean): Promise<void> {
    for (const until = Date.now() + 10_000; !condition() && Date.now() < until; ) {
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(condition()).toBe(true);
}

it("adds the folder to the name of a second file of the same name", () => {
    expect(names("z/a.gguf", "a.gguf", "b/A.gguf", "c.gguf")).toEqual(["a.gguf", "c.gguf", "A.gguf (b)", "a.gguf (z)"]);
});

it("lists a split model once, with the size of all its parts", () => {
    const of = (number: number): Judged => judged(`m-0000${number}-of-00002.gguf`, { ...FACTS, part: { number, of: 2 } }, number * 5);
    expect(arrange([of(2), of(1)]).models).toMatchObject([
        { relativeFileName: "m-00001-of-00002.gguf", sizeBytes: 15, files: ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"] },
    ]);
});

it("takes a whole model for one that is only named like a part", () => {
    expect(names("m-00001-of-00002.gguf")).toEqual(["m-00001-of-00002.gguf"]);
});

it.each(["Model.Q4.gguf", "model.q4", "MODEL.Q4.GGUF", " model.q4 "])("finds %j", (asked) => {
    const { models } = arrange([judged("Model.Q4.gguf"), judged("x/Model.Q4.gguf")]);
    expect(findModel(nameModels(models), asked)?.relativeFileName).toBe("Model.Q4.gguf");
});

it.each(["Model.gguf (x)", "model (X)", "x/model", "x/Model.gguf"])("finds the second by %j", (asked) => {
    const { models } = arrange([judged("Model.gguf"), judged("x/Model.gguf")]);
    expect(findModel(nameModels(models), asked)?.relativeFileName).toBe("x/Model.gguf");
});

it("finds nothing for an unknown name", () => {
    expect(findModel(nameModels(arrange([judged("a.gguf")]).models), "a.bin")).toBeUndefined();
});

it("scans subfolders and links, and ignores other files", async () => {
    const { root, put } = shelf();
    put("a.gguf");
    put("sub/deep/B.GGUF");
    put("a.gguf.part");
    put(".hidden/c.gguf");
    symlinkSync(path.join(root, "a.gguf"), path.join(root, "sub", "link.gguf"));
    symlinkSync(root, path.join(root, "sub", "round"));
    const { files } = await scanModels(root);
    expect(files.map(({ relativeFileName }) => relativeFileName).sort()).toEqual(["a.gguf", "sub/deep/B.GGUF", "sub/link.gguf"]);
    await expect(scanModels(path.join(root, "none"))).rejects.toThrow();
});

it("lists what can be asked, and leaves out the rest with one line each, once", async () => {
    const { root, lines, catalog, put, names: listed } = shelf();
    put("real.gguf");
    put("._real.gguf", Buffer.from("\0\x05\x16\x07"));
    put("vectors.gguf", model("nomic-bert"));
    put("mmproj-real.gguf", model("clip", { "general.type": { text: "mmproj" } }));
    put("lora.gguf", model("llama", { "general.type": { text: "adapter" } }));
    put("vocab.gguf", model("llama", {}, []));
    put("old.gguf", gguf({ version: 1 }));
    put("s390x.gguf", gguf({ version: 0x03000000 }));
    put("liar.gguf", gguf({ claims: { tensors: 2n ** 60n } }));
    put("half.gguf", gguf({ data: 8 }));
    put("big-00001-of-00003.gguf", part(1, 3));
    put("big-00003-of-00003.gguf", part(3, 3));
    put("renamed.gguf", part(1, 2));
    execFileSync("mkfifo", [path.join(root, "fifo.gguf")]);
    symlinkSync("loop.gguf", path.join(root, "loop.gguf"));
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff]), Buffer.from(".gguf")]), gguf());
    await catalog.start();
    expect(listed()).toEqual(["real.gguf", "vectors.gguf"]);
    const out = lines.filter((line) => line.includes("left out")).map((line) => /models (.*) is left out: (.*)$/.exec(line)?.slice(1));
    expect(Object.fromEntries(out.map((pair) => pair ?? []) as [string, string][])).toEqual({
        "._real.gguf": expect.stringContaining("dot") as string,
        "mmproj-real.gguf": expect.stringContaining("projector") as string,
        "lora.gguf": expect.stringContaining("LoRA") as string,
        "vocab.gguf": expect.stringContaining("vocabulary") as string,
        "old.gguf": expect.stringContaining("version 1") as string,
        "s390x.gguf": expect.stringContaining("big-endian") as string,
        "liar.gguf": expect.stringContaining("claims") as string,
        "half.gguf": expect.stringContaining("cut short") as string,
        "big-00001-of-00003.gguf": "it is a model of 3 parts, of which 1 are missing or not complete: big-00002-of-00003.gguf",
        "renamed.gguf": expect.stringContaining("must end in -00001-of-00002.gguf") as string,
        "fifo.gguf": "it is no regular file",
        "loop.gguf": expect.stringContaining("ELOOP") as string,
        "fÿ.gguf": "its name is no UTF-8",
    });
    const count = lines.length;
    await catalog.rescan();
    expect(lines.length).toBe(count);
});

it("lists a file in two places of a cache once, and an alias twice", async () => {
    const { root, catalog, put, names: listed } = shelf();
    const file = put("blobs/a.gguf");
    mkdirSync(path.join(root, "other"));
    linkSync(file, path.join(root, "other", "a.gguf"));
    symlinkSync(file, path.join(root, "alias.gguf"));
    await catalog.start();
    expect(listed()).toEqual(["alias.gguf", "a.gguf"]);
});

it("says why a file is left out when it is asked for", async () => {
    const { catalog, put } = shelf();
    put("half.gguf", gguf({ data: 8 }));
    await catalog.start();
    await expect(modelOf(catalog, "half")).rejects.toThrow(/"half" is left out: it is cut short/);
    await expect(modelOf(catalog, "none")).rejects.toThrow(/Unknown model "none"/);
});

it("takes each kind of model for what it can do", async () => {
    const { catalog, put } = shelf();
    put("chat.gguf");
    put("vectors.gguf", model("bert"));
    put("rank.gguf", model("bert", { "bert.pooling_type": { u32: 4 } }));
    await catalog.start();
    await expect(writerOf(catalog, "vectors")).rejects.toMatchObject({ statusCode: 400, message: expect.stringContaining("/v1/embeddings") as string });
    await expect(writerOf(catalog, "rank")).rejects.toMatchObject({ statusCode: 400 });
    await expect(embedderOf(catalog, "rank")).rejects.toMatchObject({ statusCode: 400 });
    expect((await writerOf(catalog, "chat")).name).toBe("chat.gguf");
    expect((await embedderOf(catalog, "chat")).name).toBe("chat.gguf");
    expect((await embedderOf(catalog, "vectors")).name).toBe("vectors.gguf");
});

it("sees another file of the same name, size and time", async () => {
    const { root, catalog, put } = shelf();
    const file = put("a.gguf", model("qwen3"));
    const { atime, mtime } = statSync(file);
    utimesSync(file, atime, mtime);
    await catalog.start();
    const [before] = catalog.list();
    const other = put("b.part", model("qwen2"));
    utimesSync(other, atime, mtime);
    renameSync(other, file);
    utimesSync(file, atime, mtime);
    await catalog.rescanFromNow();
    const [after] = catalog.list();
    expect(after?.sizeBytes).toBe(before?.sizeBytes);
    expect(after?.modifiedMs).toBe(before?.modifiedMs);
    expect(after && specOf(after).modifiedMs).not.toBe(before && specOf(before).modifiedMs);
    // Overwritten in place: not even the inode is another one.
    writeFileSync(path.join(root, "a.gguf"), model("qwen3", { "qwen3.pooling_type": { u32: 4 } }));
    await catalog.rescanFromNow();
    expect(catalog.list()[0]?.facts.kind).toBe("rerank");
});

it("sees new, completed and deleted files without being asked", async () => {
    const { root, catalog, put, names: listed } = shelf();
    put("a.gguf");
    await catalog.start();
    put("new/folder/b.gguf", gguf({ data: 8 }));
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(listed()).toEqual(["a.gguf"]);
    put("new/folder/b.gguf");
    await eventually(() => listed().includes("b.gguf"));
    rmSync(path.join(root, "new"), { recursive: true });
    rmSync(path.join(root, "a.gguf"));
    await eventually(() => listed().length === 0);
    // The folder is another one now.
    put("new/folder/c.gguf");
    await eventually(() => listed().includes("c.gguf"));
});
