// Whether a mode's hardware is here, decided from a described surface and the real rows of the table.
import assert from "node:assert/strict";
import { test } from "node:test";

import { findHardware } from "../../docker/entrypoint/find.mjs";
import { mode } from "./system.mjs";

/**
 * @typedef {import("../../docker/entrypoint/surface.mjs").SignReading} SignReading
 * @typedef {import("../../docker/entrypoint/run.mjs").Ended} Ended
 */

const UID = 12345;
const CTL = "/dev/nvidiactl";
const KFD = "/dev/kfd";
const RENDER = "/dev/dri/renderD128";
const CARD = { uuid: "", device: "0:0", units: 40 };
const NO_TOOL = { answer: null };
const NO_NODES = { nodes: [[], []] };
const NO_DXG = { nodes: [[]] };

/**
 * @param {string} output
 * @param {number} [code]
 * @param {Ended["late"]} [late]
 * @returns {SignReading}
 */
function says(output, code = 0, late = "") {
    return { answer: { code, output, late } };
}

/**
 * @param {string} path
 * @param {boolean} [usable]
 * @param {number} [group]
 */
function node(path, usable = true, group = 0) {
    return { path, usable, group };
}

/** @param {boolean} found */
function library(found) {
    return { found, fault: found ? "" : "file too short", environment: {} };
}

/** @param {string[]} devices numbers of cards on the PCI bus */
function bus(...devices) {
    return devices.map((device, index) => ({ slot: `0000:0${index + 1}:00.0`, device }));
}

/**
 * @param {string[]} targets
 * @param {boolean} [none]
 */
function cards(targets, none = false) {
    const described = targets.filter((target) => target !== "").join(", ") || "unknown target";
    return { source: "/sys/class/kfd", none, cards: targets.map((target, node) => ({ ...CARD, target, node })), described };
}

/**
 * @param {SignReading[]} signs
 * @param {boolean} [loads] the driver's library
 * @param {string[]} devices on the PCI bus
 */
function nvidia(signs, loads = true, ...devices) {
    return findHardware(mode("cuda"), { uid: UID, toolLimit: 5, library: library(loads), signs, bus: bus(...devices) });
}

/**
 * @param {SignReading[]} signs
 * @param {import("../../docker/entrypoint/bus.mjs").BusCard[]} [bus]
 */
function vulkan(signs, bus = []) {
    return findHardware(mode("vulkan"), { uid: UID, toolLimit: 5, library: library(false), signs, bus });
}

/** @param {SignReading[]} signs */
function amd(...signs) {
    return findHardware(mode("rocm"), { uid: UID, toolLimit: 5, library: library(false), signs, bus: [] });
}

const NVIDIA_NODES = { nodes: [[node(CTL)], [node("/dev/nvidia0")]] };
const AMD_NODES = [[node(KFD)], [node(RENDER)]];

for (const [name, found, finding] of /** @type {const} */ ([
    ["a tool that lists cards", nvidia([says("NVIDIA L4\nNVIDIA T4\n")]), "nvidia-smi lists NVIDIA L4, NVIDIA T4"],
    ["a tool with memory and driver",
        nvidia([says("NVIDIA L4, 23034 MiB, 580.65.06\nNVIDIA T4, 15360 MiB, 580.65.06\n")]),
        "nvidia-smi lists NVIDIA L4 (23034 MiB), NVIDIA T4 (15360 MiB), driver 580.65.06"],
    ["nodes beside a tool that prints nothing", nvidia([says("\n"), NVIDIA_NODES]),
        `${CTL} and libcuda.so.1 (nvidia-smi prints nothing)`],
    ["a tool without the driver's library", nvidia([says("NVIDIA L4")], false),
        "nvidia-smi lists NVIDIA L4 (libcuda.so.1 is not seen: is 'compute' in NVIDIA_DRIVER_CAPABILITIES?)"],
    ["nodes and library", nvidia([NO_TOOL, NVIDIA_NODES]), `${CTL} and libcuda.so.1 (no nvidia-smi)`],
    ["nodes beside a tool that fails", nvidia([says("Failed to initialize NVML\n", 18), NVIDIA_NODES]),
        `${CTL} and libcuda.so.1 (nvidia-smi fails with 18: Failed to initialize NVML)`],
    ["Windows's node", nvidia([NO_TOOL, NO_NODES, { nodes: [[node("/dev/dxg")]] }]),
        `/dev/dxg and libcuda.so.1 (no nvidia-smi, no ${CTL})`],
    ["AMD's nodes", amd({ nodes: AMD_NODES, cards: cards(["gfx1100"]) }), `gfx1100, ${KFD}, ${RENDER}`],
    ["several AMD cards",
        amd({ nodes: [[node(KFD)], [node(RENDER), node("/dev/dri/renderD129")]], cards: cards(["gfx1100", "gfx1100", "gfx1030"]) }),
        `gfx1100, gfx1100, gfx1030, ${KFD}, ${RENDER}, /dev/dri/renderD129`],
    ["one usable render node of two",
        amd({ nodes: [[node(KFD)], [node("/dev/dri/renderD127", false), node(RENDER)]], cards: cards(["gfx1100"]) }),
        `gfx1100, ${KFD}, ${RENDER}`],
    ["AMD's nodes without a list of cards", amd({ nodes: AMD_NODES, cards: cards([]) }),
        `unknown target, ${KFD}, ${RENDER}`],
    ["an AMD card without a target", amd({ nodes: AMD_NODES, cards: cards([""]) }),
        `unknown target, ${KFD}, ${RENDER}`],
    ["AMD's tool without nodes", amd(NO_NODES, says("GPU[0] : Card Series: Radeon\n")),
        `rocm-smi answers (no ${KFD})`],
    ["a render node, whoever made the card", vulkan([{ nodes: [[node(RENDER)]] }]), RENDER],
    ["a driver that the user names", vulkan([{ nodes: [[]] }, { variable: "/own/icd.json" }]),
        "VK_DRIVER_FILES=/own/icd.json (no /dev/dri/renderD*)"],
])) {
    test(`found: ${name}`, () => {
        assert.deepEqual([found.here, found.finding], [true, finding]);
    });
}

for (const [name, found, finding] of /** @type {const} */ ([
    ["nothing of NVIDIA's", nvidia([NO_TOOL, NO_NODES, NO_DXG]), `no nvidia-smi, no ${CTL}, no /dev/dxg`],
    ["a tool that fails", nvidia([says("Failed to initialize NVML\n\nmismatch\n", 18), NO_NODES, NO_DXG]),
        `nvidia-smi fails with 18: Failed to initialize NVML, mismatch, no ${CTL}, no /dev/dxg`],
    ["a tool that lists no device", nvidia([says("No devices were found\n"), NO_NODES, NO_DXG]),
        `nvidia-smi says: No devices were found, no ${CTL}, no /dev/dxg`],
    ["a tool that prints nothing", nvidia([says(" \n\n"), NO_NODES, NO_DXG]),
        `nvidia-smi prints nothing, no ${CTL}, no /dev/dxg`],
    ["AMD's tool that prints nothing", amd(NO_NODES, says("")), `no ${KFD}, rocm-smi prints nothing`],
    ["a mode without signs", findHardware({ ...mode("cuda"), signs: [] }, { uid: UID, toolLimit: 5, library: library(true), signs: [], bus: [] }),
        "it has no signs"],
    ["a tool that hangs", nvidia([says("", 137, "killed"), NO_NODES, NO_DXG]),
        `nvidia-smi does not answer within 5 s, no ${CTL}, no /dev/dxg`],
    ["the control node alone", nvidia([NO_TOOL, { nodes: [[node(CTL)], []] }, NO_DXG]),
        `no nvidia-smi, ${CTL} is there, but no /dev/nvidia[0-9]*, no /dev/dxg`],
    ["the card's node alone", nvidia([NO_TOOL, { nodes: [[], [node("/dev/nvidia0")]] }, NO_DXG]),
        `no nvidia-smi, no ${CTL}, no /dev/dxg`],
    ["nodes without the driver's library", nvidia([NO_TOOL, NVIDIA_NODES], false),
        `no nvidia-smi; ${CTL} is there, but no libcuda.so.1 that can be loaded (file too short)`],
    ["Windows's node without the driver's library", nvidia([NO_TOOL, NO_NODES, { nodes: [[node("/dev/dxg")]] }], false),
        `no nvidia-smi, no ${CTL}; /dev/dxg is there, but no libcuda.so.1 that can be loaded (file too short)`],
    ["NVIDIA's node that is refused", nvidia([NO_TOOL, { nodes: [[node(CTL, false, 44)], [node("/dev/nvidia0")]] }]),
        `no nvidia-smi; ${CTL} is there, but uid ${UID} may not read and write it: docker run --group-add 44`],
    ["nothing of AMD's", amd(NO_NODES, NO_TOOL), `no ${KFD}, no rocm-smi`],
    ["a render node of another vendor", amd({ nodes: [[], [node(RENDER)]], cards: cards([]) }, NO_TOOL), `no ${KFD}, no rocm-smi`],
    ["no render node", amd({ nodes: [[node(KFD)], []], cards: cards([]) }, NO_TOOL),
        `${KFD} is there, but no /dev/dri/renderD*, no rocm-smi`],
    ["AMD's tool without a card", amd(NO_NODES, says("No AMD GPUs specified\n")), `no ${KFD}, rocm-smi says: No AMD GPUs specified`],
    ["AMD's tool without a driver", amd(NO_NODES, says("Driver not initialized (amdgpu)\n")),
        `no ${KFD}, rocm-smi says: Driver not initialized (amdgpu)`],
    ["AMD's tool that fails", amd(NO_NODES, says("", 3)), `no ${KFD}, rocm-smi fails with 3`],
    ["a kernel that lists only CPUs", amd({ nodes: AMD_NODES, cards: cards([], true) }),
        `${KFD} is there, but the kernel lists no AMD GPU (/sys/class/kfd)`],
    ["the compute node that is refused", amd({ nodes: [[node(KFD, false, 992)], [node(RENDER)]], cards: cards(["gfx1100"]) }),
        `${KFD} is there, but uid ${UID} may not read and write it: docker run --group-add 992`],
    ["the render node that is refused", amd({ nodes: [[node(KFD)], [node(RENDER, false, 0)]], cards: cards(["gfx1100"]) }),
        `${RENDER} is there, but uid ${UID} may not read and write it: The host should give it a group of its own, such as render`],
    ["no render node, and no driver that the user names", vulkan([{ nodes: [[]] }, { variable: "" }]), "no /dev/dri/renderD*"],
    ["cards on the bus without a render node", vulkan([{ nodes: [[]] }, { variable: "" }], [
        { slot: "0000:00:02.0", device: "0x9a49", maker: "Intel" }, { slot: "0000:03:00.0", device: "0x67df", maker: "AMD" },
    ]), "no /dev/dri/renderD*; this machine has a card of Intel and AMD (PCI 0000:00:02.0, 0000:03:00.0), which this container was not given"],
])) {
    test(`not found: ${name}`, () => {
        assert.deepEqual([found.here, found.finding], [false, finding]);
    });
}

for (const [name, reading] of /** @type {const} */ ([
    ["fails", says("x".repeat(200_000), 9)],
    ["lists", says(`${"x".repeat(200_000)}, 1 MiB, 580\n`)],
    ["lists many", says("NVIDIA L4, 23034 MiB, 580.65.06\n".repeat(5000))],
])) {
    test(`a tool that ${name} at length is told in short`, () => {
        const { finding } = nvidia([reading, NO_NODES, NO_DXG]);
        assert.ok(finding.length <= 500, `${finding.length} characters`);
        assert.match(finding, /^nvidia-smi (fails with 9: x|lists xx|lists NVIDIA L4)/);
    });
}

test("what helps is the flag of docker run, or the group of a node that is refused", () => {
    assert.equal(nvidia([NO_TOOL, NO_NODES, NO_DXG]).remedy, "Give the container the GPU (docker run --gpus all ...)");
    assert.match(amd(NO_NODES, NO_TOOL).remedy, /--device \/dev\/kfd --device \/dev\/dri/);
    const refused = amd({ nodes: [[node(KFD, false, 992)], [node(RENDER)]], cards: cards([]) });
    assert.equal(refused.remedy, "docker run --group-add 992");
});

test("what a tool said and the cards' targets are told", () => {
    assert.equal(nvidia([says("NVIDIA L4, 1 MiB, 580\n")]).said, "NVIDIA L4, 1 MiB, 580\n");
    assert.equal(nvidia([says("No devices\n", 9), NVIDIA_NODES]).said, "");
    assert.deepEqual(amd({ nodes: AMD_NODES, cards: cards(["gfx1100", ""]) }).cards.map(({ target }) => target), ["gfx1100", ""]);
});
