/**
 * How many threads may compute. More threads than the CPU quota collapses throughput (the kernel
 * stops them all for the rest of each period), so the quota is rounded down.
 */

/** The texts of one control group's quota files; absent files are undefined. */
export interface QuotaTexts {
    /** cgroup v2 `cpu.max`: "QUOTA PERIOD" in microseconds, or "max PERIOD". */
    readonly cpuMax?: string | undefined;
    /** cgroup v1 `cpu.cfs_quota_us`: microseconds, -1 for none. */
    readonly cfsQuotaUs?: string | undefined;
    /** cgroup v1 `cpu.cfs_period_us`: microseconds. */
    readonly cfsPeriodUs?: string | undefined;
}

/** CPUs that one group may use, as a fraction; Infinity without a quota. */
export function quotaCpus(texts: QuotaTexts): number {
    const [quota, period] =
        texts.cpuMax === undefined ? [texts.cfsQuotaUs, texts.cfsPeriodUs] : texts.cpuMax.trim().split(/\s+/);
    const quotaUs = Number(quota?.trim());
    const periodUs = Number(period?.trim());
    if (!(quotaUs > 0) || !(periodUs > 0)) {
        return Number.POSITIVE_INFINITY;
    }
    return quotaUs / periodUs;
}

/**
 * @param groups the process's control group and those above it: the tightest counts
 * @param affinity CPUs that the process may be scheduled on (cpuset, affinity)
 * @returns threads, at least 1
 */
export function threadCount(groups: readonly QuotaTexts[], affinity: number): number {
    const quota = Math.min(Number.POSITIVE_INFINITY, ...groups.map(quotaCpus));
    return Math.max(1, Math.min(Math.floor(quota), affinity));
}
