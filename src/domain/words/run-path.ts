/** A place in a run on petit's page, with names as in the API. */
export type RunPlace = {
  /** The task whose log is shown. Null for the one that failed first, or all tasks. */
  readonly taskId?: string | null;
  /** Position of an item of the task, from 0. Null for all items. */
  readonly item?: number | null;
  /** Number of the line that the page opens at. Null for none. */
  readonly seq?: number | null;
};

/** Returns the path of a run on petit's page, such as `/runs/019b…?task=load&item=2#L123`. */
export const runPath = (runId: string, { taskId = null, item = null, seq = null }: RunPlace = {}): string => {
  const query = new URLSearchParams({
    ...(taskId !== null && { task: taskId }),
    ...(taskId !== null && item !== null && { item: String(item) }),
  });
  return `/runs/${encodeURIComponent(runId)}${query.size === 0 ? "" : `?${query}`}${seq === null ? "" : `#L${seq}`}`;
};

/** The part of a failure that says where it is explained, named as in the API. */
export type ExplainedFailure = {
  readonly task_id: string | null;
  readonly item?: number | null;
  readonly cause?: { readonly seq?: number; readonly child?: object | null } | null;
  readonly last_line?: { readonly seq?: number } | null;
};

/**
 * Returns the path of a failed run at the line that explains the failure, or else at the last line of the failed task. A line that a child
 * run wrote is in the summary of the run.
 */
export const failurePath = (runId: string, failure: ExplainedFailure | null | undefined): string =>
  failure == null
    ? runPath(runId)
    : runPath(runId, {
        taskId: failure.task_id,
        item: failure.item ?? null,
        seq: failure.cause?.child == null ? ((failure.cause ?? failure.last_line)?.seq ?? null) : null,
      });

/** Returns the end of a run's id, which is enough for people to recognize the run. */
export const shortRunId = (runId: string): string => runId.slice(-8);
