import { isHandledEntry } from "../../../../domain/inbox/order.ts";
import { isFinal } from "../../../../domain/run.ts";
import { nextUp } from "../../../../domain/schedule/next-up.ts";
import { stateText } from "../../../workers/table.ts";
import type { TopAttention, TopJob, TopRun, TopWorker } from "../../data/shapes.ts";
import { activeList, type JobSort, type ListId, type Subject, type TopState, viewOf } from "../state.ts";
import type { BookLine } from "./log-book.ts";
import { type TreeRow, treeOf } from "./task-tree.ts";

/** Returns a function that keeps its last result, for a pure function whose arguments are compared by identity. */
const memoizeLast = <Args extends readonly unknown[], Result>(
  compute: (...args: Args) => Result,
): ((...args: Args) => Result) => {
  let last: { readonly args: Args; readonly result: Result } | null = null;
  return (...args) => {
    if (last === null || last.args.some((arg, index) => arg !== args[index])) last = { args, result: compute(...args) };
    return last.result;
  };
};

// What each list shows: filtered, in order. Results are kept until their inputs change, because lists can be long.

export const filterOf = ({ filters }: TopState, list: ListId): string => filters[list] ?? "";

/** Returns whether one of the texts contains the filter. Upper and lower case are the same. */
const matches = (filter: string, ...texts: readonly (string | null)[]): boolean => {
  const wanted = filter.toLowerCase();
  return texts.some((text) => text?.toLowerCase().includes(wanted));
};

export const attentionRows = (state: TopState): readonly TopAttention[] =>
  filteredAttention(state.attention ?? NO_ENTRIES, filterOf(state, "attention"), state.showsHandled);

const NO_ENTRIES: readonly TopAttention[] = [];

/** A filter also finds what is acknowledged or snoozed. */
const filteredAttention = memoizeLast((items: readonly TopAttention[], filter: string, showsHandled: boolean) =>
  items.filter((item) =>
    filter === ""
      ? showsHandled || !isHandledEntry(item)
      : matches(filter, item.message, item.kind, item.owner ?? null, item.note ?? null),
  ),
);

/** Returns how many entries are acknowledged or snoozed, and not listed. */
export const countFolded = (state: TopState): number =>
  state.showsHandled || filterOf(state, "attention") !== "" ? 0 : (state.attention ?? []).filter(isHandledEntry).length;

export const jobRows = (state: TopState): readonly TopJob[] =>
  sortedJobs(filteredJobs(state.jobs, filterOf(state, "jobs")), state.sort);

const filteredJobs = memoizeLast((jobs: readonly TopJob[], filter: string) =>
  filter === "" ? jobs : jobs.filter(({ id, name, last_run }) => matches(filter, id, name, last_run?.status ?? null)),
);

const sortedJobs = memoizeLast((jobs: readonly TopJob[], sort: JobSort): readonly TopJob[] => {
  switch (sort) {
    case "name":
      return jobs;
    case "status":
      return jobs.toSorted((a, b) => urgencyOf(a) - urgencyOf(b));
    case "next":
      return jobs.toSorted((a, b) => nextOf(a) - nextOf(b));
  }
});

/** Failed jobs come first, then running ones. */
const urgencyOf = ({ last_run, running }: TopJob): number => {
  const status = last_run?.status;
  if (status === "failed" || status === "interrupted") return 0;
  if (running > 0 || status === "pending") return 1;
  return status === undefined ? 3 : 2;
};

const nextOf = ({ next_start_at }: TopJob): number => next_start_at ?? Number.POSITIVE_INFINITY;

export const runRows = (state: TopState): readonly TopRun[] => filteredRuns(state.runs, filterOf(state, "runs"));

/** Runs that have not ended come first. */
const filteredRuns = memoizeLast((runs: readonly TopRun[], filter: string) => {
  const shown = runs.filter(({ id, job_id, status, error }) => matches(filter, id, job_id, status, error));
  return [...shown.filter(isActive), ...shown.filter((run) => !isActive(run))];
});

const isActive = ({ status }: TopRun): boolean => !isFinal(status);

/** Number of coming occurrences in the list. */
export const MAX_COMING = 500;

export const comingRows = (state: TopState): readonly TopJob[] =>
  comingJobs(state.jobs, hourOf(state.now), filterOf(state, "coming"));

/** The order does not depend on less than an hour, so that the list keeps its rows. */
const hourOf = (now: number): number => now - (now % 3_600_000);

/** Jobs that are due every few minutes come after the others, and paused ones last. */
const comingJobs = memoizeLast((jobs: readonly TopJob[], now: number, filter: string) => {
  const due = jobs.filter(({ id, name, next_start_at }) => next_start_at !== null && matches(filter, id, name));
  const { rare, frequent } = nextUp(due, now);
  const paused = due.filter((job) => job.paused).toSorted((a, b) => nextOf(a) - nextOf(b));
  return [...[...rare, ...frequent].map(({ job }) => job), ...paused].slice(0, MAX_COMING);
});

export const workerRows = (state: TopState): readonly TopWorker[] =>
  filteredWorkers(state.workers?.workers ?? [], filterOf(state, "workers"));

const filteredWorkers = memoizeLast((workers: readonly TopWorker[], filter: string) =>
  workers.filter((worker) => matches(filter, worker.name, stateText(worker), ...worker.labels)),
);

export const jobRunRows = (state: TopState): readonly TopRun[] => {
  const view = viewOf(state);
  return view.kind === "job" && state.job?.jobId === view.jobId
    ? filteredJobRuns(state.job.runs, filterOf(state, "job-runs"))
    : [];
};

const filteredJobRuns = memoizeLast((runs: readonly TopRun[], filter: string) =>
  runs.filter(({ id, status, error }) => matches(filter, id, status, error)),
);

export const taskRows = (state: TopState): readonly TreeRow[] => {
  const view = viewOf(state);
  return view.kind === "run" && state.run?.runId === view.runId
    ? filteredTasks(tree(state.run.tasks, state.run.items), filterOf(state, "tasks"))
    : [];
};

const tree = memoizeLast(treeOf);

const filteredTasks = memoizeLast((rows: readonly TreeRow[], filter: string) =>
  rows.filter(({ task, item }) => matches(filter, task.task_id, ...textsOf(item ?? task))),
);

const textsOf = (row: TreeRow["task"] | NonNullable<TreeRow["item"]>): readonly (string | null)[] => [
  "key" in row ? row.key : null,
  row.status,
  row.error,
];

export const logRows = (state: TopState): readonly BookLine[] =>
  filteredLines(state.log?.book?.lines ?? NO_LINES, filterOf(state, "log"));

const NO_LINES: readonly BookLine[] = [];

const filteredLines = memoizeLast((lines: readonly BookLine[], filter: string) =>
  filter === "" ? lines : lines.filter(({ text }) => matches(filter, text)),
);

/** Returns the key of each item of a list. */
export const keysOf = (state: TopState, list: ListId): readonly string[] => {
  switch (list) {
    case "attention":
      return attentionRows(state).map(attentionKey);
    case "jobs":
      return jobRows(state).map(({ id }) => id);
    case "runs":
      return runRows(state).map(({ id }) => id);
    case "coming":
      return comingRows(state).map(({ id }) => id);
    case "workers":
      return workerRows(state).map(({ name }) => name);
    case "job-runs":
      return jobRunRows(state).map(({ id }) => id);
    case "tasks":
      return taskRows(state).map(taskRowKey);
    case "log":
      return logRows(state).map(({ seq }) => String(seq));
  }
};

const taskRowKey = ({ task, item }: TreeRow): string =>
  item === null ? task.task_id : `${task.task_id} ${item.index}`;

/** An older petit sends no ids. */
const attentionKey = ({ id, kind, job_id, run_id, since }: TopAttention): string =>
  id ?? [kind, job_id, run_id, since].join(" ");

/** Returns what the selected item of the active list is about. */
export const subjectOf = (state: TopState): Subject => {
  const view = viewOf(state);
  const list = activeList(state);
  const index = state.cursors[list]?.index ?? 0;
  switch (list) {
    case "attention": {
      const item = attentionRows(state)[index];
      if (item === undefined) return NOTHING;
      return { ...NOTHING, jobId: item.job_id, runId: item.run_id, taskId: failedTaskOf(item) };
    }
    case "jobs": {
      const job = jobRows(state)[index];
      return job === undefined ? NOTHING : { ...NOTHING, jobId: job.id, runId: job.last_run?.id ?? null };
    }
    case "runs": {
      const run = runRows(state)[index];
      return run === undefined ? NOTHING : { ...NOTHING, jobId: run.job_id, runId: run.id };
    }
    case "coming": {
      const job = comingRows(state)[index];
      return job === undefined ? NOTHING : { ...NOTHING, jobId: job.id, runId: job.last_run?.id ?? null };
    }
    case "workers": {
      const attempt = workerRows(state)[index]?.running[0];
      if (attempt === undefined) return NOTHING;
      return { ...NOTHING, jobId: attempt.job_id, runId: attempt.run_id, taskId: attempt.task_id };
    }
    case "job-runs":
      return {
        ...NOTHING,
        jobId: view.kind === "job" ? view.jobId : null,
        runId: jobRunRows(state)[index]?.id ?? null,
      };
    case "tasks":
    case "log":
      return taskSubject(state, index);
  }
};

const taskSubject = (state: TopState, index: number): Subject => {
  const view = viewOf(state);
  if (view.kind === "log") return { jobId: view.jobId, runId: view.runId, taskId: view.taskId, item: view.item };
  if (view.kind !== "run") return NOTHING;
  const row = taskRows(state)[index];
  const { jobId, runId } = view;
  return { jobId, runId, taskId: row?.task.task_id ?? null, item: row?.item?.index ?? null };
};

const NOTHING: Subject = { jobId: null, runId: null, taskId: null, item: null };

const failedTaskOf = (item: TopAttention): string | null => {
  if ("failure" in item) return item.failure.task_id;
  return "task_id" in item ? item.task_id : null;
};
