import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, memo, type SyntheticEvent, useRef, useState } from "react";
import { Link } from "wouter";
import { REASON_TEXT } from "../../domain/words/run.ts";
import { petitNow } from "../data/petit-time.ts";
import { taskHistoryQuery } from "../data/queries.ts";
import { usualDuration } from "../data/run-statistics.ts";
import type { TaskHistoryData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { TooltipText } from "../ui/overlay/tooltip.tsx";
import { Loaded } from "../ui/states.tsx";
import { StatusIcon, statusStyle } from "../ui/status/status.tsx";
import { shownStatus } from "../ui/status/task-status.ts";
import { ALL_TASKS, MANY_TASKS, type TaskFilter, TaskFilters, useNextFailure } from "../ui/task-filters.tsx";
import { counted, durationText, fullTimeText, spoken, timeText } from "../ui/text/format.ts";
import { Duration } from "../ui/time/time.tsx";
import { type CellPlace, cellAfter } from "./grid-keys.ts";
import "./task-grid.css";

type HistoryRun = TaskHistoryData["runs"][number];
type HistoryTask = TaskHistoryData["tasks"][number];
type HistoryResult = HistoryTask["results"][number];

/** Number of tasks that are shown at first, and that are added each time. */
const STEP = 60;
const MAX_TASKS = 1000;

/** Shows what became of each task in the newest runs: a row for each task, a column for each run, the newest on the right. */
export const TaskGrid = ({ jobId }: { readonly jobId: string }) => {
  const [limit, setLimit] = useState(STEP);
  const [filter, setFilter] = useState(ALL_TASKS);
  const card = useRef<HTMLElement>(null);
  const focusNext = useNextFailure(card, '[data-cell][data-status="failed"]');
  // A search looks at all tasks.
  const history = useQuery(taskHistoryQuery(jobId, filter.text === "" && !filter.isFailed ? limit : MAX_TASKS));
  if (history.data?.runs.length === 0) return null;
  const shown = filtered(history.data?.tasks ?? [], filter);
  return (
    <section ref={card} className="card task-history" aria-labelledby="task-history">
      <h2 id="task-history">Tasks</h2>
      <Loaded query={history} what="the tasks of the runs">
        {(found) => (
          <>
            {found.tasks.length >= MANY_TASKS && (
              <TaskFilters
                filter={filter}
                onChange={setFilter}
                failures={shown.reduce((sum, { results }) => sum + results.filter(isFailure).length, 0)}
                onNext={focusNext}
              />
            )}
            <Grid history={{ ...found, tasks: shown }} />
            {shown.length === 0 && <p className="muted">No task matches.</p>}
            {found.count > found.tasks.length && (
              <p className="muted">
                {counted(found.count - found.tasks.length, "more task")}{" "}
                {found.tasks.length < MAX_TASKS && (
                  <Button onClick={() => setLimit(Math.min(MAX_TASKS, limit + STEP))}>Show more</Button>
                )}
              </p>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
};

/** Returns the tasks whose id contains a text, and of which some result failed if that is wanted. */
const filtered = (tasks: readonly HistoryTask[], { text, isFailed }: TaskFilter): HistoryTask[] =>
  tasks.filter(
    ({ task_id, results }) =>
      task_id.toLowerCase().includes(text.trim().toLowerCase()) && (!isFailed || results.some(isFailure)),
  );

const isFailure = (result: HistoryResult): boolean => shownStatus(result) === "failed";

const Grid = ({ history: { runs, tasks } }: { readonly history: TaskHistoryData }) => {
  const [pointed, setPointed] = useState<Element | null>(null);
  const [place, setPlace] = useState<CellPlace | null>(null);
  const point = ({ target }: SyntheticEvent): void =>
    setPointed(target instanceof Element ? target.closest("[data-cell]") : null);
  const entry = entryOf(tasks, place);
  const move = (event: KeyboardEvent<HTMLElement>): void => {
    if (event.key === "Escape") setPointed(null);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = entry === null ? null : cellAfter(tasks, entry, event.key);
    if (next === null) return;
    event.preventDefault();
    event.currentTarget.querySelector<HTMLElement>(`[data-cell="${next.taskId} ${next.runId}"]`)?.focus();
  };
  const enter = (event: SyntheticEvent): void => {
    point(event);
    const [taskId, runId] = cellOf(event.target)?.split(" ") ?? [];
    if (taskId !== undefined && runId !== undefined) setPlace({ taskId, runId });
  };
  const text = pointed?.getAttribute("data-about") ?? null;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it shows what the links in it are, and moves the focus between them.
    <div
      className="task-grid-scroll"
      onPointerOver={point}
      onPointerLeave={() => setPointed(null)}
      onFocus={enter}
      onBlur={() => setPointed(null)}
      onKeyDown={move}
    >
      <table className="task-grid">
        <caption className="visually-hidden">Tasks in the newest runs; arrow keys move between the cells</caption>
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col" className="number">
              Median
            </th>
            <th scope="col">Durations</th>
            {runs.map((run) => (
              <RunHead key={run.id} run={run} />
            ))}
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <Row
              key={task.task_id}
              task={task}
              runs={runs}
              entry={entry?.taskId === task.task_id ? entry.runId : null}
            />
          ))}
        </tbody>
      </table>
      {text !== null && <TooltipText text={text} anchor={pointed} />}
    </div>
  );
};

const cellOf = (target: EventTarget): string | undefined =>
  target instanceof HTMLElement || target instanceof SVGElement ? target.dataset.cell : undefined;

/** Returns the cell that the Tab key reaches: the last one that had the focus, or that of the first task in the newest run. */
const entryOf = (tasks: readonly HistoryTask[], place: CellPlace | null): CellPlace | null => {
  const isThere = tasks.some(
    ({ task_id, results }) => task_id === place?.taskId && results.some(({ run_id }) => run_id === place.runId),
  );
  if (isThere) return place;
  const [first] = tasks;
  const newest = first?.results.at(-1);
  return first === undefined || newest === undefined ? null : { taskId: first.task_id, runId: newest.run_id };
};

const RunHead = memo(({ run: { id, status, started_at } }: { readonly run: HistoryRun }) => (
  <th scope="col" className="task-grid-run">
    <Link
      href={`/runs/${id}`}
      title={started_at === null ? status : `${status}\n${fullTimeText(started_at)}`}
      style={statusStyle(status)}
    >
      <time dateTime={started_at === null ? undefined : new Date(started_at).toISOString()}>
        {started_at === null ? "not started" : timeText(started_at, petitNow())}
      </time>
    </Link>
  </th>
));

type RowProps = {
  readonly task: HistoryTask;
  readonly runs: readonly HistoryRun[];
  /** The run whose cell the Tab key reaches, or null. */
  readonly entry: string | null;
};

const Row = memo(({ task: { task_id, results }, runs, entry }: RowProps) => {
  const byRun = new Map(results.map((result) => [result.run_id, result]));
  return (
    <tr data-history={task_id}>
      <th scope="row" title={task_id}>
        {task_id}
      </th>
      <td className="number">
        <Duration ms={usualDuration(results)} />
      </td>
      <td>
        <Sparkline durations={results.flatMap(({ duration_ms }) => duration_ms ?? [])} />
      </td>
      {runs.map(({ id }) => {
        const result = byRun.get(id);
        return (
          <td key={id} className="task-grid-cell">
            {result !== undefined && <Cell taskId={task_id} result={result} isEntry={id === entry} />}
          </td>
        );
      })}
    </tr>
  );
});

type CellProps = { readonly taskId: string; readonly result: HistoryResult; readonly isEntry: boolean };

const Cell = ({ taskId, result, isEntry }: CellProps) => {
  const status = shownStatus(result);
  return (
    <Link
      href={`/runs/${result.run_id}?task=${encodeURIComponent(taskId)}`}
      aria-label={spoken(aboutResult(taskId, result))}
      data-about={aboutResult(taskId, result)}
      tabIndex={isEntry ? 0 : -1}
      data-cell={`${taskId} ${result.run_id}`}
      data-status={status}
      style={statusStyle(status)}
    >
      <StatusIcon of={status} />
    </Link>
  );
};

const aboutResult = (taskId: string, result: HistoryResult): string => {
  const { reason, duration_ms } = result;
  const status = shownStatus(result);
  const what = status === "allowed" ? "failed, which the job allows" : status;
  const took = duration_ms === null ? "" : `, ${durationText(duration_ms)}`;
  return `${taskId}: ${what}${took}${reason === null ? "" : `\n${REASON_TEXT[reason]}`}`;
};

const WIDTH = 84;
const HEIGHT = 18;
const MARGIN = 2;

/** Draws durations as a line from the oldest to the newest, from zero up to the longest. Nothing for fewer than two. */
const Sparkline = ({ durations }: { readonly durations: readonly number[] }) => {
  if (durations.length < 2) return null;
  const longest = Math.max(1, ...durations);
  const x = (index: number): number => MARGIN + ((WIDTH - 2 * MARGIN) * index) / (durations.length - 1);
  const y = (ms: number): number => HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (ms / longest);
  const points = durations.map((ms, index) => `${x(index).toFixed(1)},${y(ms).toFixed(1)}`);
  return (
    <svg
      className="sparkline"
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={`From ${durationText(Math.min(...durations))} to ${durationText(longest)}, the newest ${durationText(durations.at(-1) ?? 0)}`}
    >
      <polyline points={points.join(" ")} />
      <circle cx={x(durations.length - 1)} cy={y(durations.at(-1) ?? 0)} r={2} />
    </svg>
  );
};
