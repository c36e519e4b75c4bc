import type { LogFilter } from "../data/lines.ts";
import type { RunDetail, TaskRunData } from "../data/shapes.ts";

/** A line that explains why an attempt failed. */
export type LogCause = {
  readonly seq: number;
  readonly stream: "stdout" | "stderr";
  readonly taskId: string;
  /** Null for a task without items. */
  readonly item: number | null;
  readonly attempt: number | null;
};

/** Returns the lines that explain the failed attempts of a run: the line that explains the failure of the run last. */
export const causesOf = (run: RunDetail, tasks: readonly TaskRunData[]): readonly LogCause[] => {
  const ofAttempts = tasks.flatMap(({ task_id: taskId, attempt_list }) =>
    attempt_list.flatMap(({ attempt, cause }): readonly LogCause[] =>
      cause == null ? [] : [{ seq: cause.seq, stream: cause.stream, taskId, item: null, attempt }],
    ),
  );
  const failure = run.failure;
  if (failure?.cause == null || failure.task_id === null) return ofAttempts;
  const { task_id: taskId, item, attempt, cause } = failure;
  return [...ofAttempts, { seq: cause.seq, stream: cause.stream, taskId, item, attempt }];
};

/** Returns the number of the last line among those that explain a failure of the task that a log shows; null if it shows none. */
export const causeIn = (causes: readonly LogCause[], { task, item, attempt, stream }: LogFilter): number | null => {
  const shown = causes.filter(
    (cause) =>
      cause.taskId === task &&
      (item === undefined || cause.item === item) &&
      (attempt === undefined || cause.attempt === attempt) &&
      (stream === undefined || cause.stream === stream),
  );
  return shown.at(-1)?.seq ?? null;
};
