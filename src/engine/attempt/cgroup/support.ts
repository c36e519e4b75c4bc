import { accessSync, constants, existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import {
  CGROUP_LIMITS,
  type CgroupLimit,
  cgroupLimitsOf,
  type TaskLimits,
} from "../../../domain/limits/task-limits.ts";
import type { LimitSupport } from "../../../domain/limits/unenforced.ts";
import type { Runtime } from "../../../runtime/runtime.ts";
import { readText } from "../../output/spool.ts";
import { type CgroupMounts, folderOf, parseMounts, pathOf } from "./mounts.ts";
import { isOfAttempt, LEAF } from "./names.ts";

/** The parts of the kernel that limit memory, CPU time and the number of processes. */
const CONTROLLERS = ["memory", "cpu", "pids"] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** Why something can't be done with cgroups, and what to do about it: two sentences without a full stop, the first of which follows "because". */
export type CgroupGap = { readonly reason: string; readonly advice: string };

/** Whether petit can create cgroups for attempts. */
export type CgroupSupport =
  | {
      readonly kind: "delegated";
      /** The folder in which petit may create others. */
      readonly base: string;
      readonly controllers: ReadonlySet<Controller>;
      /** Why a controller is missing; null if none is. */
      readonly gap: CgroupGap | null;
    }
  | ({ readonly kind: "none" } & CgroupGap);

/** What the system says about the cgroup of this process. */
export type CgroupSystem = {
  /** /proc/self/mountinfo, and /proc/self/cgroup. */
  readonly mountinfo: string;
  readonly cgroup: string;
  readonly euid: number;
  readonly readXattr: Runtime["readXattr"];
};

export type FindCgroupsOptions = {
  readonly runtime: Pick<Runtime, "readXattr">;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** What is known where nobody has looked. */
export const NOT_LOOKED: CgroupSupport = {
  kind: "none",
  reason: "this petit runs no cgroups",
  advice: "start petit with 'petit run'",
};

/** The variable with the folder in which petit may create cgroups, if that is not the cgroup that petit was started in. */
export const CGROUP_VARIABLE = "PETIT_CGROUP";

/** Finds out where petit can create cgroups. Changes nothing. */
export const findCgroups = ({ runtime, environment }: FindCgroupsOptions): CgroupSupport => {
  if (process.platform !== "linux") return none("cgroups are a feature of Linux", "run petit on Linux");
  return judgeCgroups(
    {
      mountinfo: readText("/proc/self/mountinfo") ?? "",
      cgroup: readText("/proc/self/cgroup") ?? "",
      euid: process.geteuid?.() ?? 0,
      readXattr: runtime.readXattr,
    },
    environment[CGROUP_VARIABLE] ?? "",
  );
};

/**
 * Returns whether and where petit can create cgroups, by these rules:
 *
 * - `given`, the value of PETIT_CGROUP, is the base if it is not empty. Whoever sets it vouches for it.
 * - Otherwise the base is the cgroup of this process, or its parent if its name is `petit`: there is where petit has moved, and where
 *   `DelegateSubgroup=petit` starts it.
 * - The base must be delegated to petit. Root can write everywhere, so that says nothing (see `isDelegated`).
 * - It must not be the folder of a service itself, since systemd could not start petit there again while a limited task runs.
 */
export const judgeCgroups = (system: CgroupSystem, given: string): CgroupSupport => {
  const mounts = parseMounts(system.mountinfo);
  if (mounts.v2.length === 0)
    return mounts.v1.length > 0
      ? none("this machine has cgroup v1", V2)
      : none("no file system of cgroups is mounted", "mount cgroup2 at /sys/fs/cgroup");
  const path = pathOf(system.cgroup);
  const own = path === null ? null : folderOf(mounts, path);
  if (given !== "") return judgeGiven(given, { mounts, own: own?.folder ?? null });
  if (own === null)
    return none("the cgroup of petit is not visible", "mount cgroup2 at /sys/fs/cgroup, as the container engine does");
  const isInLeaf = basename(own.folder) === LEAF && !own.isTop;
  const base = isInLeaf ? dirname(own.folder) : own.folder;
  const isTop = isInLeaf ? folderOf(mounts, dirname(path ?? "/"))?.isTop === true : own.isTop;
  if (!isDelegated(base, { isTop, system })) return none(...notDelegated(base, system));
  if (!isInLeaf && !isTop && base.endsWith(".service")) return none(...RESTART);
  return judgeBase(base, mounts);
};

type Given = {
  readonly mounts: CgroupMounts;
  /** The folder of the cgroup of this process; null if it is not visible. */
  readonly own: string | null;
};

const judgeGiven = (given: string, { mounts, own }: Given): CgroupSupport => {
  const base = resolve(given);
  const isCgroup = mounts.v2.some(({ point }) => base === point || base.startsWith(join(point, "/")));
  if (!isCgroup || !existsSync(join(base, "cgroup.procs"))) {
    if (isOnV1(CONTROLLERS, mounts)) return { kind: "none", ...gapOf(CONTROLLERS, mounts) };
    return none(`${given} is not a folder of cgroup v2`, `give ${CGROUP_VARIABLE} the path of one, or remove it`);
  }
  // A process enters a cgroup only if it may write to this file of the folder that both cgroups are in, whether or not that is mounted read-only.
  const fault = own === null ? null : writeFault(join(commonFolder(own, base), "cgroup.procs"));
  if (fault === "EACCES") return none(`processes may not move from petit's cgroup ${own} to ${base}`, MOVE);
  return judgeBase(base, mounts);
};

const commonFolder = (one: string, other: string): string =>
  one === other || other.startsWith(join(one, "/")) ? one : commonFolder(dirname(one), other);

/** Returns whether a folder is petit's to change. */
const isDelegated = (
  base: string,
  { isTop, system }: { readonly isTop: boolean; readonly system: CgroupSystem },
): boolean => {
  // The top of a namespace of cgroups is that of a container. Only that of the machine has no type.
  if (isTop) return existsSync(join(base, "cgroup.type"));
  // A task that is a petit has the cgroup of its attempt to itself.
  if (isOfAttempt(basename(base))) return true;
  // systemd's CGROUP_DELEGATION: the attribute marks what is delegated; without it, nothing is. Before systemd 251 only root can read it.
  if (["user.delegate", "trusted.delegate"].some((name) => system.readXattr(base, name) === "1")) return true;
  // systemd gives the folder of a delegated unit to the user of the unit. Within what a manager of that user has, this says nothing.
  return system.euid !== 0 && ownerOf(base) === system.euid && ownerOf(dirname(base)) !== system.euid;
};

const ownerOf = (path: string): number | null => statSync(path, { throwIfNoEntry: false })?.uid ?? null;

const judgeBase = (base: string, mounts: CgroupMounts): CgroupSupport => {
  for (const path of [base, join(base, "cgroup.procs"), join(base, "cgroup.subtree_control")]) {
    const code = writeFault(path);
    if (code === "EROFS") return none(`${base} is read-only`, WRITABLE);
    if (code !== null) return none(`petit may not write to ${path}`, "give petit's user this file");
  }
  const available = wordsOf(join(base, "cgroup.controllers"));
  const controllers = new Set(CONTROLLERS.filter((name) => available.includes(name)));
  const missing = CONTROLLERS.filter((name) => !controllers.has(name));
  return { kind: "delegated", base, controllers, gap: missing.length === 0 ? null : gapOf(missing, mounts) };
};

/** Returns the code of the system for why a file can't be written; null if it can. */
const writeFault = (path: string): string | null => {
  try {
    accessSync(path, constants.W_OK);
    return null;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "EACCES";
  }
};

export const wordsOf = (path: string): readonly string[] => (readText(path) ?? "").split(/\s+/).filter(Boolean);

const isOnV1 = (controllers: readonly Controller[], { v1 }: CgroupMounts): boolean =>
  v1.some((options) => controllers.some((name) => options.includes(name)));

const gapOf = (missing: readonly Controller[], mounts: CgroupMounts): CgroupGap => {
  const names = missing.join(", ");
  if (isOnV1(missing, mounts)) return { reason: `this machine has cgroup v1 for ${names}`, advice: V2 };
  return {
    reason: `petit's cgroup lacks the ${missing.length === 1 ? "controller" : "controllers"} ${names}`,
    advice: `delegate them to petit: Delegate=yes in a system unit; for a user's units, Delegate=cpu memory pids in a drop-in of user@.service`,
  };
};

/** Returns which limits of a task can't be enforced, and why; null if all can. */
export const unenforced = (
  support: CgroupSupport,
  limits: TaskLimits,
): (CgroupGap & { readonly limits: readonly CgroupLimit[] }) | null => {
  const { enforced, gap } = limitSupportOf(support);
  const lacking = cgroupLimitsOf(limits).filter((name) => !enforced.includes(name));
  return gap === null || lacking.length === 0 ? null : { limits: lacking, reason: gap.reason, advice: gap.advice };
};

const CONTROLLER_OF = { memory: "memory", cpus: "cpu", pids: "pids" } as const satisfies Record<
  CgroupLimit,
  Controller
>;

const none = (reason: string, advice: string): CgroupSupport => ({ kind: "none", reason, advice });

const V2 = "start its kernel with systemd.unified_cgroup_hierarchy=1, or use a newer distribution";

const WRITABLE =
  "let petit write there: ProtectControlGroups=no in its unit; in a container, Docker's --security-opt writable-cgroups=true or podman's --security-opt unmask=/sys/fs/cgroup";

const MOVE =
  "let systemd start petit beside that folder: write the unit again with 'petit service install', or restart petit when its tasks have ended";

const RESTART = [
  "systemd could not start petit again while a limited task runs",
  "write the unit again with 'petit service install', or add DelegateSubgroup=petit to it (systemd 254 or newer)",
] as const;

const notDelegated = (base: string, { euid }: CgroupSystem): readonly [string, string] => {
  const name = basename(base);
  if (name.endsWith(".service"))
    return [
      `the cgroup of ${name} is not delegated to petit`,
      "write the unit again with 'petit service install', or add Delegate=yes and DelegateSubgroup=petit to it (systemd 254 or newer)",
    ];
  const user = euid === 0 ? "" : " --user";
  return [
    "petit's cgroup is not delegated to it",
    `start petit with systemd-run${user} --scope -p Delegate=yes, as a service, or with ${CGROUP_VARIABLE}`,
  ];
};

/** Returns which limits petit enforces. */
export const limitSupportOf = (support: CgroupSupport): LimitSupport =>
  support.kind === "none"
    ? { enforced: [], gap: { reason: support.reason, advice: support.advice } }
    : {
        enforced: CGROUP_LIMITS.filter((limit) => support.controllers.has(CONTROLLER_OF[limit])),
        gap: support.gap,
      };
