// main.mjs from its start to the service, with the real probe, on a folder that stands for /.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { DOCKER, TABLE, newRoot, put, putTool } from "./system.mjs";

const APP = "opt/mentator-llm-service";
const BACKENDS = "opt/mentator/backends";
const SMI = "echo 'NVIDIA L4, 23034 MiB, 580.65.06'";
const CRASH = "process.kill(process.pid, 'SIGSEGV'); await new Promise(() => setInterval(() => 0, 1000));";

/** A mode that nobody but its row knows. */
const FAKE = {
    name: "fake",
    title: "Fake",
    vendor: { name: "Nobody" },
    getLlama: "cuda",
    candidates: [{ name: "fake" }],
    container: { remedy: "Give the container /dev/fake0" },
    signs: [{ nodes: ["dev/fake[0-9]*"] }],
    environment: { set: { FAKE_MODE: "yes" } },
    faults: [{ match: ["fake: the cable is loose"], words: ".*: (.*)$", cause: "it is not plugged in", remedy: "Plug it in" }],
};

/** @param {object[]} more further modes of the table, before the last resort */
function newImage(...more) {
    const root = newRoot();
    cpSync(join(DOCKER, "entrypoint"), join(root, "opt/mentator/entrypoint"), { recursive: true });
    const modes = [...TABLE.modes.slice(0, -1), ...more, ...TABLE.modes.slice(-1)];
    put(root, "opt/mentator/backends.json", JSON.stringify({ ...TABLE, modes }));
    put(root, `${APP}/package.json`, '{"type": "module"}');
    const standIn = (/** @type {string} */ name) => {
        return readFileSync(fileURLToPath(new URL(`stand-in/${name}.mjs`, import.meta.url)), "utf8");
    };
    put(root, `${APP}/distjs/index.js`, standIn("application"));
    put(root, `${APP}/node_modules/node-llama-cpp/package.json`, '{"type": "module", "exports": "./index.js"}');
    put(root, `${APP}/node_modules/node-llama-cpp/index.js`, standIn("library"));
    mkdirSync(join(root, APP, "data"));
    mkdirSync(join(root, "record"));
    return root;
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} [env]
 */
function start(root, env = {}) {
    const record = join(root, "record");
    const ended = spawnSync(process.execPath, [join(root, "opt/mentator/entrypoint/main.mjs"), "--an", "option"], {
        cwd: join(root, APP),
        env: { PATH: `${root}/bin:/bin`, RECORD: record, MENTATOR_SYSTEM_ROOT: root, ...env },
        encoding: "utf8",
        timeout: 20000,
    });
    const read = (/** @type {string} */ name) => {
        try {
            return readFileSync(join(record, name), "utf8");
        } catch {
            return "";
        } finally {
            rmSync(join(record, name), { force: true });
        }
    };
    const pairs = read("env").split("\0").map((row) => {
        const [name = "", ...value] = row.split("=");
        return /** @type {const} */ ([name, value.join("=")]);
    });
    return {
        code: ended.status,
        log: ended.stdout,
        error: ended.stderr,
        argv: read("argv").split("\0").slice(0, -1),
        env: Object.fromEntries(pairs),
        probed: read("probes").split("\n").flatMap((line) => line.split(" ")[0] || []),
    };
}

test("without a GPU the service runs on the CPU, and gets its arguments", () => {
    const started = start(newImage());
    assert.deepEqual([started.code, started.error], [0, ""]);
    assert.deepEqual(started.argv, ["distjs/index.js", "--an", "option"]);
    assert.equal(started.env["MENTATOR_BACKEND_CHOICE"], "cpu");
    assert.match(started.log, /^ {2}image {3}holds the backends cpu\n/);
    assert.match(started.log, /\n {2}time {4}unknown in this script\nthe service\n$/);
});

test("of two candidates the first is taken", () => {
    const root = newImage();
    putTool(root, "nvidia-smi", SMI);
    put(root, `${BACKENDS}/cuda12/libggml-cuda.so`, "ELF");
    put(root, `${BACKENDS}/cuda13/libggml-cuda.so`, "ELF");
    const started = start(root);
    assert.match(started.log, /holds the backends cuda13, cuda12, cpu\n/);
    assert.equal(started.env["GGML_BACKEND_PATH"], join(root, BACKENDS, "cuda13/libggml-cuda.so"));
    assert.deepEqual(started.probed, ["cuda13"]);
});

test("a candidate that is empty is not in the image, and the next one is taken", () => {
    const root = newImage();
    putTool(root, "nvidia-smi", SMI);
    put(root, `${BACKENDS}/cuda13/libggml-cuda.so`, "");
    put(root, `${BACKENDS}/cuda12/libggml-cuda.so`, "ELF");
    const started = start(root);
    assert.match(started.log, /holds the backends cuda12, cpu\n/);
    assert.match(started.log, /\n {2}cuda13 {2}dropped: it is not in this image\n/);
    assert.match(started.env["MENTATOR_BACKEND_REASON"] ?? "", /; dropped cuda13: it is not in this image$/);
    assert.deepEqual(started.probed, ["cuda12"]);
});

test("a demand takes the older candidate where the newer is dropped", () => {
    const root = newImage();
    putTool(root, "nvidia-smi", SMI);
    put(root, `${BACKENDS}/cuda13/libggml-cuda.so`, "ELF");
    put(root, `${BACKENDS}/cuda12/libggml-cuda.so`, "ELF");
    put(root, "record/probe-cuda13.mjs", CRASH);
    const started = start(root, { MENTATOR_BACKEND: "cuda" });
    assert.match(started.env["MENTATOR_BACKEND_REASON"] ?? "",
        /^cuda: MENTATOR_BACKEND=cuda; nvidia-smi lists NVIDIA L4 .*; dropped cuda13: segmentation fault$/);
    assert.deepEqual(started.probed, ["cuda13", "cuda12"]);
});

test("hardware whose backend the image lacks is told, and refused on demand", () => {
    const root = newImage();
    putTool(root, "nvidia-smi", SMI);
    put(root, "dev/kfd");
    put(root, "dev/dri/renderD128");
    put(root, `${BACKENDS}/rocm/libggml-hip.so`, "ELF");
    const started = start(root);
    assert.match(started.log, /\n {2}cuda {4}not possible: nvidia-smi .*, but this image holds no cuda backend\n/);
    assert.equal(started.env["MENTATOR_BACKEND_CHOICE"], "rocm");
    const refused = start(root, { MENTATOR_BACKEND: "cuda" });
    assert.deepEqual([refused.code, refused.argv, refused.probed], [69, [], []]);
    assert.match(refused.error, /next: Use an image that was built with cuda, or set MENTATOR_BACKEND=auto/);
});

test("a demand does not fall to another vendor", () => {
    const root = newImage();
    putTool(root, "nvidia-smi", SMI);
    put(root, `${BACKENDS}/cuda13/libggml-cuda.so`, "ELF");
    put(root, "dev/kfd");
    put(root, "dev/dri/renderD128");
    put(root, `${BACKENDS}/rocm/libggml-hip.so`, "ELF");
    put(root, "record/probe-rocm.mjs", "console.log('ROCm error: invalid device function'); process.exit(134);");
    const started = start(root, { MENTATOR_BACKEND: "rocm" });
    assert.deepEqual([started.code, started.probed], [69, ["rocm"]]);
    assert.match(started.error, /dropped rocm: it has no kernel for this card \(invalid device function; it aborted\)/);
    assert.match(started.error, /next: Use an image that was built with --rocm-targets of this card/);
});

test("each candidate has a proof of its own, which lasts while the card is away", () => {
    const root = newImage();
    putTool(root, "nvidia-smi", SMI);
    put(root, `${BACKENDS}/cuda13/libggml-cuda.so`, "ELF");
    put(root, "dev/kfd");
    put(root, "dev/dri/renderD128");
    put(root, `${BACKENDS}/rocm/libggml-hip.so`, "ELF");
    assert.deepEqual(start(root).probed, ["cuda13"]);
    assert.deepEqual(start(root, { MENTATOR_BACKEND: "rocm" }).probed, ["rocm"]);
    putTool(root, "nvidia-smi", "exit 9");
    assert.equal(start(root, { MENTATOR_BACKEND: "cpu" }).env["MENTATOR_BACKEND_CHOICE"], "cpu");
    putTool(root, "nvidia-smi", SMI);
    const started = start(root);
    assert.deepEqual([started.env["MENTATOR_BACKEND_CHOICE"], started.probed], ["cuda", []]);
    assert.match(started.log, /proven at an earlier start/);
    putTool(root, "nvidia-smi", SMI.replace("580", "590"));
    assert.deepEqual(start(root).probed, ["cuda13"]);
});

test("a processor's own graphics that lost are taken where they are demanded, and then lose again", () => {
    const root = newImage();
    put(root, "dev/dri/renderD128");
    put(root, `${BACKENDS}/vulkan/libggml-vulkan.so`, "ELF");
    put(root, "record/probe-vulkan.mjs", 'console.log("ggml_vulkan: 0 = Radeon (radv) | uma: 1 | fp16: 1");');
    put(root, `${APP}/default-models/m.gguf`, "GGUF");
    put(root, `${APP}/default-models/manifest.txt`, "ab  4  m.gguf\n");
    put(root, "record/slow-vulkan");
    for (const demand of ["auto", "vulkan", "vulkan", "auto"]) {
        const started = start(root, { MENTATOR_BACKEND: demand });
        assert.equal(started.env["MENTATOR_BACKEND_CHOICE"], demand === "auto" ? "cpu" : "vulkan", started.log + started.error);
    }
});

test("a processor's own graphics that did not answer once are measured again at the next start", () => {
    const root = newImage();
    put(root, "dev/dri/renderD128");
    put(root, `${BACKENDS}/vulkan/libggml-vulkan.so`, "ELF");
    put(root, "record/probe-vulkan.mjs", `import { existsSync } from "node:fs";
        if (process.argv[1].endsWith("measure.mjs") && existsSync(process.env.RECORD + "/full")) process.exit(1);
        console.log("ggml_vulkan: 0 = Radeon (radv) | uma: 1 | fp16: 1");`);
    put(root, `${APP}/default-models/m.gguf`, "GGUF");
    put(root, `${APP}/default-models/manifest.txt`, "ab  4  m.gguf\n");
    put(root, "record/slow-.");
    const full = put(root, "record/full");
    const first = start(root);
    assert.match(first.log, /slower than the CPU: no answer against/);
    assert.equal(first.env["MENTATOR_BACKEND_CHOICE"], "cpu");
    rmSync(full);
    assert.equal(start(root).env["MENTATOR_BACKEND_CHOICE"], "vulkan");
    assert.match(start(root).log, /proven at an earlier start/);
});

test("a tool that prints a lot leaves the service on the CPU", () => {
    const root = newImage();
    putTool(root, "nvidia-smi", "head -c 300000 /dev/zero | tr '\\0' x; exit 9");
    const started = start(root);
    assert.deepEqual([started.code, started.env["MENTATOR_BACKEND_CHOICE"]], [0, "cpu"]);
    assert.match(started.env["MENTATOR_BACKEND_REASON"] ?? "", /^cpu: not cuda: nvidia-smi fails with 9: x+\.\.\., no /);
});

test("a probe that prints a lot, or a damaged result, is dropped", () => {
    const root = newImage();
    putTool(root, "nvidia-smi", SMI);
    put(root, `${BACKENDS}/cuda13/libggml-cuda.so`, "ELF");
    put(root, `${BACKENDS}/cuda12/libggml-cuda.so`, "ELF");
    put(root, "record/probe-cuda13.mjs", "console.log('reason: ' + 'x'.repeat(300000)); process.exit(1);");
    put(root, "record/probe-cuda12.mjs", "console.log('{\"summary\":\"cut'); process.exit(0);");
    const started = start(root);
    assert.deepEqual([started.code, started.env["MENTATOR_BACKEND_CHOICE"]], [0, "cpu"]);
    assert.match(started.env["MENTATOR_BACKEND_REASON"] ?? "",
        /; dropped cuda13: x+\.\.\.; dropped cuda12: the probe ended without a result; not rocm: /);
});

test("FIFOs in the place of our files do not stop the start", () => {
    const root = newImage();
    putTool(root, "nvidia-smi", SMI);
    put(root, `${BACKENDS}/cuda13/libggml-cuda.so`, "ELF");
    execFileSync("mkfifo", [".backend-probe-cuda13.log", ".backend-proof", ".backend-proof.new"], { cwd: join(root, APP, "data") });
    assert.equal(start(root).env["MENTATOR_BACKEND_CHOICE"], "cuda");
    assert.match(start(root).log, /proven at an earlier start/);
});

test("a stop that comes while the modules are loaded is heard", () => {
    const root = newImage();
    const module = join(root, "opt/mentator/entrypoint/paths.mjs");
    put(root, "opt/mentator/entrypoint/paths.mjs", `process.kill(process.pid, "SIGTERM");\n${readFileSync(module, "utf8")}`);
    const stopped = start(root);
    assert.deepEqual([stopped.code, stopped.argv], [143, []]);
});

test("a failure is not remembered, and a proof that cannot be noted is told", () => {
    const root = newImage();
    putTool(root, "nvidia-smi", SMI);
    put(root, `${BACKENDS}/cuda13/libggml-cuda.so`, "ELF");
    put(root, "record/probe-cuda13.mjs", "process.exit(3);");
    assert.equal(start(root).env["MENTATOR_BACKEND_CHOICE"], "cpu");
    put(root, "record/probe-cuda13.mjs", "");
    mkdirSync(join(root, APP, "data/.backend-proof/in-the-way"), { recursive: true });
    const started = start(root);
    assert.equal(started.env["MENTATOR_BACKEND_CHOICE"], "cuda");
    assert.match(started.log, /\n {2}cuda13 {2}the proof could not be noted in .*: it is made again at the next start\n/);
});

test("the user's own cache of the driver is kept", () => {
    const root = newImage();
    putTool(root, "nvidia-smi", SMI);
    put(root, `${BACKENDS}/cuda13/libggml-cuda.so`, "ELF");
    assert.equal(start(root, { CUDA_CACHE_PATH: "/x" }).env["CUDA_CACHE_PATH"], "/x");
});

test("a mode is one row of the table and one plugin: it is looked for, proven and chosen", () => {
    const root = newImage(FAKE);
    put(root, "dev/fake0");
    put(root, `${BACKENDS}/fake/libggml-fake.so`, "ELF");
    const started = start(root);
    assert.match(started.log, /holds the backends fake, cpu\n/);
    assert.match(started.log, /\n {2}fake {4}found: \/dev\/fake0\n {2}fake {4}proven: Some Card, 8.0 GiB, 2 tokens in /);
    assert.match(started.log, /\n {2}fake {4}device Some Card: 8192 MiB\n/);
    assert.deepEqual(started.probed, ["fake"]);
    assert.equal(started.env["MENTATOR_BACKEND_CHOICE"], "fake");
    assert.equal(started.env["GGML_BACKEND_PATH"], join(root, BACKENDS, "fake/libggml-fake.so"));
    assert.deepEqual([started.env["FAKE_MODE"], started.env["NODE_LLAMA_CPP_GPU"]], ["yes", "cuda"]);
    const forced = start(root, { MENTATOR_BACKEND: "fake", FAKE_MODE: "stray" });
    assert.match(forced.env["MENTATOR_BACKEND_REASON"] ?? "", /^fake: MENTATOR_BACKEND=fake; \/dev\/fake0, fake\/libggml-fake.so: /);
    assert.deepEqual([forced.env["FAKE_MODE"], forced.probed], ["yes", []]);
});

test("a mode of one row is refused with the row's own reasons", () => {
    const root = newImage(FAKE);
    put(root, `${BACKENDS}/fake/libggml-fake.so`, "ELF");
    const missing = start(root, { MENTATOR_BACKEND: "fake" });
    assert.equal(missing.code, 69);
    assert.match(missing.error, /why: {2}no \/dev\/fake\[0-9\]\*\.\n {2}next: Give the container \/dev\/fake0, or set/);
    const unforced = start(root, { FAKE_MODE: "stray" });
    assert.deepEqual([unforced.env["MENTATOR_BACKEND_CHOICE"], unforced.env["FAKE_MODE"]], ["cpu", undefined]);
    assert.match(unforced.env["MENTATOR_BACKEND_REASON"] ?? "", /; not fake: no \/dev\/fake\[0-9\]\*$/);
    put(root, "dev/fake0");
    put(root, "record/probe-fake.mjs", "console.log('fake: the cable is loose'); process.exit(1);");
    const broken = start(root, { MENTATOR_BACKEND: "fake" });
    assert.equal(broken.code, 69);
    assert.match(broken.error, /dropped fake: it is not plugged in \(the cable is loose\)\.\n {2}next: Plug it in, or set/);
    assert.match(start(root, { MENTATOR_BACKEND: "metal" }).error, /It may be auto, cuda, rocm, vulkan, fake or cpu\./);
});
