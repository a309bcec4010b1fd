/** Models pulled by their name from servers on loopback that behave as those hosts do, or badly. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Log } from "../src/log.js";
import { isPrivate } from "../src/pull/hosts.js";
import { provide } from "../src/pull/provide.js";
import { type Progress, Puller } from "../src/pull/puller.js";
import { gguf, model, part } from "./gguf-files.js";
import { hub, type Hub, type Manners } from "./hub-server.js";

/** A model of about this many bytes. */
function large(bytes: number): Buffer {
    const whole = gguf({ data: bytes });
    // Not all the same, so that a piece at the wrong place is noticed.
    for (let at = whole.length - bytes + 256; at + 4 <= whole.length; at += 4) {
        whole.writeUInt32LE(at, at);
    }
    return whole;
}

const MODEL = large(3_000_000);
const FILES = { "tiny-Q4_K_M.gguf": MODEL, "README.md": Buffer.from("hello") };
const SOURCE = "hf:owner/repo";

const pullers: Puller[] = [];
afterEach(() => pullers.splice(0).forEach((puller) => puller.stop(new Error("end of the test"))));

interface Bench extends Hub {
    readonly folder: string;
    readonly lines: string[];
    readonly puller: Puller;
    readonly log: Log;
    readonly got: (name: string) => Buffer;
    /** What is left of a download. */
    readonly parts: () => string[];
}

interface Extra {
    readonly token?: string;
    readonly hosts?: readonly string[];
    readonly folder?: string;
}

function pullerFor({ url, storage }: Pick<Hub, "url" | "storage">, { token, hosts, folder = mkdtempSync(path.join(tmpdir(), "mentator-")) }: Extra = {}): Omit<Bench, keyof Hub> {
    const lines: string[] = [];
    const log = new Log("trace", (line) => lines.push(line));
    const puller = new Puller(
        {
            modelDir: folder,
            endpoint: url,
            token,
            hosts: hosts ?? [storage, new URL(url).host],
            patience: { head: 2000, body: 2000 },
            tries: { most: 3, pause: 5, longestPause: 50, longestWish: 3000 },
        },
        log,
        async () => Promise.resolve(),
    );
    pullers.push(puller);
    const downloads = path.join(folder, ".downloads");
    return { folder, lines, log, puller, got: (name) => readFileSync(path.join(folder, name)), parts: () => (existsSync(downloads) ? readdirSync(downloads) : []) };
}

async function bench(files: Readonly<Record<string, Buffer>> = FILES, manners: Partial<Manners> = {}, extra: Extra = {}): Promise<Bench> {
    const server = await hub(files, manners);
    return { ...server, ...pullerFor(server, extra) };
}

const NEVER = new AbortController().signal;
const nothing = (): void => undefined;

describe("a file", () => {
    it("comes whole, is checked, and is named; its token does not follow to another host", async () => {
        const { puller, got, parts, seen, lines, manners } = await bench(FILES, { gate: "hf_secret" }, { token: "hf_secret" });
        const steps: Progress[] = [];
        const done = await puller.pull(SOURCE, NEVER, (step) => steps.push(step));
        expect(done).toEqual({ source: SOURCE, files: ["tiny-Q4_K_M.gguf"], existed: false });
        expect(got("tiny-Q4_K_M.gguf").equals(MODEL)).toBe(true);
        expect(steps.at(-1)).toMatchObject({ status: "downloading", completed: MODEL.length, total: MODEL.length });
        expect(parts()).toEqual(["tiny-Q4_K_M.gguf.pulled.json"]);
        const tokens = (host: string): Set<string | undefined> => new Set(seen.filter((entry) => entry.host === host).map(({ authorization }) => authorization));
        expect(tokens("hub")).toEqual(new Set([`Bearer ${manners.gate ?? ""}`]));
        expect(tokens("storage")).toEqual(new Set([undefined]));
        expect(lines.join("\n")).not.toMatch(/hf_secret|s3cret/);
    });

    it.each([
        ["401 without a token", undefined],
        ["403 with a wrong one", "hf_wrong"],
    ])("that is gated is told with its host's words: %s", async (_what, token) => {
        const { puller } = await bench(FILES, { gate: "hf_right" }, token === undefined ? {} : { token });
        const failed: unknown = await puller.pull(SOURCE, NEVER, nothing).catch((thrown: unknown) => thrown);
        expect(failed).toMatchObject({ statusCode: 502, message: expect.stringMatching(/HF_TOKEN.*is restricted/) as string });
        expect((failed as Error).message).not.toContain("hf_wrong");
    });

    it("is not fetched again when it is there, and a restart asks nobody", async () => {
        const { puller, seen, log, lines } = await bench();
        await puller.pull(SOURCE, NEVER, nothing);
        seen.length = 0;
        expect(await puller.pull(SOURCE, NEVER, nothing)).toMatchObject({ existed: true });
        expect(seen.filter(({ host }) => host === "storage")).toEqual([]);
        seen.length = 0;
        await provide(puller, [SOURCE], log, NEVER);
        expect(seen).toEqual([]);
        expect(lines.at(-1)).toContain("is there");
    });

    it("takes the place of an older one from the same source", async () => {
        const first = await bench();
        await first.puller.pull(SOURCE, NEVER, nothing);
        const newer = large(2_000_000);
        const second = await bench({ "tiny-Q4_K_M.gguf": newer }, {}, { folder: first.folder });
        expect(await second.puller.pull(SOURCE, NEVER, nothing)).toMatchObject({ existed: false });
        expect(second.got("tiny-Q4_K_M.gguf").equals(newer)).toBe(true);
    });

    it("of the user with the same name is kept, and taken where it is the same", async () => {
        const { puller, folder, fetched } = await bench();
        writeFileSync(path.join(folder, "tiny-Q4_K_M.gguf"), gguf());
        await expect(puller.pull(SOURCE, NEVER, nothing)).rejects.toMatchObject({ statusCode: 409 });
        writeFileSync(path.join(folder, "tiny-Q4_K_M.gguf"), MODEL);
        expect(await puller.pull(SOURCE, NEVER, nothing)).toMatchObject({ existed: true });
        expect(fetched()).toEqual([]);
    });
});

describe("a download that is cut", () => {
    it.each<[Manners["ranges"], string[]]>([
        ["good", ["", "bytes=1000000-", "bytes=2000000-"]],
        ["slice", ["", "bytes=1000000-", "bytes=2000000-"]],
        ["ignored", ["", "bytes=1000000-", "bytes=1000000-"]],
        ["other", ["", "bytes=1000000-", ""]],
    ])("goes on where it was, with a server whose ranges are %s", async (ranges, asked) => {
        const { puller, got, fetched } = await bench(FILES, { ranges, cuts: [1_000_000, 1_000_000] });
        await puller.pull(SOURCE, NEVER, nothing);
        expect(got("tiny-Q4_K_M.gguf").equals(MODEL)).toBe(true);
        expect(fetched().slice(0, 3).map(({ range }) => range ?? "")).toEqual(asked);
    });

    it("starts over where the server refuses the rest", async () => {
        const { puller, got, fetched } = await bench(FILES, { ranges: "refused", cuts: [1_000_000] });
        // 416 with the right length, though not all is here.
        await puller.pull(SOURCE, NEVER, nothing);
        expect(got("tiny-Q4_K_M.gguf").equals(MODEL)).toBe(true);
        expect(fetched().map(({ range }) => range)).toEqual([undefined, "bytes=1000000-", undefined]);
    });

    it("ends with what is kept where nothing more comes, and the next pull goes on", async () => {
        const { puller, manners, fetched, got, parts } = await bench(FILES, { cuts: [500_000, 0, 0, 0] });
        await expect(puller.pull(SOURCE, NEVER, nothing)).rejects.toMatchObject({ statusCode: 502, message: expect.stringContaining("500000 bytes are kept") as string });
        expect(parts()).toContain("tiny-Q4_K_M.gguf.part");
        manners.cuts = [];
        await puller.pull(SOURCE, NEVER, nothing);
        expect(fetched().at(-1)?.range).toBe("bytes=500000-");
        expect(got("tiny-Q4_K_M.gguf").equals(MODEL)).toBe(true);
    });

    it("starts over where the file on the server is another one by now", async () => {
        const url = (server: Bench): string => `${server.storage}/blob/tiny-Q4_K_M.gguf`;
        const server = await bench(FILES, { cuts: [1_000_000, 0, 0, 0] });
        await expect(server.puller.pull(url(server), NEVER, nothing)).rejects.toThrow(/are kept/);
        server.manners.cuts = [];
        server.manners.etag = '"two"';
        await server.puller.pull(url(server), NEVER, nothing);
        expect(server.got("tiny-Q4_K_M.gguf").equals(MODEL)).toBe(true);
    });
});

describe("a server that", () => {
    it("asks for a pause gets it", async () => {
        const { puller, fetched } = await bench(FILES, { statuses: [{ status: 429, headers: { "retry-after": "1" } }, { status: 503 }] });
        const began = Date.now();
        await puller.pull(SOURCE, NEVER, nothing);
        expect(Date.now() - began).toBeGreaterThanOrEqual(1000);
        expect(fetched()).toHaveLength(3);
    });

    it("asks for a pause before its list of files gets it", async () => {
        const { puller } = await bench(FILES, { lists: [{ status: 429, headers: { "retry-after": "0" } }] });
        expect(await puller.pull(SOURCE, NEVER, nothing)).toMatchObject({ existed: false });
    });

    it("asks for an hour is not waited for", async () => {
        const { puller } = await bench(FILES, { statuses: [{ status: 429, headers: { "retry-after": "3600" } }] });
        await expect(puller.pull(SOURCE, NEVER, nothing)).rejects.toThrow(/status 429/);
    });

    it("offers another length is not listened to", async () => {
        const { puller, parts } = await bench(FILES, { length: 1234 });
        await expect(puller.pull(SOURCE, NEVER, nothing)).rejects.toMatchObject({ statusCode: 502, message: expect.stringContaining("1234 bytes") as string });
        expect(parts().filter((name) => name.endsWith(".part"))).toEqual([]);
    });

    it("sends other bytes than it announced is found out, and nothing is kept", async () => {
        const { puller, folder, parts, lines } = await bench(FILES, { instead: Buffer.from(MODEL).fill(7, MODEL.length - 10) });
        const resolved = puller.pull(SOURCE, NEVER, nothing);
        await expect(resolved).rejects.toMatchObject({ statusCode: 502, message: expect.stringMatching(/SHA-256 is .* instead of/) as string });
        expect(parts().filter((name) => name.includes(".part"))).toEqual([]);
        expect(readdirSync(folder)).toEqual([".downloads"]);
        expect(lines).toEqual([]);
    });

    it("says nothing is given up", async () => {
        const { puller } = await bench(FILES, { statuses: [] }, { hosts: [] });
        await expect(puller.pull("https://192.0.2.1/x.gguf", NEVER, nothing)).rejects.toMatchObject({ statusCode: 403 });
    });

    it("cannot be reached is told, and the service goes on", async () => {
        const { puller, lines, log } = pullerFor({ url: "http://127.0.0.1:9", storage: "http://127.0.0.1:9" });
        const leave = new AbortController();
        const ended = provide(puller, [SOURCE], log, leave.signal, 60_000);
        await expect.poll(() => lines.join("\n"), { timeout: 10_000 }).toMatch(/hf:owner\/repo was not pulled: The source's host cannot be reached.*goes on with what is there/);
        leave.abort();
        await ended;
    });

    it("sends a page instead of a model is found out", async () => {
        const { puller, storage } = await bench({ "x.gguf": Buffer.from("<html>please log in, dear user</html>") });
        await expect(puller.pull(`${storage}/blob/x.gguf`, NEVER, nothing)).rejects.toThrow(/no whole GGUF file .*web page/);
    });
});

describe("where to", () => {
    it.each([
        ["another host", "https://example.org/x.gguf"],
        ["the machine itself", "http://127.0.0.1:6379/x.gguf"],
        ["a machine beside it", "http://169.254.169.254/latest/x.gguf"],
        ["another port of an allowed host", "https://huggingface.co:444/x.gguf"],
        ["an allowed host without TLS", "http://registry.ollama.ai/x.gguf"],
        ["another registry", "oci:evil.example/a/b:c"],
        ["a registry that is called like the machine", "ollama:localhost:1234/library/x"],
    ])("never to %s", async (_what, source) => {
        const { puller } = pullerFor({ url: "https://hub.invalid", storage: "https://storage.invalid" });
        await expect(puller.pull(source, NEVER, nothing)).rejects.toMatchObject({ statusCode: 403, message: expect.stringContaining("pull") as string });
    });

    it.each(["10.1.2.3", "169.254.169.254", "::1", "::ffff:10.1.2.3", "fd00::1", "fe80::1", "fe80::1%eth0", "no address"])("%s is a private address", (address) => {
        expect(isPrivate(address)).toBe(true);
    });

    it("not to a private address that an allowed host sends on to", async () => {
        const { url, puller, fetched } = await bench(FILES, {}, { hosts: [] });
        expect(url).toContain("127.0.0.1");
        await expect(puller.pull(SOURCE, NEVER, nothing)).rejects.toMatchObject({ statusCode: 502, message: expect.stringContaining("private or without TLS") as string });
        expect(fetched()).toEqual([]);
    });

    it.each(["", "x", "hf:", "hf:owner", "hf:../..", "hf:owner/repo/../x.gguf", "ftp://x/y", "https://", "https://u:p@h/x.gguf", "https://h/x.gguf#sha256=1", "ollama:", "ollama:../x", "oci:x", "https://h/%ff.gguf", "hf:a/b c", "file:///etc/passwd"])(
        "a source %j is refused with the forms that there are",
        async (source) => {
            const { puller } = pullerFor({ url: "https://hub.invalid", storage: "https://storage.invalid" });
            await expect(puller.pull(source, NEVER, nothing)).rejects.toMatchObject({ statusCode: 400, message: expect.stringContaining("hf:OWNER/REPO") as string });
        },
    );
});

describe("what is taken of a repository", () => {
    const small = gguf();
    const QUANTIZED = { "m-Q8_0.gguf": small, "m-UD-Q4_K_M.gguf": large(1000), "m-Q4_K_M.gguf": MODEL, "mmproj-F16.gguf": model("clip"), "sub/other.gguf": large(2000) };

    it.each([
        ["hf:owner/repo", ["m-Q4_K_M.gguf", "mmproj-m-Q4_K_M.gguf"]],
        ["hf:owner/repo:q8_0", ["m-Q8_0.gguf", "mmproj-m-Q8_0.gguf"]],
        ["hf:owner/repo:UD-Q4_K_M", ["m-UD-Q4_K_M.gguf", "mmproj-m-UD-Q4_K_M.gguf"]],
        ["hf:owner/repo/sub/other.gguf", ["other.gguf", "mmproj-other.gguf"]],
        ["hf:owner/repo@main:mmproj-F16.gguf", ["mmproj-F16.gguf"]],
    ])("%s", async (source, files) => {
        const { puller } = await bench(QUANTIZED);
        expect((await puller.pull(source, NEVER, nothing)).files).toEqual(files);
    });

    it("all parts of a split model", async () => {
        const parts = { "Q4/m-00001-of-00002.gguf": part(1, 2), "Q4/m-00002-of-00002.gguf": part(2, 2) };
        const { puller } = await bench(parts);
        expect((await puller.pull("hf:owner/repo", NEVER, nothing)).files).toEqual(["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]);
    });

    it("nothing where it is not there, and what there is is told", async () => {
        const { puller } = await bench(QUANTIZED);
        await expect(puller.pull("hf:owner/repo:Q2_K", NEVER, nothing)).rejects.toMatchObject({ statusCode: 404, message: expect.stringContaining("m-Q8_0.gguf") as string });
        await expect(puller.pull("hf:owner/none", NEVER, nothing)).rejects.toMatchObject({ statusCode: 404 });
    });
});

it("pulls from a registry as Ollama's, by digest", async () => {
    const { puller, url, got } = await bench({ model: MODEL, projector: model("clip"), template: Buffer.from("{{ x }}") });
    const { host } = new URL(url);
    expect(await puller.pull(`ollama:${host}/library/tiny`, NEVER, nothing)).toMatchObject({ files: ["tiny.gguf", "mmproj-tiny.gguf"] });
    expect(got("tiny.gguf").equals(MODEL)).toBe(true);
});

it("checks a URL's own sum", async () => {
    const { puller, storage } = await bench();
    await expect(puller.pull(`${storage}/blob/tiny-Q4_K_M.gguf#sha256=${"0".repeat(64)}`, NEVER, nothing)).rejects.toThrow(/SHA-256/);
});

describe("pulls at once", () => {
    it("of one source are one, and it ends when nobody waits", async () => {
        const { puller, fetched, manners, got } = await bench(FILES, { rate: 1_000_000 });
        const [one, two] = [new AbortController(), new AbortController()];
        const steps: Progress[] = [];
        const first = puller.pull(SOURCE, one.signal, (step) => steps.push(step));
        const second = puller.pull(SOURCE, two.signal, nothing);
        await expect.poll(() => steps.some(({ completed = 0 }) => completed > 0), { timeout: 10_000 }).toBe(true);
        expect(puller.progress).toMatchObject([{ source: SOURCE, status: "downloading" }]);
        one.abort(new Error("left"));
        await expect(first).rejects.toThrow("left");
        expect(puller.progress).toHaveLength(1);
        two.abort(new Error("left too"));
        await expect(second).rejects.toThrow("left too");
        expect(puller.progress).toEqual([]);
        expect(fetched()).toHaveLength(1);
        manners.rate = 0;
        await puller.pull(SOURCE, NEVER, nothing);
        expect(Number(/\d+/.exec(fetched().at(-1)?.range ?? "0")?.[0])).toBeGreaterThan(0);
        expect(got("tiny-Q4_K_M.gguf").equals(MODEL)).toBe(true);
    });

    it("by two services on one folder fetch once", async () => {
        const server = await hub(FILES, { rate: 3_000_000 });
        const folder = mkdtempSync(path.join(tmpdir(), "mentator-"));
        const [one, two] = [pullerFor(server, { folder }), pullerFor(server, { folder })];
        const steps: Progress[] = [];
        const done = await Promise.all([one.puller.pull(SOURCE, NEVER, nothing), two.puller.pull(SOURCE, NEVER, (step) => steps.push(step))]);
        expect(done.map(({ existed }) => existed).sort()).toEqual([false, true]);
        expect(server.fetched()).toHaveLength(1);
        expect(one.parts()).toEqual(["tiny-Q4_K_M.gguf.pulled.json"]);
    });
});

it("says first that there is no space", async () => {
    const { puller, fetched, parts } = await bench(FILES, { claims: 2 ** 50, length: 2 ** 50 });
    await expect(puller.pull(SOURCE, NEVER, nothing)).rejects.toMatchObject({ statusCode: 507, message: expect.stringContaining("are free in") as string });
    expect(fetched()).toHaveLength(1);
    expect(parts().filter((name) => name.endsWith(".part"))).toEqual([]);
});

it("says that the folder cannot be written", async () => {
    const { puller, folder } = await bench();
    writeFileSync(path.join(folder, ".downloads"), "in the way");
    await expect(puller.pull(SOURCE, NEVER, nothing)).rejects.toMatchObject({ statusCode: 507 });
    expect(statSync(path.join(folder, ".downloads")).isFile()).toBe(true);
    mkdirSync(path.join(folder, "x"));
});

it("says that a file cannot be made in the folder", async () => {
    const { puller, folder } = await bench();
    mkdirSync(path.join(folder, ".downloads", "tiny-Q4_K_M.gguf.lock"), { recursive: true });
    await expect(puller.pull(SOURCE, NEVER, nothing)).rejects.toMatchObject({ statusCode: 507, message: expect.stringContaining(".lock cannot be written: ") as string });
});
