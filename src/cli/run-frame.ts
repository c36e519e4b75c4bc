import type { TaskStatus } from "../domain/task-run.ts";
import { counted } from "./counted.ts";
import { whyText } from "./outcome.ts";
import { hasEnded, type RunView, type TaskView, tookMs } from "./run-view.ts";
import { elapsedText, signOf, styleOf, tookText } from "./run-words.ts";
import { paint, type Screen } from "./terminal.ts";
import { fitEnd, padTo, textWidth } from "./text-width.ts";

export type FrameOptions = {
  readonly screen: Screen;
  readonly now: number;
  /** Stands before what goes on. */
  readonly spinner: string;
  /** Lines, at most. */
  readonly rows: number;
};

/** The tasks of a run, a line each, and what it comes to below them; none wider than the screen. */
export const runFrame = (run: RunView, options: FrameOptions): readonly string[] => {
  const { screen, spinner, rows } = options;
  const below = paint(screen, "dim", fitEnd(`${spinner} ${progressText(run, options.now)}`, screen.columns() - 1));
  return run.tasks.length < 2 ? [below] : [...taskLines(run.tasks, { ...options, rows: rows - 1 }), below];
};

/** One line a task; of those that there is no room for, how many of each status. */
export const taskLines = (tasks: readonly TaskView[], options: FrameOptions): readonly string[] => {
  const shown = mostUrgent(tasks, options.rows);
  const rest = tasks.filter((task) => !shown.includes(task));
  const nameWidth = Math.max(...tasks.map(({ id }) => id.length));
  const lines = shown.map((task) => taskLine(task, { ...options, nameWidth }));
  const more = fitEnd(`… ${rest.length} more: ${statusCounts(rest)}`, options.screen.columns() - 1);
  return rest.length === 0 ? lines : [...lines, paint(options.screen, "dim", more)];
};

const URGENCY = { running: 0, failed: 1, pending: 2, completed: 3, skipped: 4 } as const satisfies Record<
  TaskStatus,
  number
>;

/** In the order that they have among all. */
const mostUrgent = (tasks: readonly TaskView[], rows: number): readonly TaskView[] => {
  if (tasks.length <= rows) return tasks;
  const byUrgency = [...tasks].sort((left, right) => URGENCY[left.status] - URGENCY[right.status]);
  const chosen = new Set(byUrgency.slice(0, Math.max(0, rows - 1)));
  return tasks.filter((task) => chosen.has(task));
};

const statusCounts = (tasks: readonly TaskView[]): string =>
  [...Map.groupBy(tasks, ({ status }) => status)].map(([status, { length }]) => `${length} ${status}`).join(", ");

const STATUS_WIDTH = "completed".length;
/** Of a time that is nothing out of the ordinary, so that most lines stand in columns. */
const TIME_WIDTH = 6;

/** The name gives way before the status does. */
const taskLine = (task: TaskView, options: FrameOptions & { readonly nameWidth: number }): string => {
  const { screen, spinner, now } = options;
  const sign = task.status === "running" ? spinner : signOf(task.status);
  const width = screen.columns() - 1;
  const nameWidth = Math.min(options.nameWidth, Math.max(6, width - STATUS_WIDTH - TIME_WIDTH - 6));
  const name = padTo(fitEnd(task.id, nameWidth), nameWidth);
  const rest = `  ${timeOf(task, now).padEnd(TIME_WIDTH)}  ${detailOf(task, now)}`.trimEnd();
  const padded = fitEnd(`${sign} ${name}  ${padTo(task.status, STATUS_WIDTH)}`, width);
  // Blanks at the end would be wrapped when the terminal becomes narrower.
  const status = rest === "" ? padded.trimEnd() : padded;
  return `${paint(screen, styleOf(task.status), status)}${fitEnd(rest, width - textWidth(status))}`;
};

const timeOf = (task: TaskView, now: number): string => {
  if (task.status === "running" && task.startedAt !== null) return elapsedText(now - task.startedAt);
  const took = tookMs(task);
  return took === null ? "" : tookText(took);
};

const detailOf = (task: TaskView, now: number): string => {
  if (task.retryAt !== null) return `attempt ${task.attempts + 1} in ${elapsedText(task.retryAt - now)}`;
  const attempt = task.attempts > 1 ? `attempt ${task.attempts}` : "";
  return [attempt, hasEnded(task) ? whyText(task) : ""].filter((each) => each !== "").join(": ");
};

/** `crunch · 1 of 3 tasks done · 4s` */
export const progressText = ({ status, startedAt, tasks }: RunView, now: number): string => {
  const running = tasks.filter((task) => task.status === "running").map(({ id }) => id);
  const waiting = status === "pending" ? "waiting for a place" : "waiting";
  const what = running.length === 0 ? waiting : running.join(", ");
  const done = tasks.filter(hasEnded).length;
  return `${what} · ${done} of ${counted(tasks.length, "task")} done · ${elapsedText(now - (startedAt ?? now))}`;
};
