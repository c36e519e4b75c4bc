import { cpuText, memoryText, NOT_ENFORCED } from "../../../domain/words/limits/usage.ts";
import { statusWords } from "../../../domain/words/waiting-for.ts";
import { waitsForText } from "../../../domain/words/waits-for.ts";
import type { TaskRunData } from "../../data/shapes.ts";
import { Tooltip } from "../../ui/overlay/tooltip.tsx";
import { StatusIcon, statusStyle } from "../../ui/status/status.tsx";
import { type ShownTaskStatus, shownStatus } from "../../ui/status/task-status.ts";
import { counted, durationText, fullTimeText, spoken } from "../../ui/text/format.ts";
import { itemsText, itemsWords } from "../items/item-rows.ts";
import { workerOf } from "../machines.tsx";
import { intervalsOf, type TaskInterval } from "./gantt-intervals.ts";
import { type GanttScale, shareOf } from "./gantt-scale.ts";

type GanttRowProps = {
  readonly task: TaskRunData;
  readonly tasks: readonly TaskRunData[];
  readonly scale: GanttScale;
  /** End of open intervals, in ms since the Unix epoch. */
  readonly now: number;
  readonly isSelected: boolean;
  readonly onSelect: (taskId: string) => void;
};

export const GanttRow = ({ task, tasks, scale, now, isSelected, onSelect }: GanttRowProps) => {
  const status = shownStatus(task);
  const intervals = intervalsOf(task, tasks, { startedAt: scale.from, now });
  return (
    <li className="gantt-row" data-gantt={task.task_id} data-status={status} style={statusStyle(status)}>
      <button
        type="button"
        className="gantt-name"
        data-row
        aria-pressed={isSelected}
        title={task.name}
        onClick={() => onSelect(task.task_id)}
      >
        <StatusIcon of={status} label={`${status === "waiting" ? statusWords(task) : status}: `} />
        <span>{task.name}</span>
      </button>
      <span className="gantt-track">
        {intervals.map((interval) => (
          <IntervalBar key={`${interval.kind} ${interval.from}`} task={task} interval={interval} scale={scale} />
        ))}
      </span>
      <span className="gantt-took">
        <Took task={task} now={now} />
      </span>
      {task.error !== null && (
        <span className="gantt-error">
          <span className="visually-hidden">. </span>
          {`${task.error}${task.allowed ? ", which the job allows" : ""}`}
        </span>
      )}
      {task.limits_enforced === false && <span className="gantt-waits">its limits were {NOT_ENFORCED}</span>}
      {task.waits_for !== null && <span className="gantt-waits">waits for {waitsForText(task.waits_for)}</span>}
    </li>
  );
};

const Took = ({ task, now }: { readonly task: TaskRunData; readonly now: number }) => (
  <>
    {task.items !== null && task.items.total > 0 && (
      <>
        <span aria-hidden="true">{itemsText(task.items)}, </span>
        <span className="visually-hidden">{itemsWords(task.items)}, </span>
      </>
    )}
    {timeText(task, now)}
  </>
);

const timeText = (task: TaskRunData, now: number): string => {
  const { status, reused, reason, duration_ms, started_at, attempts } = task;
  if (reused) return "reused";
  if (status === "skipped") return reason === null ? "skipped" : (SKIPPED_TEXT[reason] ?? "not started");
  const ms = duration_ms ?? (started_at === null ? null : now - started_at);
  if (ms === null) return "waiting";
  const worker = workerOf(task);
  const memory = memoryText(task.usage ?? null, task.usage?.memory_limit_bytes ?? null);
  return [
    durationText(ms),
    memory,
    attempts > 1 ? counted(attempts, "attempt") : null,
    worker === null ? null : `on ${worker}`,
  ]
    .filter((part) => part !== null)
    .join(", ");
};

const SKIPPED_TEXT: { readonly [reason: string]: string } = {
  condition_not_met: "not needed",
  skipped_by_exit: "nothing to do",
};

type IntervalBarProps = {
  readonly task: TaskRunData;
  readonly interval: TaskInterval;
  readonly scale: GanttScale;
};

/** The status of the task is that of its last attempt, unless the job judges that attempt in another way. */
const statusOf = (interval: TaskInterval, task: TaskRunData): ShownTaskStatus | null => {
  if (interval.kind === "items") return shownStatus(task);
  if (interval.kind !== "attempt") return null;
  const isLast = interval.attempt === task.attempt_list.at(-1);
  return isLast && (task.allowed || task.status === "skipped") ? shownStatus(task) : shownStatus(interval.attempt);
};

const IntervalBar = ({ task, interval, scale }: IntervalBarProps) => {
  const [left, right] = [shareOf(scale, interval.from), shareOf(scale, interval.to)];
  const style = { left: `${left * 100}%`, width: `${(right - left) * 100}%` };
  const status = statusOf(interval, task);
  return (
    <span
      className={`gantt-piece gantt-${interval.kind === "worker" ? "slot" : interval.kind}`}
      data-attempt={interval.kind === "attempt" ? interval.attempt.attempt : undefined}
      style={status === null ? style : { ...style, ...statusStyle(status) }}
    >
      <Tooltip text={intervalText(interval, scale.from)} isFocusable={false}>
        <span className="visually-hidden">{spoken(intervalText(interval, scale.from))}. </span>
      </Tooltip>
    </span>
  );
};

const WAIT_TEXT = {
  upstream: "Waited for its dependencies",
  slot: "Waited for a slot",
  worker: "Waited for a worker",
  backoff: "Waited to retry",
  items: "Its items ran",
  approval: "Waited for a person",
} as const;

const intervalText = (interval: TaskInterval, startedAt: number): string => {
  const took = durationText(interval.to - interval.from);
  const when = `${durationText(interval.from - startedAt)} after the start, ${fullTimeText(interval.from)}`;
  if (interval.kind !== "attempt") return `${WAIT_TEXT[interval.kind]} for ${took}\n${when}`;
  const { attempt, exit_code, signal, worker } = interval.attempt;
  const status = shownStatus(interval.attempt);
  const how = signal ?? (exit_code === null || exit_code === 0 ? null : `exit code ${exit_code}`);
  const where = worker === null ? "" : ` on ${worker}`;
  const what = `Attempt ${attempt} ${status}${where}${how === null ? "" : ` (${how})`}, ${took}`;
  return [what, when, ...usedTexts(interval.attempt)].join("\n");
};

/** Returns what an attempt used, and whether its limits were enforced. An older petit says neither. */
const usedTexts = (attempt: TaskRunData["attempt_list"][number]): readonly string[] => {
  const { usage = null, memory_limit_bytes: limit = null, limits_enforced: enforced = null } = attempt;
  const cpu = cpuText(usage, durationText);
  const memory = memoryText(usage, limit);
  const used = [...(cpu === null ? [] : [`CPU ${cpu}`]), ...(memory === null ? [] : [`memory ${memory}`])].join(", ");
  return [...(used === "" ? [] : [used]), ...(enforced === false ? [`Its limits were ${NOT_ENFORCED}`] : [])];
};
