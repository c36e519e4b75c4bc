/**
 * How the usage of an attempt was measured:
 * - `cgroup`: by the cgroup of the attempt, which counts all of its processes.
 * - `wait`: by the wait for its process, which counts this and the descendants that were waited for, each by its parent.
 */
export const USAGE_SOURCES = ["cgroup", "wait"] as const;
export type UsageSource = (typeof USAGE_SOURCES)[number];

/** What an attempt used. */
export type Usage = {
  /** CPU time in the program's own code, and in the system on its behalf. */
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /** With a cgroup, the most memory of all processes together; otherwise that of the largest process. Null if it is not known. */
  readonly memoryPeakBytes: number | null;
  readonly source: UsageSource;
};

/** What each source measures. */
export const USAGE_SOURCE_TEXT = {
  cgroup: "by a cgroup of its own, which counts all of its processes",
  wait: "by the wait for its process, which counts this and the processes that it waited for",
} as const satisfies Record<UsageSource, string>;

/** What several attempts used together. */
export type TotalUsage = {
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /** The largest peak; null if none is known. */
  readonly memoryPeakBytes: number | null;
  /** The limit of memory of the attempt with that peak; null if it had none. */
  readonly memoryLimitBytes: number | null;
};

/** Returns what attempts used together; null if none was measured. */
export const totalUsage = (
  attempts: readonly { readonly usage: Usage | null; readonly memoryLimitBytes: number | null }[],
): TotalUsage | null => {
  let total: TotalUsage | null = null;
  for (const { usage, memoryLimitBytes } of attempts) {
    if (usage === null) continue;
    const before: TotalUsage = total ?? { cpuUserMs: 0, cpuSystemMs: 0, memoryPeakBytes: null, memoryLimitBytes: null };
    const isHighest = (usage.memoryPeakBytes ?? -1) > (before.memoryPeakBytes ?? -1);
    total = {
      cpuUserMs: before.cpuUserMs + usage.cpuUserMs,
      cpuSystemMs: before.cpuSystemMs + usage.cpuSystemMs,
      memoryPeakBytes: isHighest ? usage.memoryPeakBytes : before.memoryPeakBytes,
      memoryLimitBytes: isHighest ? memoryLimitBytes : before.memoryLimitBytes,
    };
  }
  return total;
};

/** Returns whether the limits of all attempts that have some were enforced; null if none has. */
export const areLimitsEnforced = (attempts: readonly { readonly limitsEnforced: boolean | null }[]): boolean | null =>
  attempts.reduce<boolean | null>(
    (all, { limitsEnforced }) => (limitsEnforced === null ? all : limitsEnforced && all !== false),
    null,
  );
