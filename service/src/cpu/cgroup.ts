/** Reads the CPU quota of the control groups, of both cgroup versions. */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { type QuotaTexts, threadCount } from "./threads.js";

/**
 * Folders that may hold this process's quota files. In a container its own group is usually mounted
 * at the root; outside of one it lies at the path that /proc/self/cgroup names, below its parents.
 * @param selfCgroup text of /proc/self/cgroup, lines `id:controllers:path`
 */
export function quotaFolders(selfCgroup: string, root = "/sys/fs/cgroup"): string[] {
    const folders = new Set<string>();
    for (const line of selfCgroup.split("\n")) {
        const [, controllers, ...rest] = line.split(":");
        const group = rest.join(":");
        if (controllers === undefined || group === "" || group.includes("..")) {
            continue;
        }
        const mounts =
            controllers === ""
                ? [root]
                : controllers.split(",").includes("cpu")
                  ? [path.join(root, "cpu"), path.join(root, controllers)]
                  : [];
        for (const mount of mounts) {
            let folder = group;
            for (;;) {
                folders.add(path.join(mount, folder));
                if (folder === "/" || folder === ".") {
                    break;
                }
                folder = path.dirname(folder);
            }
        }
    }
    return [...folders].map((folder) => folder.replace(/(.)\/$/, "$1"));
}

function textOf(file: string): string | undefined {
    try {
        return readFileSync(file, "utf8");
    } catch {
        // Absent in the other cgroup version, and at the root of v2.
        return undefined;
    }
}

/** Threads for computing in this process: CPU quota rounded down, at most the affinity, at least 1. */
export function threadsOfThisProcess(): number {
    const groups = quotaFolders(textOf("/proc/self/cgroup") ?? "0::/").map(
        (folder): QuotaTexts => ({
            cpuMax: textOf(path.join(folder, "cpu.max")),
            cfsQuotaUs: textOf(path.join(folder, "cpu.cfs_quota_us")),
            cfsPeriodUs: textOf(path.join(folder, "cpu.cfs_period_us")),
        }),
    );
    return threadCount(groups, availableParallelism());
}
