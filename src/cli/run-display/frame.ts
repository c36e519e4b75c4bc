import type { TaskStatus } from "../../domain/task-run.ts";
import { pluralize } from "../../lib/text.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import { fitEnd, fitMiddle, padTo, textWidth } from "../terminal/text-width.ts";
import { reasonText } from "./outcome.ts";
import { runName } from "./short-id.ts";
import { durationText, elapsedText, signOf, styleOf } from "./status-text.ts";
import { durationOf, hasEnded, type RunView, type TaskView } from "./view.ts";

/** How to draw the tasks of a run. */
export type FrameOptions = {
  readonly screen: Screen;
  /** Ms since the Unix epoch. */
  readonly now: number;
  /** The sign of running tasks. */
  readonly spinner: string;
  /** Maximum number of lines. */
  readonly rows: number;
};

/** Returns one line per task and a progress line below them, none wider than the screen. */
export const runFrame = (run: RunView, frame: FrameOptions): readonly string[] => {
  const { screen, rows } = frame;
  const below = paint(screen, "dim", progressLine(run, frame));
  return run.tasks.length < 2 ? [below] : [...taskLines(run.tasks, { ...frame, rows: rows - 1 }), below];
};

/** Returns one line per task. The last line counts the tasks that don't fit, by status. */
const taskLines = (tasks: readonly TaskView[], frame: FrameOptions): readonly string[] => {
  const shown = mostUrgent(tasks, frame.rows);
  const rest = tasks.filter((task) => !shown.includes(task));
  const nameWidth = Math.max(...tasks.map(({ id }) => id.length));
  const lines = shown.map((task) => taskLine(task, { ...frame, nameWidth }));
  const more = fitEnd(`… ${rest.length} more: ${statusCounts(rest)}`, frame.screen.columns() - 1);
  return rest.length === 0 ? lines : [...lines, paint(frame.screen, "dim", more)];
};

/** Up to this number, the tasks of a run are all listed. */
export const FEW_TASKS = 20;
/** Maximum number of failed tasks that are listed of a run with more tasks. */
const LISTED_FAILURES = 10;

/** Returns one line per task of an ended run; if they are many, only of those that failed, and how many others there are. */
export const endedTaskLines = (
  tasks: readonly TaskView[],
  frame: Omit<FrameOptions, "rows" | "spinner">,
): readonly string[] => {
  const urgent = tasks.filter(({ status }) => status === "failed" || status === "running").length;
  const rows = tasks.length <= FEW_TASKS ? tasks.length : Math.min(urgent, LISTED_FAILURES) + 1;
  return taskLines(tasks, { ...frame, spinner: signOf("running"), rows });
};

const URGENCY = { running: 0, failed: 1, pending: 2, completed: 3, skipped: 4 } as const satisfies Record<
  TaskStatus,
  number
>;

/** Selects the tasks to show, and keeps their order. */
const mostUrgent = (tasks: readonly TaskView[], rows: number): readonly TaskView[] => {
  if (tasks.length <= rows) return tasks;
  const byUrgency = [...tasks].sort((left, right) => URGENCY[left.status] - URGENCY[right.status]);
  const chosen = new Set(byUrgency.slice(0, Math.max(0, rows - 1)));
  return tasks.filter((task) => chosen.has(task));
};

/** Returns how many tasks have each status: `3 completed, 1 skipped`. */
export const statusCounts = (tasks: readonly Pick<TaskView, "status">[]): string =>
  [...Map.groupBy(tasks, ({ status }) => status)].map(([status, { length }]) => `${length} ${status}`).join(", ");

const STATUS_WIDTH = "completed".length;
/** Width of a typical time, so that most lines align. */
const TIME_WIDTH = 6;

/** Names can always take this width, and longer names half of the screen. */
const SHORT_NAME = 24;
const MIN_NAME = 6;

/** Formats a task. If the screen is narrow, the name is shortened first; on a very narrow screen only the name is shown. */
const taskLine = (task: TaskView, frame: FrameOptions & { readonly nameWidth: number }): string => {
  const { screen, spinner, now } = frame;
  const sign = task.status === "running" ? spinner : signOf(task.status);
  const style = styleOf(task.status);
  const width = screen.columns() - 1;
  if (width < MIN_NAME + STATUS_WIDTH + 4)
    return paint(screen, style, fitEnd(`${sign} ${fitMiddle(task.id, width - 2)}`, width));
  const room = Math.max(MIN_NAME, width - STATUS_WIDTH - TIME_WIDTH - 6);
  const nameWidth = Math.min(frame.nameWidth, room, Math.max(SHORT_NAME, Math.floor(width / 2)));
  const name = padTo(fitMiddle(task.id, nameWidth), nameWidth);
  const rest = `  ${timeOf(task, now).padEnd(TIME_WIDTH)}  ${detailOf(task, frame)}`.trimEnd();
  const padded = fitEnd(`${sign} ${name}  ${padTo(task.status, STATUS_WIDTH)}`, width);
  // Trailing spaces would wrap if the terminal becomes narrower.
  const status = rest === "" ? padded.trimEnd() : padded;
  return `${paint(screen, style, status)}${fitEnd(rest, width - textWidth(status))}`;
};

const timeOf = (task: TaskView, now: number): string => {
  if (task.status === "running" && task.startedAt !== null) return elapsedText(now - task.startedAt);
  const durationMs = durationOf(task);
  return durationMs === null ? "" : durationText(durationMs);
};

const detailOf = (task: TaskView, { now, screen }: Pick<FrameOptions, "now" | "screen">): string => {
  if (task.retryAt !== null) return `attempt ${task.attempts + 1} in ${elapsedText(task.retryAt - now)}`;
  const attempt = task.attempts > 1 ? `attempt ${task.attempts}` : "";
  if (task.childRunId !== null && !hasEnded(task))
    return [attempt, `run ${runName(task.childRunId, screen)}`].filter((each) => each !== "").join(": ");
  return [attempt, hasEnded(task) ? reasonText(task) : ""].filter((each) => each !== "").join(": ");
};

/** Returns a line such as `⠋ crunch · 1 of 3 tasks done · 4s`, no wider than the screen. Task names are shortened first. */
export const progressLine = (
  { status, startedAt, waitsFor, tasks }: RunView,
  { screen, now, spinner }: Pick<FrameOptions, "screen" | "now" | "spinner">,
): string => {
  const running = tasks.filter((task) => task.status === "running").map(({ id }) => id);
  const waiting = waitsFor !== null ? `waiting for ${waitsFor}` : status === "pending" ? "waiting to start" : "waiting";
  const what = `${spinner} ${running.length === 0 ? waiting : running.join(", ")}`;
  const done = tasks.filter(hasEnded).length;
  const rest = ` · ${done} of ${pluralize(tasks.length, "task")} done · ${elapsedText(now - (startedAt ?? now))}`;
  const width = screen.columns() - 1;
  return fitEnd(`${fitEnd(what, Math.max(MIN_NAME, width - rest.length))}${rest}`, width);
};
