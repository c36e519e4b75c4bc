import { isFinal } from "../../../domain/run.ts";
import { localTime } from "../../../domain/schedule/local-time.ts";
import { attentionWords } from "../../../domain/words/attention.ts";
import { relativeText, roughlyText } from "../../../domain/words/duration.ts";
import { failureWords } from "../../../domain/words/failure.ts";
import { activityStatus, activityWords, type ShownStatus, shownStatusOf } from "../../../domain/words/waiting-for.ts";
import { waitsForText } from "../../../domain/words/waits-for.ts";
import { shorten } from "../../../lib/text.ts";
import { reasonText } from "../../run-display/outcome.ts";
import { writerName } from "../../run-display/output-chunk.ts";
import { durationText, elapsedText, signOf, styleOf } from "../../run-display/status-text.ts";
import { subjectText } from "../../status/attention.ts";
import { oneLine, textWidth } from "../../terminal/text-width.ts";
import { runsText, stateText, styleOfWorker } from "../../workers/table.ts";
import type { TopAttention, TopItem, TopJob, TopRun, TopTask, TopWorker } from "../data/shapes.ts";
import { attentionLine, markLine, whyText } from "../state/list/explanation.ts";
import type { BookLine } from "../state/list/log-book.ts";
import { type LogWindow, partsOf, writerWidth } from "../state/list/log-window.ts";
import type { TreeRow } from "../state/list/task-tree.ts";
import { cell, explaining, type Line, plain, rightCell, type Segment, styled } from "./line.ts";

// The rows of the lists. Each is shortened to the width of its pane later; the columns are chosen here.
// An older petit does not send `waits_for`, so it can be undefined.

export type RowOptions = {
  readonly width: number;
  /** In ms since the Unix epoch. */
  readonly now: number;
  readonly zone: string;
};

const MARGIN = 4;

/** Below this width, rows leave out what matters least. */
const NARROW = 64;

/** From this width on, an entry has room for a part of its note. All of it is below the lists if the entry is selected. */
const WIDE = 100;
const MAX_NOTE = 40;

/** Returns the widths of the columns that the visible items need. */
export const attentionColumns = (items: readonly TopAttention[], { width, now }: RowOptions): AttentionColumns => ({
  subject: Math.min(Math.max(12, Math.floor(width / 3)), widest(items.map(subjectOfItem))),
  facts: width < NARROW ? 0 : widest(items.map((item) => factsOf(item, now))),
});

type AttentionColumns = { readonly subject: number; readonly facts: number };

const widest = (texts: readonly string[]): number => Math.max(0, ...texts.map(textWidth));

export const attentionRow = (item: TopAttention, columns: AttentionColumns, options: RowOptions): Line => {
  const isError = item.severity === "error";
  const note = options.width < WIDE ? null : shorten(item.note ?? "", MAX_NOTE) || null;
  const said = markLine({ ...item, note }, options);
  return [
    styled(isError ? "red" : "yellow", `${isError ? "✗" : "!"} ${cell(subjectOfItem(item), columns.subject)} `),
    styled("dim", columns.facts === 0 ? "" : `${cell(factsOf(item, options.now), columns.facts)} `),
    ...(said === "" ? [] : [styled("dim", `(${said}) `)]),
    ("failure" in item || "file" in item ? explaining : plain)(attentionLine(item)),
  ];
};

/** Returns since when it is so, and how often it happened. */
const factsOf = (item: TopAttention, now: number): string => {
  const since = relativeText(item.since - now);
  if (item.kind === "job_flapping") return `${since} ${item.recent_failures}/${item.recent_runs}`;
  return "count" in item && item.count > 1 ? `${since} ×${item.count}` : since;
};

const subjectOfItem = (item: TopAttention): string => oneLine(subjectText(attentionWords(item).subject));

const RECENT_WIDTH = 10;
const TIME_WIDTH = 10;
const TOOK_WIDTH = 8;

/** Returns the width of the column that says what the unfinished runs of the visible jobs do; 0 if there is no room for it. */
export const jobActivityWidth = (jobs: readonly TopJob[], { width }: RowOptions): number => {
  if (width < NARROW) return 0;
  const room = width - FIXED_JOB - Math.min(32, Math.max(8, widest(jobs.map(({ id }) => id))));
  return Math.max(TIME_WIDTH, Math.min(room, widest(jobs.map((job) => activityWords(job) ?? ""))));
};

const FIXED_JOB = MARGIN + RECENT_WIDTH + 2 + TIME_WIDTH + 2 + TOOK_WIDTH + 2;

export const jobRow = (job: TopJob, activityWidth: number, { width, now }: RowOptions): Line => {
  const isNarrow = activityWidth === 0;
  const fixed = isNarrow ? FIXED_JOB - TOOK_WIDTH - 2 : FIXED_JOB + activityWidth;
  const last = job.last_run;
  const at = last?.ended_at ?? last?.started_at ?? null;
  return [
    jobSign(job),
    plain(`${cell(job.id, Math.max(8, width - fixed))} `),
    ...recentOf(job),
    ...(isNarrow
      ? []
      : [
          plain(
            ` ${rightCell(activityText(job, activityWidth) ?? (at === null ? "never" : relativeText(at - now)), activityWidth)}`,
          ),
          styled("dim", ` ${rightCell(tookText(last, now), TOOK_WIDTH)}`),
        ]),
    plain(` ${rightCell(nextText(job, now), TIME_WIDTH + 1)}`),
  ];
};

const tookText = (last: TopJob["last_run"], now: number): string => {
  if (last?.status === "running" && last.started_at !== null) return elapsedText(now - last.started_at);
  return durationText(last?.duration_ms ?? null);
};

/** Returns what the unfinished runs of a job do, or in one word if there is no room for that; null if it has none. */
const activityText = (job: TopJob, room: number): string | null => {
  const words = activityWords(job);
  return words === null || textWidth(words) <= room ? words : activityStatus(job);
};

const jobSign = (job: TopJob): Segment => {
  const { last_run, enabled, not_run_as_expected: unfired, expectation } = job;
  const activity = activityStatus(job);
  if (activity !== null) return styled(styleOf(activity), `${signOf(activity)} `);
  if (expectation?.stale_since != null) return styled("red", "! ");
  if (unfired != null) return styled("yellow", "! ");
  if (last_run === null) return styled("dim", enabled ? "· " : "– ");
  return styled(styleOf(last_run.status), `${signOf(last_run.status)} `);
};

/** The newest run is at the right. Equal results in a row are one segment, because there are many rows. */
const recentOf = ({ recent_runs = [] }: TopJob): Line => {
  const segments: Segment[] = [];
  for (const { status } of recent_runs.slice(-RECENT_WIDTH)) {
    const last = segments.at(-1);
    const sign = signOf(status);
    if (last?.style === styleOf(status) && last.text.startsWith(sign)) {
      segments[segments.length - 1] = { ...last, text: last.text + sign };
    } else segments.push(styled(styleOf(status), sign));
  }
  return [plain(" ".repeat(RECENT_WIDTH - Math.min(RECENT_WIDTH, recent_runs.length))), ...segments];
};

const nextText = ({ next_start_at, enabled, scheduled, paused }: TopJob, now: number): string => {
  if (paused) return "paused";
  if (next_start_at === null) return !enabled && scheduled ? "disabled" : "-";
  return next_start_at <= now ? "due" : relativeText(next_start_at - now);
};

const STATUS_WIDTH = 11;

/** Below this width, a run shows why it failed, or what it waits for, instead of the words for its status and trigger. */
const NARROW_RUN = 100;

/** Returns the width of the ids of the visible runs' jobs. */
export const runIdWidth = (runs: readonly TopRun[], { width }: RowOptions): number => {
  const columns = MARGIN + TIME_WIDTH + TOOK_WIDTH + 14 + (width < NARROW_RUN ? 0 : STATUS_WIDTH);
  return Math.min(32, Math.max(10, width - columns), Math.max(10, widest(runs.map(({ job_id }) => job_id))));
};

export const runRow = (run: TopRun, idWidth: number, options: RowOptions): Line => [
  ...signAnd(shownStatusOf(run), cell(run.job_id, idWidth)),
  ...runColumns(run, options),
];

/** A run in the history of its job. */
export const jobRunRow = (run: TopRun, options: RowOptions): Line => [
  ...signAnd(shownStatusOf(run), cell(run.id.slice(-8), 8)),
  ...runColumns(run, options),
];

const signAnd = (status: ShownStatus<TopRun["status"]>, text: string): Line => [
  styled(styleOf(status), `${signOf(status)} `),
  plain(`${text} `),
];

const runColumns = (run: TopRun, { now, width }: RowOptions): Line => {
  const isActive = !isFinal(run.status);
  const at = run.started_at ?? run.created_at;
  const took = isActive && run.started_at !== null ? elapsedText(now - run.started_at) : durationText(run.duration_ms);
  return [
    // The sign says it, too.
    styled(styleOf(shownStatusOf(run)), width < NARROW_RUN ? "" : `${cell(shownStatusOf(run), STATUS_WIDTH)} `),
    plain(`${rightCell(relativeText(at - now), TIME_WIDTH)} ${rightCell(took, TOOK_WIDTH)} `),
    styled("dim", width < NARROW_RUN ? "" : `${cell(run.trigger, 8)} `),
    (isFailureLine(run) ? explaining : plain)(whyText(run)),
  ];
};

/** Returns whether the text ends with a line of output. Of sentences, the beginning matters. */
const isFailureLine = ({ failure = null, waits_for }: TopRun): boolean =>
  waits_for == null && failure !== null && failureWords(failure).line !== null;

export const comingRow = (job: TopJob, { now, zone, width }: RowOptions): Line => {
  const at = job.next_start_at ?? now;
  const schedule = [(job.schedule ?? []).join(", "), job.timezone].filter((each) => each !== null).join(" ");
  return [
    plain(`${rightCell(nextText(job, now), TIME_WIDTH)} `),
    styled("dim", `${clockText(at, { now, zone })}  `),
    plain(cell(job.id, Math.max(10, Math.min(36, width - 46)))),
    styled("dim", ` ${schedule}`),
  ];
};

/** Returns the time of day, with the date if it is on another day. */
export const clockText = (at: number, { now, zone }: { readonly now: number; readonly zone: string }): string => {
  const text = localTime(at, zone);
  const isToday = text.slice(0, 10) === localTime(now, zone).slice(0, 10);
  return isToday ? `      ${text.slice(11, 19)}` : `${text.slice(5, 10)} ${text.slice(11, 19)}`;
};

type WorkerColumns = { readonly name: number; readonly state: number };

/** Returns the widths of the columns that the visible workers need. */
export const workerColumns = (workers: readonly TopWorker[], { width }: RowOptions): WorkerColumns => ({
  name: Math.min(Math.max(10, Math.floor(width / 4)), widest(workers.map(({ name }) => name))),
  state: Math.min(24, widest(workers.map(stateText))),
});

const SLOTS_WIDTH = 7;

/** Below this width, a worker leaves out its last contact. */
const NARROW_WORKER = 48;

/** What runs on a worker is named as in `petit workers`. */
export const workerRow = (worker: TopWorker, columns: WorkerColumns, { width, now }: RowOptions): Line => [
  plain(`${cell(worker.name, columns.name)} `),
  styled(styleOfWorker(worker), `${cell(stateText(worker), columns.state)} `),
  plain(rightCell(`${worker.slots_used}/${worker.slots}`, SLOTS_WIDTH)),
  styled(
    "dim",
    width < NARROW_WORKER ? "  " : ` ${rightCell(roughlyText(worker.last_contact_at - now), TIME_WIDTH)}  `,
  ),
  plain(runsText(worker, SHORT_IDS)),
];

const SHORT_IDS = { isTerminal: true };

export const taskRow = (row: TreeRow, options: RowOptions): Line => {
  const { task, item, branch, also } = row;
  if (item !== null) return itemRow(item, branch, options);
  const { width, now } = options;
  const idWidth = Math.max(12, Math.min(48, Math.floor(width * 0.5)) - branch.length - 2);
  const detail = [detailOf(task, now), also.length === 0 ? "" : `also after ${also.join(", ")}`].filter(
    (each) => each !== "",
  );
  // A task that was cancelled did not fail by itself.
  const status = task.status === "failed" && task.reason === "cancelled" ? "cancelled" : shownStatusOf(task);
  return [
    styled("dim", branch),
    styled(task.allowed ? "yellow" : styleOf(status), `${signOf(status)} `),
    plain(`${cell(task.task_id, idWidth)} ${rightCell(taskTime(task, now), TOOK_WIDTH)} `),
    status === "failed"
      ? explaining(detail.join(" · "), task.allowed ? "dim" : "red")
      : styled("dim", detail.join(" · ")),
  ];
};

/** An item of a task, below it. */
const itemRow = (item: TopItem, branch: string, { width, now }: RowOptions): Line => {
  const keyWidth = Math.max(10, Math.min(46, Math.floor(width * 0.5)) - branch.length - 2);
  const took =
    item.status === "running" && item.started_at !== null
      ? elapsedText(now - item.started_at)
      : durationText(item.duration_ms);
  const attempt = item.attempts > 1 ? `attempt ${item.attempts}` : "";
  const detail = [workerText(item), attempt, reasonText(item)].filter((each) => each !== "");
  return [
    styled("dim", branch),
    styled(styleOf(shownStatusOf(item)), `${signOf(shownStatusOf(item))} `),
    plain(`${cell(oneLine(item.key), keyWidth)} ${rightCell(took, TOOK_WIDTH)} `),
    item.status === "failed" ? explaining(detail.join(" · "), "red") : styled("dim", detail.join(" · ")),
  ];
};

const taskTime = (task: TopTask, now: number): string => {
  if (task.status === "running" && task.started_at !== null) return elapsedText(now - task.started_at);
  return task.duration_ms === null || task.reused ? "" : durationText(task.duration_ms);
};

/** Returns how many items of a repeated task are done. */
const itemsText = ({ items }: TopTask): string => {
  if (items === null) return "";
  const done = items.total - items.pending - items.running;
  return `${done}/${items.total} items${items.failed === 0 ? "" : `, ${items.failed} failed`}`;
};

/** Returns the worker of the last attempt, or what the task waits for; empty if it ran here. */
const workerText = ({ waits_for, attempt_list }: Pick<TopTask, "waits_for" | "attempt_list">): string => {
  if (waits_for != null) return `waits for ${waitsForText(waits_for)}`;
  const worker = attempt_list.at(-1)?.worker ?? null;
  return worker === null ? "" : `on ${worker}`;
};

const detailOf = (task: TopTask, now: number): string => {
  if (task.retry_at !== null) return `attempt ${task.attempts + 1} in ${elapsedText(task.retry_at - now)}`;
  const attempt = task.attempts > 1 ? `attempt ${task.attempts}` : "";
  const isOver = task.status !== "running" && task.status !== "pending";
  const reason = isOver ? `${task.allowed ? "allowed: " : ""}${reasonText(task)}` : "";
  return [itemsText(task), workerText(task), attempt, reason].filter((each) => each !== "").join(" · ");
};

/** Returns a line of a log as rows: the first has time and writer, and long lines continue below. */
export const logLineRows = (line: BookLine, window: LogWindow, zone: string): readonly Line[] => {
  const writer = writerText(line, window.taskWidth);
  const style = line.stream === "stderr" ? "yellow" : undefined;
  const [first = "", ...rest] = partsOf(line, window);
  const time = `${localTime(line.at, zone).slice(11, 19)} `;
  const indent = plain(" ".repeat(time.length + writerWidth(line, window.taskWidth)));
  return [
    [styled("dim", time), styled("cyan", writer), styled(style, first)],
    ...rest.map((part): Line => [indent, styled(style, part)]),
  ];
};

const writerText = (line: BookLine, taskWidth: number): string => {
  if (taskWidth > 0) return `${cell(writerName(line), taskWidth - 1)} `;
  return line.item === null ? "" : `${writerName({ ...line, taskId: "" })} `;
};
