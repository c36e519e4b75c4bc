import { hasProcess, runsProgram, type TaskType } from "../../domain/job.ts";
import type { Declaration } from "../declaration.ts";
import type { Path } from "../parse/node.ts";
import type { Conflict } from "../problem.ts";
import type { Report } from "../report.ts";
import type { JobDraft, TaskDraft } from "../schema/job.ts";
import { withArticle } from "./fields-of-type.ts";

/** Checks that `limits`, `run_as` and `leftovers` of tasks have an effect, and that nothing else says the same. */
export const checkLimits = (job: JobDraft, report: Report): void => {
  for (const [index, task] of (job.tasks ?? []).entries()) {
    if (task?.type === undefined) continue;
    const place = { path: ["tasks", index], report };
    checkType(task, task.type, place);
    if (task.container !== undefined) checkContainer(task, job, place);
  }
};

type TaskPlace = { readonly path: Path; readonly report: Report };

const checkType = (task: TaskDraft, type: TaskType, { path, report }: TaskPlace): void => {
  const refuse = (field: "limits" | "run_as" | "leftovers", why: string): void => {
    if (task[field] !== undefined) report.addAt([...path, field], `has no effect here; ${why}`);
  };
  const what = `${withArticle(type)} task`;
  if (!hasProcess(type)) {
    for (const field of ["limits", "run_as", "leftovers"] as const) refuse(field, `${what} has no process`);
  } else if (!runsProgram(type)) {
    const why = type === "ssh" ? "runs its program on the other machine" : "is a request that petit sends";
    for (const field of ["limits", "leftovers"] as const) refuse(field, `${what} ${why}`);
  }
};

const checkContainer = (task: TaskDraft, job: JobDraft, { path, report }: TaskPlace): void => {
  const { container, limits, leftovers } = task;
  if (limits?.nice !== undefined || limits?.io !== undefined)
    report.addAt(
      [...path, "limits", limits.nice === undefined ? "io" : "nice"],
      "has no effect on a container; expected memory, cpus or pids",
    );
  if (leftovers !== undefined)
    report.addAt([...path, "leftovers"], "has no effect here; a container ends with its program");
  for (const field of ["memory", "cpus"] as const) {
    if (typeof container !== "object" || container[field] === undefined) continue;
    const of = hasLimit(limits) ? "task" : hasLimit(job.limits) ? "job" : null;
    if (of !== null)
      report.addAt(
        [...path, "container", field],
        `conflicts with the limits of the ${of}; expected only \`limits\`, which are passed to the container`,
      );
  }
  if (task.run_as !== undefined)
    report.addAt([...path, "run_as"], "has no effect on a container; expected `container.user`");
  else if (job.run_as !== undefined)
    report.addAt(
      [...path, "container"],
      "can't be used with the run_as of the job; expected run_as on the other tasks, and `container.user` here",
    );
};

const hasLimit = (limits: JobDraft["limits"]): boolean =>
  limits?.memory !== undefined || limits?.cpus !== undefined || limits?.pids !== undefined;

/** What tasks on this machine may be. */
export type Privileges = {
  /** Whether petit is root. */
  readonly isRoot: boolean;
  /** Returns why tasks can't run as a user, as a sentence; null if they can. */
  readonly whyNotRunAs: (user: string) => string | null;
};

/** Reports tasks on this machine whose user or priority petit can't give them. */
export const checkPrivileges = (
  declarations: readonly Declaration[],
  { isRoot, whyNotRunAs }: Privileges,
): readonly Conflict[] => {
  // Looking up a user takes time, and many jobs have the same.
  const known = new Map<string, string | null>();
  const problemOf = (user: string): string | null => {
    const problem = known.has(user) ? (known.get(user) ?? null) : whyNotRunAs(user);
    known.set(user, problem);
    return problem;
  };
  return declarations.flatMap(({ file, users, priorities }) => [
    ...users.flatMap(({ user, path, position }) => {
      const message = problemOf(user);
      return message === null ? [] : [{ problem: { file, ...position, path, message }, files: [file] }];
    }),
    ...(isRoot ? [] : priorities).map(({ value, path, position }) => ({
      problem: { file, ...position, path, message: `${value} needs petit to run as root; ${EXPECTED}` },
      files: [file],
    })),
  ]);
};

const EXPECTED = "expected nice from 0 to 19, and idle or best-effort as io";
