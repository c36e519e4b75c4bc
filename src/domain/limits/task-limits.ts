/** What happens where the limits on memory, processors and processes can't be enforced: a worker that can is waited for, or not. */
export const ENFORCEMENTS = ["required", "best_effort"] as const;
type Enforcement = (typeof ENFORCEMENTS)[number];

/** A class of I/O priority as in ioprio_set(2); a level from 0, which comes first, to 7. */
export type IoClass = "idle" | IoClassWithLevel | `${IoClassWithLevel}:${IoLevel}`;
type IoClassWithLevel = "best-effort" | "realtime";
type IoLevel = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** The form of `IoClass`. */
export const IO_CLASS_PATTERN = "^(?:idle|(?:best-effort|realtime)(?::[0-7])?)$";

export const parseIoClass = (text: string): IoClass | null =>
  new RegExp(IO_CLASS_PATTERN).test(text) ? (text as IoClass) : null;

/** What the processes of an attempt may use. A missing field is no limit. */
export type TaskLimits = {
  readonly memoryBytes?: number;
  /** How many processors' worth of time, such as 1.5. */
  readonly cpus?: number;
  /** How many processes and threads at once. */
  readonly pids?: number;
  /** From -20, which comes first, to 19. */
  readonly nice?: number;
  readonly io?: IoClass;
  /** Missing: `required`. */
  readonly enforce?: Enforcement;
};

/** Bounds of the fields. Little starts with less memory than this; the kernel knows no smaller share and no larger number of processes. */
export const LIMIT_BOUNDS = {
  memoryBytes: { min: 4 * 2 ** 20 },
  cpus: { min: 0.01, max: 10_000 },
  pids: { min: 1, max: 4_194_304 },
  nice: { min: -20, max: 19 },
} as const;

/** Returns limits with defaults for what they do not say. */
export const mergeLimits = (defaults: TaskLimits | undefined, own: TaskLimits | undefined): TaskLimits => ({
  ...defaults,
  ...own,
});

/** The limits that only a cgroup enforces, by their names in job files. */
export const CGROUP_LIMITS = ["memory", "cpus", "pids"] as const;
export type CgroupLimit = (typeof CGROUP_LIMITS)[number];

/** Returns those of them that limits have. */
export const cgroupLimitsOf = ({ memoryBytes, cpus, pids }: TaskLimits): readonly CgroupLimit[] => {
  const values = { memory: memoryBytes, cpus, pids };
  return CGROUP_LIMITS.filter((limit) => values[limit] !== undefined);
};

/** Returns whether there is a limit that only a cgroup can enforce. */
export const needsCgroup = ({ memoryBytes, cpus, pids }: TaskLimits): boolean =>
  memoryBytes !== undefined || cpus !== undefined || pids !== undefined;

/** Returns whether limits ask for a priority above the usual one, which only root may give. */
export const needsRoot = ({ nice = 0, io }: TaskLimits): boolean => nice < 0 || io?.startsWith("realtime") === true;

/** How petit measures what an attempt uses: by the wait for its process, or by a cgroup for each attempt. */
export const USAGE_SOURCES = ["wait", "cgroup"] as const;

/** What becomes of processes that a task leaves running when it ends by itself. */
export const LEFTOVERS = ["keep", "kill"] as const;
export type Leftovers = (typeof LEFTOVERS)[number];
