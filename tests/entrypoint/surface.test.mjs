// What is read from the operating system, in a folder that stands for /.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { readBus, readCards } from "../../docker/entrypoint/bus.mjs";
import { expand, whyDenied } from "../../docker/entrypoint/nodes.mjs";
import { readSurface } from "../../docker/entrypoint/surface.mjs";
import { mode, newRoot, put, putLibrary, putMounts, putTool } from "./system.mjs";

/**
 * @param {string} name
 * @param {string} root
 * @param {Partial<import("../../docker/entrypoint/surface.mjs").System>} [more]
 */
function read(name, root, more = {}) {
    const env = { PATH: `${root}/bin:/usr/bin:/bin`, RECORD: root };
    return readSurface(mode(name), { root, env, uid: 1, ...more });
}

test("patterns are expanded in their last part", () => {
    const root = newRoot();
    for (const name of ["nvidia0", "nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "dri/renderD129", "dri/renderD128", "dri/card0"]) {
        put(root, `dev/${name}`);
    }
    assert.deepEqual(expand(root, "dev/nvidia[0-9]*"), ["/dev/nvidia0", "/dev/nvidia2", "/dev/nvidia10"], "in the order of numbers");
    assert.deepEqual(expand(root, "dev/dri/renderD*"), ["/dev/dri/renderD128", "/dev/dri/renderD129"]);
    assert.deepEqual(expand(root, "dev/nvidiactl"), ["/dev/nvidiactl"]);
    assert.deepEqual(expand(root, "dev/none"), []);
    assert.deepEqual(expand(root, "none/*"), []);
});

/** @param {string} root */
function withNodes(root) {
    put(root, "dev/nvidiactl");
    put(root, "dev/nvidia0");
    return root;
}

test("the loader decides whether the driver's library is there", async () => {
    const root = withNodes(newRoot());
    const folder = dirname(putLibrary(root, "nix/store/x1-nvidia/lib/libcuda.so.1"));
    const env = { PATH: "/bin", LD_LIBRARY_PATH: folder };
    assert.deepEqual((await read("cuda", root, { env })).library, { found: true, fault: "", environment: {} });
    const { library } = await read("cuda", root);
    assert.deepEqual([library.found, library.environment], [false, {}]);
    assert.match(library.fault, /^cannot open shared object file/);
    const bad = dirname(put(root, "bad/libcuda.so.1", "not a library"));
    const { fault } = (await read("cuda", root, { env: { PATH: "/bin", LD_LIBRARY_PATH: bad } })).library;
    assert.equal(fault, "file too short");
});

for (const [mount, folder] of /** @type {const} */ ([
    ["/usr/local/nvidia", "usr/local/nvidia/lib64"],
    ["/usr/local/nvidia/lib64", "usr/local/nvidia/lib64"],
    ["/run/opengl-driver", "run/opengl-driver/lib"],
    ["/usr/lib/wsl", "usr/lib/wsl/drivers/nv_dispi.inf_amd64_0"],
    ["/opt/my drivers/libcuda.so.1", "opt/my drivers"],
])) {
    test(`a library in ${folder}, of the mount ${mount}, is told to the loader`, async () => {
        const root = withNodes(newRoot());
        putMounts(root, ["/", "/proc", "/dev/shm", "/etc/hosts", mount]);
        put(root, `${folder}/libcuda.so.1`, "");
        assert.equal((await read("cuda", root)).library.found, false, "an empty one does not count");
        putLibrary(root, `${folder}/libcuda.so.1`);
        const environment = { LD_LIBRARY_PATH: join(root, folder) };
        assert.deepEqual((await read("cuda", root)).library, { found: true, fault: "", environment });
        const more = await read("cuda", root, { env: { LD_LIBRARY_PATH: "/mine" } });
        assert.deepEqual(more.library.environment, { LD_LIBRARY_PATH: `${join(root, folder)}:/mine` });
    });
}

test("a library that cannot be loaded is refused in the loader's words", async () => {
    const root = withNodes(newRoot());
    putMounts(root, ["/usr/local/nvidia"]);
    put(root, "usr/local/nvidia/lib64/libcuda.so.1", "not a library");
    const { found, fault, environment } = (await read("cuda", root)).library;
    assert.deepEqual([found, environment], [false, {}]);
    assert.match(fault, /file too short|invalid ELF header/);
});

test("no code is loaded from the folders of models and data, nor from one that everybody may write", async () => {
    for (const folder of ["opt/mentator-llm-service/data/models", "tmp", "srv/drop"]) {
        const root = withNodes(newRoot());
        putMounts(root, [`/${folder}`, "/opt/mentator-llm-service/data"]);
        putLibrary(root, `${folder}/libcuda.so.1`);
        chmodSync(join(root, folder), folder === "srv/drop" ? 0o777 : 0o755);
        assert.equal((await read("cuda", root)).library.found, false, folder);
    }
});

test("what cannot be looked into in a mount does not stop the search", async () => {
    const root = withNodes(newRoot());
    putMounts(root, ["/srv/host"]);
    mkdirSync(`${root}/srv/host`, { recursive: true });
    symlinkSync("a-loop", `${root}/srv/host/a-loop`);
    symlinkSync("nowhere", `${root}/srv/host/b`);
    putLibrary(root, "srv/host/lib/libcuda.so.1");
    assert.equal((await read("cuda", root)).library.found, true);
});

test("the library is not looked for where nothing else is a sign of a card", async () => {
    const root = newRoot();
    putMounts(root, ["/usr/local/nvidia"]);
    putLibrary(root, "usr/local/nvidia/lib64/libcuda.so.1");
    assert.deepEqual((await read("cuda", root)).library, { found: false, fault: "", environment: {} });
});

test("cards on the PCI bus are those of the vendor and of a card's class", () => {
    const root = newRoot();
    const devices = /** @type {const} */ ([
        ["0000:00:02.0", "0x8086", "0x030000", "0x9a49"], ["0000:01:00.0", "0x10de", "0x030000", "0x2684"],
        ["0000:01:00.1", "0x10de", "0x040300", "0x22ba"], ["0000:81:00.0", "0x10de", "0x030200", "0x20b0"],
    ]);
    for (const [slot, vendor, kind, device] of devices) {
        put(root, `sys/bus/pci/devices/${slot}/vendor`, `${vendor}\n`);
        put(root, `sys/bus/pci/devices/${slot}/class`, `${kind}\n`);
        put(root, `sys/bus/pci/devices/${slot}/device`, `${device}\n`);
    }
    assert.deepEqual(readBus(root, "0x10de"), [
        { slot: "0000:01:00.0", device: "0x2684" }, { slot: "0000:81:00.0", device: "0x20b0" },
    ]);
    assert.deepEqual(readBus(root, undefined), []);
    assert.deepEqual(readCards(root, mode("cuda")), readBus(root, "0x10de"));
    assert.deepEqual(readCards(root, mode("vulkan")), [
        { slot: "0000:00:02.0", device: "0x9a49", maker: "Intel" },
        { slot: "0000:01:00.0", device: "0x2684", maker: "NVIDIA" },
        { slot: "0000:81:00.0", device: "0x20b0", maker: "NVIDIA" },
    ]);
});

test("a render node of another vendor is not AMD's", async () => {
    const root = newRoot();
    put(root, "dev/kfd");
    put(root, "dev/dri/renderD128");
    put(root, "dev/dri/renderD129");
    put(root, "sys/class/drm/renderD128/device/vendor", "0x8086\n");
    const nodesOf = async () => (await read("rocm", root)).signs[0]?.nodes?.[1]?.map(({ path }) => path);
    assert.deepEqual(await nodesOf(), ["/dev/dri/renderD129"]);
    put(root, "sys/class/drm/renderD129/device/vendor", "0x10de\n");
    assert.deepEqual(await nodesOf(), []);
});

test("a virtual machine's display is no card that Vulkan serves", async () => {
    const root = newRoot();
    for (const [number, vendor] of /** @type {const} */ ([[128, "0x1af4"], [129, "0x8086"], [130, "0x10de"]])) {
        put(root, `dev/dri/renderD${number}`);
        put(root, `sys/class/drm/renderD${number}/device/vendor`, `${vendor}\n`);
    }
    assert.deepEqual((await read("vulkan", root)).signs[0]?.nodes?.[0]?.map(({ path }) => path), ["/dev/dri/renderD129", "/dev/dri/renderD130"]);
});

const SELINUX = "system_u:system_r:container_t:s0:c1,c2";

for (const [name, code, owner, identity, denied] of /** @type {[string, string, import("../../docker/entrypoint/nodes.mjs").Owner, object, string][]} */ ([
    ["its mode", "EACCES", { uid: 0, gid: 992, mode: 0o660 }, {}, "rights"],
    ["its mode, for root in a user namespace", "EACCES", { uid: 65534, gid: 65534, mode: 0o660 }, { uid: 0 }, "unmapped"],
    ["an unmapped group under SELinux", "EACCES", { uid: 65534, gid: 65534, mode: 0o660 }, { uid: 0, label: SELINUX }, "unmapped"],
    ["SELinux, where its mode allows it", "EACCES", { uid: 0, gid: 0, mode: 0o666 }, { label: SELINUX }, "label"],
    ["SELinux, with its group kept", "EACCES", { uid: 65534, gid: 65534, mode: 0o660 }, { groups: [65534], label: SELINUX }, "label"],
    ["its mode under AppArmor", "EACCES", { uid: 0, gid: 992, mode: 0o660 }, { label: "docker-default (enforce)" }, "rights"],
    ["the rules of the engine", "EPERM", { uid: 0, gid: 0, mode: 0o666 }, { label: SELINUX }, "rule"],
])) {
    test(`a node is refused by ${name}`, () => {
        assert.equal(whyDenied(code, owner, { uid: 1000, groups: [1000], overflow: 65534, label: "", ...identity }), denied);
    });
}

test("a tool that is on PATH is asked", async () => {
    const root = newRoot();
    putTool(root, "nvidia-smi", 'echo "$@"; echo fault >&2; exit 18');
    const [tool] = (await read("cuda", root)).signs;
    assert.deepEqual(tool?.answer, {
        code: 18, late: "", output: "--query-gpu=name,memory.total,driver_version,mig.mode.current --format=csv,noheader\nfault\n",
    });
});

test("a tool that is not there, cannot be run or is a folder is not asked", async () => {
    const root = newRoot();
    assert.equal((await read("cuda", root)).signs[0]?.answer, null);
    put(root, "bin/nvidia-smi", "", 0o644);
    assert.equal((await read("cuda", root, { env: { PATH: `${root}/bin` } })).signs[0]?.answer, null);
    mkdirSync(`${root}/sbin/nvidia-smi`, { recursive: true });
    assert.equal((await read("cuda", root, { env: { PATH: `${root}/sbin` } })).signs[0]?.answer, null);
});

test("a tool has five seconds", async () => {
    assert.equal((await read("cuda", newRoot())).toolLimit, 5);
});

for (const script of ["sleep 60", "trap '' TERM; while :; do sleep 60; done"]) {
    test(`a tool that hangs (${script}) is left after its limit`, async () => {
        const root = newRoot();
        putTool(root, "nvidia-smi", script);
        const began = performance.now();
        const surface = await read("cuda", root, { toolLimit: 0.2 });
        assert.ok(performance.now() - began < 4000);
        assert.notEqual(surface.signs[0]?.answer?.late, "");
    });
}

test("no tool is started where the nodes before it are there", async () => {
    const root = newRoot();
    putTool(root, "rocm-smi", 'touch "$RECORD/asked"');
    put(root, "dev/kfd");
    put(root, "dev/dri/renderD128");
    assert.equal((await read("rocm", root)).signs.length, 1);
    assert.equal(existsSync(`${root}/asked`), false);
    const without = newRoot();
    putTool(without, "rocm-smi", 'touch "$RECORD/asked"');
    assert.equal((await read("rocm", without)).signs.length, 2);
    assert.equal(existsSync(`${without}/asked`), true);
});

test("nodes are told with their group, and whether they may be used", async () => {
    const root = newRoot();
    put(root, "dev/kfd");
    put(root, "dev/dri/renderD128");
    const [nodes] = (await read("rocm", root)).signs;
    const gid = process.getgid?.();
    assert.deepEqual(nodes?.nodes, [
        [{ path: "/dev/kfd", usable: true, group: gid }],
        [{ path: "/dev/dri/renderD128", usable: true, group: gid }],
    ]);
});

test("nodes that this user may not open are not usable", { skip: process.getuid?.() === 0 ? "root may open all" : false }, async () => {
    for (const rights of [0o000, 0o444]) {
        const root = newRoot();
        put(root, "dev/kfd", "", rights);
        put(root, "dev/dri/renderD128");
        const [nodes] = (await read("rocm", root)).signs;
        assert.equal(nodes?.nodes?.[0]?.[0]?.usable, false);
    }
});

test("a reader of cards that is not known is named", async () => {
    const row = { ...mode("rocm"), signs: [{ nodes: ["dev/x"], cards: "none" }] };
    await assert.rejects(readSurface(row, { root: newRoot(), env: {}, uid: 1 }), /the reader "none", which is not one of kfd/);
});
