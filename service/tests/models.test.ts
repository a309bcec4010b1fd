import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { findModel, type ModelFile, nameModels } from "../src/models/naming.js";
import { scanModels } from "../src/models/scan.js";

function file(relativeFileName: string, sizeBytes = 1): ModelFile {
    return { relativeFileName, sizeBytes, modifiedMs: 0 };
}

it("adds the folder to the name of a second file of the same name", () => {
    const names = nameModels([file("z/a.gguf"), file("a.gguf"), file("b/A.gguf"), file("c.gguf")]).map(({ name }) => name);
    expect(names).toEqual(["a.gguf", "c.gguf", "A.gguf (b)", "a.gguf (z)"]);
});

it("lists a split model once, with the size of all its parts", () => {
    const named = nameModels([file("m-00002-of-00002.gguf", 5), file("m-00001-of-00002.gguf", 7), file("n-00002-of-00002.gguf")]);
    expect(named).toMatchObject([{ name: "m-00001-of-00002.gguf", sizeBytes: 12 }]);
});

it.each(["Model.Q4.gguf", "model.q4", "MODEL.Q4.GGUF", " model.q4 "])("finds %j", (asked) => {
    expect(findModel(nameModels([file("Model.Q4.gguf"), file("x/Model.Q4.gguf")]), asked)?.relativeFileName).toBe("Model.Q4.gguf");
});

it.each(["Model.gguf (x)", "model (X)", "x/model", "x/Model.gguf"])("finds the second by %j", (asked) => {
    expect(findModel(nameModels([file("Model.gguf"), file("x/Model.gguf")]), asked)?.relativeFileName).toBe("x/Model.gguf");
});

it("finds nothing for an unknown name", () => {
    expect(findModel(nameModels([file("a.gguf")]), "a.bin")).toBeUndefined();
});

it("scans subfolders and links, and ignores other files", async () => {
    const root = mkdtempSync(path.join(tmpdir(), "mentator-"));
    mkdirSync(path.join(root, "sub", "deep"), { recursive: true });
    writeFileSync(path.join(root, "a.gguf"), "12345");
    writeFileSync(path.join(root, "sub", "deep", "B.GGUF"), "1");
    writeFileSync(path.join(root, "a.gguf.part"), "1");
    symlinkSync(path.join(root, "a.gguf"), path.join(root, "sub", "link.gguf"));
    symlinkSync(root, path.join(root, "sub", "round"));
    const found = await scanModels(root);
    expect(found.map(({ relativeFileName }) => relativeFileName).sort()).toEqual(["a.gguf", "sub/deep/B.GGUF", "sub/link.gguf"]);
    await expect(scanModels(path.join(root, "none"))).rejects.toThrow();
});
