import { cpuText, memoryText, NOT_ENFORCED } from "../../domain/words/limits/usage.ts";
import { shownStatusOf, statusWords } from "../../domain/words/waiting-for.ts";
import { waitsForText } from "../../domain/words/waits-for.ts";
import { noteText } from "../../domain/words/worker.ts";
import type { RunSnapshot, TaskBody } from "../client/run-snapshot.ts";
import { reasonText } from "../run-display/outcome.ts";
import { runName } from "../run-display/short-id.ts";
import { durationText, signOf, styleOf } from "../run-display/status-text.ts";
import { type Column, columnTable } from "../terminal/table.ts";
import type { Screen } from "../terminal/terminal.ts";

type TableOptions = {
  readonly screen: Screen;
  /** Ms since the Unix epoch. */
  readonly now: number;
};

/** Returns one row per task. */
export const taskTable = (tasks: readonly TaskBody[], options: TableOptions): string =>
  columnTable(
    [
      { title: "TASK", cells: tasks.map(({ task_id }) => task_id), shrink: 5, min: 12 },
      {
        title: "STATUS",
        cells: tasks.map((task) => statusText(task, options.screen)),
        style: (row) => styleOfTask(tasks[row]),
      },
      { title: "ATTEMPTS", cells: tasks.map(({ attempts }) => String(attempts)), drop: 2 },
      ...(tasks.some(({ items }) => items !== null) ? [itemsColumn(tasks)] : []),
      ...(tasks.some(({ runs_job }) => runs_job !== null) ? [childColumn(tasks, options.screen)] : []),
      ...(tasks.some(({ workers }) => workers.length > 0) ? [workerColumn(tasks)] : []),
      { title: "TOOK", cells: tasks.map((task) => taskTook(task, options)), drop: 3 },
      ...usageColumns(tasks),
      ...reasonColumns(tasks, options.screen),
    ],
    options.screen,
  );

const styleOfTask = (task: TaskBody | undefined) => {
  if (task === undefined) return null;
  return task.allowed ? "yellow" : styleOf(shownStatusOf(task));
};

/** How many of the items of each task have ended. */
const itemsColumn = (tasks: readonly TaskBody[]): Column => ({
  title: "ITEMS",
  cells: tasks.map(({ items }) =>
    items === null ? "-" : `${items.total - items.pending - items.running}/${items.total}`,
  ),
});

/** The run that each task started. The runs of items are listed by `petit runs --parent`. */
const childColumn = (tasks: readonly TaskBody[], screen: Screen): Column => ({
  title: "RUN",
  cells: tasks.map(({ child_run_id: id }) => (id === null ? "-" : runName(id, screen))),
  drop: 5,
});

/** What the attempts of each task used; no columns if nothing was measured. */
const usageColumns = (tasks: readonly TaskBody[]): readonly Column[] => {
  const memory = tasks.map(({ usage }) => memoryText(usage, usage?.memory_limit_bytes ?? null));
  return [
    ...(tasks.some(({ usage }) => usage !== null)
      ? [{ title: "CPU", cells: tasks.map(({ usage }) => cpuText(usage) ?? "-"), drop: 1 }]
      : []),
    ...(memory.some((text) => text !== null)
      ? [{ title: "MEMORY", cells: memory.map((text) => text ?? "-"), drop: 4 }]
      : []),
    ...(tasks.some(({ limits_enforced }) => limits_enforced === false) ? [limitsColumn(tasks)] : []),
  ];
};

const limitsColumn = (tasks: readonly TaskBody[]): Column => ({
  title: "LIMITS",
  cells: tasks.map(({ limits_enforced: enforced }) => (enforced === null ? "-" : enforced ? "enforced" : NOT_ENFORCED)),
});

const workerColumn = (tasks: readonly TaskBody[]): Column => ({
  title: "WORKER",
  cells: tasks.map(({ workers }) => workers.join(", ") || "-"),
  shrink: 4,
  drop: 6,
});

const explainedReason = (task: TaskBody): string => {
  if (task.waits_for !== null) return `waits for ${waitsForText(task.waits_for)}`;
  return `${reasonText(task)}${task.allowed ? " (allowed)" : ""}${notesText(task)}`;
};

/** Returns the newest attempt's note about what its worker reported too late. */
const notesText = ({ attempt_list }: TaskBody): string => {
  const note = attempt_list.flatMap(({ notes }) => notes).at(-1);
  return note === undefined ? "" : `; ${noteText(note)}`;
};

/** On a terminal one column explains the outcome; otherwise reason and error are separate columns. */
const reasonColumns = (tasks: readonly TaskBody[], screen: Screen): readonly Column[] => {
  const errors = tasks.map(({ error }) => error ?? "-");
  if (!screen.isTerminal)
    return [
      { title: "REASON", cells: tasks.map(({ reason }) => reason ?? "-") },
      { title: "ERROR", cells: errors },
      ...(tasks.some(({ waits_for }) => waits_for !== null) ? [waitsColumn(tasks)] : []),
    ];
  return [{ title: "REASON", cells: tasks.map(explainedReason), shrink: 1, min: 14, drop: 4, isBelowIfLong: true }];
};

const waitsColumn = (tasks: readonly TaskBody[]): Column => ({
  title: "WAITS FOR",
  cells: tasks.map(({ waits_for }) => (waits_for === null ? "-" : waitsForText(waits_for))),
});

const taskTook = (task: TaskBody, { screen, now }: TableOptions): string => {
  if (task.reused) return durationText(null);
  const since = screen.isTerminal && task.status === "running" ? task.started_at : null;
  return durationText(since === null ? task.duration_ms : now - since);
};

/** Returns the status of a run or a task, with its sign on a terminal. */
export const statusText = (
  shown: Pick<TaskBody | RunSnapshot["run"], "status" | "waiting_for">,
  screen: Screen,
): string => (screen.isTerminal ? `${signOf(shownStatusOf(shown))} ${statusWords(shown)}` : statusWords(shown));
