import { runsProgram, type Task } from "../../../domain/job.ts";
import { limitsOfTask } from "../../../domain/limits/limits-of-task.ts";
import { needsCgroup, type TaskLimits } from "../../../domain/limits/task-limits.ts";
import type { Attempt, AttemptUsage } from "../../../domain/task-run.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import type { Log } from "../../../lib/log.ts";
import type { EngineSettings } from "../../options.ts";
import { SpawnError } from "../spawn-error.ts";
import { type CgroupEntry, wrapperPids } from "../wrapper.ts";
import type { Cgroup } from "./cgroup.ts";
import type { Cgroups } from "./cgroups.ts";
import { unenforced } from "./support.ts";

/** Where an attempt runs, and which of its limits that enforces. */
export type Placement = Pick<AttemptUsage, "memoryLimitBytes" | "limitsEnforced"> & {
  /** Null if it has no cgroup of its own. */
  readonly cgroup: Cgroup | null;
  /** True if the program must not start outside of the cgroup. */
  readonly isRequired: boolean;
  /** True if its processes are known to have entered the cgroup. */
  readonly hasEntered: boolean;
};

export type PlaceOptions = {
  readonly cgroups: Cgroups;
  readonly settings: Pick<EngineSettings, "limits" | "usage">;
  readonly log: Log;
  readonly task: Task;
  readonly attempt: Attempt;
};

const NOWHERE: Placement = {
  cgroup: null,
  isRequired: false,
  hasEntered: false,
  memoryLimitBytes: null,
  limitsEnforced: null,
};

/** Returns whether attempts of a task run in cgroups of their own, where petit can create some. */
export const wantsCgroup = (task: Task, settings: PlaceOptions["settings"]): boolean =>
  runsHere(task) &&
  (needsCgroup(limitsOfTask(task, settings.limits ?? {})) || task.leftovers === "kill" || settings.usage === "cgroup");

/** Creates the cgroup of a new attempt if it needs one. Throws SpawnError if a limit can't be set. */
export const placeNew = (options: PlaceOptions, { reopensOutput }: { readonly reopensOutput: boolean }): Placement => {
  const { cgroups, settings, log, task, attempt } = options;
  const limits = limitsOfTask(task, settings.limits ?? {});
  const isLimited = needsCgroup(limits);
  if (!isLimited && task.leftovers !== "kill" && settings.usage !== "cgroup") return NOWHERE;
  if (task.container !== undefined) return byEngine(limits);
  if (!runsHere(task)) return NOWHERE;
  const isRequired = isLimited && limits.enforce !== "best_effort";
  try {
    const cgroup = cgroups.create(attempt, { limits, wrapperPids: wrapperPids(reopensOutput) });
    return placementOf(cgroup, { limits, isRequired, cgroups });
  } catch (error) {
    if (isRequired) throw new SpawnError("ECGROUP", errorMessage(error));
    log.warn({ err: error, attempt_id: attempt.id }, "cannot create the cgroup of an attempt");
    return { ...NOWHERE, limitsEnforced: isLimited ? false : null };
  }
};

/** Finds the cgroup of an attempt that a previous petit process has started, and sets its limits again. */
export const placeAdopted = ({ cgroups, settings, log, task, attempt }: PlaceOptions): Placement => {
  const limits = limitsOfTask(task, settings.limits ?? {});
  if (task.container !== undefined) return byEngine(limits);
  const cgroup = cgroups.find(attempt);
  try {
    cgroups.restore(cgroup, limits);
    // Its folder may be gone at its end: systemd removes what is in the scope of a previous petit with the last process of that.
    const hasEntered = cgroup !== null && cgroup.usage() !== null;
    return { ...placementOf(cgroup, { limits, isRequired: false, cgroups }), hasEntered };
  } catch (error) {
    log.error({ err: error, attempt_id: attempt.id }, "cannot set the limits of a running attempt again");
    return { ...NOWHERE, cgroup, limitsEnforced: false };
  }
};

/** Returns whether the process of an attempt is its program. Otherwise it is only the client of what does the work, such as `ssh`. */
export const runsHere = ({ program, container }: Task): boolean => container === undefined && runsProgram(program.type);

/** The engine enforces the limits of a container. */
const byEngine = (limits: TaskLimits): Placement =>
  needsCgroup(limits) ? { ...NOWHERE, memoryLimitBytes: limits.memoryBytes ?? null, limitsEnforced: true } : NOWHERE;

type Placed = { readonly limits: TaskLimits; readonly isRequired: boolean; readonly cgroups: Cgroups };

const placementOf = (cgroup: Cgroup | null, { limits, isRequired, cgroups }: Placed): Placement => {
  if (!needsCgroup(limits)) return { ...NOWHERE, cgroup };
  if (cgroup === null) return { ...NOWHERE, limitsEnforced: false };
  const lacking = unenforced(cgroups.support, limits)?.limits ?? [];
  return {
    cgroup,
    isRequired,
    hasEntered: false,
    memoryLimitBytes: lacking.includes("memory") ? null : (limits.memoryBytes ?? null),
    limitsEnforced: lacking.length === 0,
  };
};

/** Returns what the wrapper needs to enter the cgroup; null if there is none. */
export const entryOf = ({ cgroup, isRequired, memoryLimitBytes }: Placement): CgroupEntry | null =>
  cgroup === null ? null : { procs: cgroup.procs, isRequired, memoryBytes: memoryLimitBytes };
