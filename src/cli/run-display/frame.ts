import type { TaskStatus } from "../../domain/task-run.ts";
import { counted } from "../terminal/counted.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import { fitEnd, fitMiddle, padTo, textWidth } from "../terminal/text-width.ts";
import { whyText } from "./outcome.ts";
import { hasEnded, type RunView, type TaskView, tookMs } from "./view.ts";
import { elapsedText, signOf, styleOf, tookText } from "./words.ts";

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
  const { screen, rows } = options;
  const below = paint(screen, "dim", progressLine(run, options));
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

/** Of a name, where there is room for so much. */
const SHORT_NAME = 24;
const MIN_NAME = 6;

/** The name gives way before the status and the time do, and to what there is to say; on the tiniest screen it stands alone. */
const taskLine = (task: TaskView, options: FrameOptions & { readonly nameWidth: number }): string => {
  const { screen, spinner, now } = options;
  const sign = task.status === "running" ? spinner : signOf(task.status);
  const style = styleOf(task.status);
  const width = screen.columns() - 1;
  if (width < MIN_NAME + STATUS_WIDTH + 4)
    return paint(screen, style, fitEnd(`${sign} ${fitMiddle(task.id, width - 2)}`, width));
  const room = Math.max(MIN_NAME, width - STATUS_WIDTH - TIME_WIDTH - 6);
  const nameWidth = Math.min(options.nameWidth, room, Math.max(SHORT_NAME, Math.floor(width / 2)));
  const name = padTo(fitMiddle(task.id, nameWidth), nameWidth);
  const rest = `  ${timeOf(task, now).padEnd(TIME_WIDTH)}  ${detailOf(task, now)}`.trimEnd();
  const padded = fitEnd(`${sign} ${name}  ${padTo(task.status, STATUS_WIDTH)}`, width);
  // Blanks at the end would be wrapped when the terminal becomes narrower.
  const status = rest === "" ? padded.trimEnd() : padded;
  return `${paint(screen, style, status)}${fitEnd(rest, width - textWidth(status))}`;
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

/** `⠋ crunch · 1 of 3 tasks done · 4s`, no wider than the screen: the names of what runs give way first. */
export const progressLine = (
  { status, startedAt, tasks }: RunView,
  { screen, now, spinner }: Pick<FrameOptions, "screen" | "now" | "spinner">,
): string => {
  const running = tasks.filter((task) => task.status === "running").map(({ id }) => id);
  const waiting = status === "pending" ? "waiting for a place" : "waiting";
  const what = `${spinner} ${running.length === 0 ? waiting : running.join(", ")}`;
  const done = tasks.filter(hasEnded).length;
  const rest = ` · ${done} of ${counted(tasks.length, "task")} done · ${elapsedText(now - (startedAt ?? now))}`;
  const width = screen.columns() - 1;
  return fitEnd(`${fitEnd(what, Math.max(MIN_NAME, width - rest.length))}${rest}`, width);
};
