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
