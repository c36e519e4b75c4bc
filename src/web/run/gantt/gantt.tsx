import { useEffect, useRef, useState } from "react";
import { isFinal } from "../../../domain/run.ts";
import { petitNow } from "../../data/petit-time.ts";
import type { RunDetail, TaskRunData } from "../../data/shapes.ts";
import { shownStatus } from "../../ui/status/task-status.ts";
import { ALL_TASKS, MANY_TASKS, type TaskFilter, TaskFilters, useNextFailure } from "../../ui/task-filters.tsx";
import { durationText } from "../../ui/text/format.ts";
import { useWidth } from "../../ui/use-width.ts";
import "./gantt.css";
import { GanttRow } from "./gantt-row.tsx";
import { type GanttScale, scaleOf, ticksOf } from "./gantt-scale.ts";

type GanttProps = {
  readonly run: RunDetail;
  readonly tasks: readonly TaskRunData[];
  readonly selected: string | null;
  readonly onSelect: (taskId: string) => void;
};

/** Shows for each task when it waited, ran, failed and waited to retry. */
export const Gantt = ({ run, tasks, selected, onSelect }: GanttProps) => {
  const now = useFastNow(!isFinal(run.status));
  const startedAt = run.started_at ?? run.created_at;
  const scale = scaleOf(startedAt, run.ended_at ?? now);
  const [filter, setFilter] = useState(ALL_TASKS);
  const list = useRef<HTMLOListElement>(null);
  const focusNext = useNextFailure(list, '[data-status="failed"] > .gantt-name');
  const shown = tasks.length < MANY_TASKS ? tasks : filtered(tasks, filter);
  return (
    <div className="gantt-card">
      {tasks.length >= MANY_TASKS && (
        <TaskFilters
          filter={filter}
          onChange={setFilter}
          failures={shown.filter((task) => shownStatus(task) === "failed").length}
          onNext={focusNext}
        />
      )}
      <Axis scale={scale} />
      {shown.length === 0 && <p className="gantt-none muted">No task matches.</p>}
      <ol ref={list} className="gantt">
        {shown.map((task) => (
          <GanttRow
            key={task.task_id}
            task={task}
            tasks={tasks}
            scale={scale}
            now={run.ended_at ?? now}
            isSelected={selected === task.task_id}
            onSelect={onSelect}
          />
        ))}
      </ol>
      <Legend hasApproval={tasks.some(({ approval }) => approval !== null)} />
    </div>
  );
};

/** Returns the tasks whose id or name contains the text, and that failed if that is wanted. */
const filtered = (tasks: readonly TaskRunData[], { text, isFailed }: TaskFilter): readonly TaskRunData[] => {
  const part = text.trim().toLowerCase();
  return tasks.filter(
    (task) =>
      `${task.task_id}\n${task.name}`.toLowerCase().includes(part) && (!isFailed || shownStatus(task) === "failed"),
  );
};

const MAX_TICKS = 6;
/** Width of a label in px. */
const LABEL_PX = 60;

/** The last label is placed before its line, so there must be room for two labels between two lines. */
const Axis = ({ scale }: { readonly scale: GanttScale }) => {
  const axis = useRef<HTMLDivElement>(null);
  const width = useWidth(axis);
  const most = Math.min(MAX_TICKS, Math.max(1, Math.floor(width / (2 * LABEL_PX))));
  return (
    <div ref={axis} className="gantt-axis" aria-hidden="true">
      {width > 0 &&
        ticksOf(scale, most).map(({ at, afterMs }) => (
          <span key={afterMs} className={(1 - at) * width < LABEL_PX ? "is-last" : ""} style={{ left: `${at * 100}%` }}>
            {afterMs === 0 ? "0" : tickText(afterMs)}
          </span>
        ))}
    </div>
  );
};

/** Shortens a duration: `1.0 s` to `1 s`, `5m 00s` to `5m`. */
const tickText = (ms: number): string =>
  durationText(ms)
    .replace(/\.0(?= s$)/, "")
    .replace(/ 00[smh]$/, "");

const Legend = ({ hasApproval }: { readonly hasApproval: boolean }) => (
  <p className="gantt-legend" aria-hidden="true">
    <span>
      <i className="gantt-piece gantt-upstream" /> waiting for dependencies
    </span>
    <span>
      <i className="gantt-piece gantt-slot" /> waiting for a slot
    </span>
    <span>
      <i className="gantt-piece gantt-attempt" /> attempt
    </span>
    <span>
      <i className="gantt-piece gantt-backoff" /> waiting to retry
    </span>
    {hasApproval && (
      <span>
        <i className="gantt-piece gantt-approval" /> waiting for a person
      </span>
    )}
  </p>
);

/** Interval for bars that grow. */
const EVERY_MS = 200;

/** Returns the time in ms since the Unix epoch, updated 5 times per second while `isOn` and the page is visible. */
const useFastNow = (isOn: boolean): number => {
  const [now, setNow] = useState(() => petitNow());
  useEffect(() => {
    if (!isOn) return;
    const timer = setInterval(() => {
      if (!document.hidden) setNow(petitNow());
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [isOn]);
  return now;
};
