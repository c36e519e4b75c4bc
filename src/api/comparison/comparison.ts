import { usualDuration } from "../../domain/attention.ts";
import type { Run } from "../../domain/run.ts";
import type { TaskRun } from "../../domain/task-run.ts";
import type { ApiStore } from "../options.ts";
import { type DefinitionDiff, diffIfChanged } from "./definition-diff.ts";

/**
 * How a run differs from the newest run of its job that completed before it with the same params, or else with others: then `params` has
 * those that differ.
 */
export type RunComparison = {
  readonly run: Run;
  /** Null if no run completed before it; then nothing differs. */
  readonly lastSuccess: Run | null;
  readonly params: readonly ParamDifference[];
  readonly definition: DefinitionDiff;
  /** The tasks of both runs, those of `run` first. */
  readonly tasks: readonly (readonly [before: TaskRun | null, after: TaskRun | null])[];
  /** Median duration of the newest completed runs, in ms; null if there are too few. */
  readonly usualMs: number | null;
};

type ParamDifference = { readonly name: string; readonly before: string | null; readonly after: string | null };

/** Number of completed runs that say how long the job usually takes. */
const NEWEST = 20;

export const compareRun = async (run: Run, store: ApiStore): Promise<RunComparison> => {
  const lastSuccess = store.runs.findSuccessBefore(run);
  const usualMs = usualDuration(store.runs.listCompletedDurations(run.jobId, NEWEST))?.medianMs ?? null;
  const after = store.runs.listTaskRuns(run.id);
  if (lastSuccess === null) {
    const tasks = after.map((task) => [null, task] as const);
    return { run, lastSuccess, params: [], definition: { changed: false, lines: null }, tasks, usualMs };
  }
  const before = store.runs.listTaskRuns(lastSuccess.id);
  const definition =
    lastSuccess.versionId === run.versionId
      ? { changed: false, lines: null }
      : await diffIfChanged(store.jobs.getDefinition(lastSuccess.versionId), store.jobs.getDefinition(run.versionId));
  return {
    run,
    lastSuccess,
    params: diffParams(lastSuccess, run),
    definition,
    tasks: pairTasks(before, after),
    usualMs,
  };
};

const diffParams = ({ params: before }: Run, { params: after }: Run): readonly ParamDifference[] =>
  [...new Set([...Object.keys(after), ...Object.keys(before)])].flatMap((name) =>
    before[name] === after[name] ? [] : [{ name, before: before[name] ?? null, after: after[name] ?? null }],
  );

const pairTasks = (before: readonly TaskRun[], after: readonly TaskRun[]): RunComparison["tasks"] => {
  const beforeById = new Map(before.map((task) => [task.taskId, task]));
  const ids = new Set(after.map(({ taskId }) => taskId));
  const removed = before.filter(({ taskId }) => !ids.has(taskId));
  return [
    ...after.map((task) => [beforeById.get(task.taskId) ?? null, task] as const),
    ...removed.map((task) => [task, null] as const),
  ];
};
