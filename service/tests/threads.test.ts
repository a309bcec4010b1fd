import { expect, it } from "vitest";
import { quotaFolders } from "../src/cpu/cgroup.js";
import { quotaCpus, threadCount } from "../src/cpu/threads.js";

it.each([
    ["cgroup v2 without a quota", [{ cpuMax: "max 100000\n" }], 8, 8],
    ["cgroup v2, 2.5 CPUs, rounded down", [{ cpuMax: "250000 100000\n" }], 8, 2],
    ["less than one CPU", [{ cpuMax: "50000 100000" }], 8, 1],
    ["cgroup v1, 3 CPUs", [{ cfsQuotaUs: "300000\n", cfsPeriodUs: "100000\n" }], 8, 3],
    ["cgroup v1 without a quota", [{ cfsQuotaUs: "-1\n", cfsPeriodUs: "100000\n" }], 8, 8],
    ["the tightest of several groups", [{ cpuMax: "600000 100000" }, { cpuMax: "200000 100000" }, {}], 8, 2],
    ["a quota above the affinity", [{ cpuMax: "1600000 100000" }], 4, 4],
    ["no control groups at all", [], 6, 6],
    ["rubbish", [{ cpuMax: "x" }], 2, 2],
])("threads: %s", (_, groups, affinity, expected) => {
    expect(threadCount(groups, affinity)).toBe(expected);
});

it("returns a quota as a fraction", () => {
    expect(quotaCpus({ cpuMax: "150000 100000" })).toBe(1.5);
});

it("finds the group and its parents, in both cgroup versions", () => {
    expect(quotaFolders("0::/a/b\n", "/cg")).toEqual(["/cg/a/b", "/cg/a", "/cg"]);
    expect(quotaFolders("4:memory:/x\n3:cpu,cpuacct:/docker/1\n", "/cg")).toEqual([
        "/cg/cpu/docker/1",
        "/cg/cpu,cpuacct/docker/1",
        "/cg/cpu/docker",
        "/cg/cpu,cpuacct/docker",
        "/cg/cpu",
        "/cg/cpu,cpuacct",
    ].sort((a, b) => Number(a.includes(",")) - Number(b.includes(","))));
});
