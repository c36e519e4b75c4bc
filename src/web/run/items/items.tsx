import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useRef, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { TASK_STATUSES, type TaskStatus } from "../../../domain/task-run.ts";
import { runItemsQuery } from "../../data/queries.ts";
import type { ItemCountsData, ItemData, TaskRunData } from "../../data/shapes.ts";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { RunLink } from "../../ui/links.tsx";
import { Status, StatusIcon, statusStyle } from "../../ui/status/status.tsx";
import { shownStatus } from "../../ui/status/task-status.ts";
import { Duration, Elapsed } from "../../ui/time/time.tsx";
import { workerOf } from "../machines.tsx";
import { ITEM_PAGE, itemLink, itemPlace, MAX_ITEMS, positionAfterFailed, tasksWithItems } from "./item-rows.ts";
import "./items.css";

type ItemsProps = {
  readonly runId: string;
  readonly tasks: readonly TaskRunData[];
  /** Id of the task whose log is shown. */
  readonly selected: string | null;
  /** Called after an item has been selected. */
  readonly onSelected: () => void;
};

/** Shows the items of a task: the selected one, or the first one that has items. */
export const Items = ({ runId, tasks, selected, onSelected }: ItemsProps) => {
  const withItems = tasksWithItems(tasks);
  const [chosen, setChosen] = useState<string | null>(null);
  const shown =
    withItems.find(({ task_id }) => task_id === selected) ??
    withItems.find(({ task_id }) => task_id === chosen) ??
    withItems[0];
  const [status, setStatus] = useState<TaskStatus | null>(null);
  if (shown === undefined) return null;
  const applied = status !== null && shown.items[status] > 0 ? status : null;
  return (
    <div className="items">
      <div className="items-head">
        {withItems.length > 1 && <TaskChoice tasks={withItems} shown={shown.task_id} onChoose={setChosen} />}
        <StatusFilter counts={shown.items} status={applied} onChange={setStatus} />
      </div>
      <ItemRows
        key={`${shown.task_id} ${applied}`}
        runId={runId}
        taskId={shown.task_id}
        status={applied}
        count={applied === null ? shown.items.total : shown.items[applied]}
        failed={shown.items.failed}
        onSelected={onSelected}
      />
    </div>
  );
};

type TaskChoiceProps = {
  readonly tasks: readonly TaskRunData[];
  readonly shown: string;
  readonly onChoose: (taskId: string) => void;
};

/** Chooses the task. The log shows it, too, if it shows a single task. */
const TaskChoice = ({ tasks, shown, onChoose }: TaskChoiceProps) => {
  const [query, setQuery] = useSearchParams();
  const choose = (taskId: string): void => {
    onChoose(taskId);
    if (query.has("task")) setQuery((now) => new URLSearchParams(itemLink(now, { taskId, index: null })), REPLACE);
  };
  return (
    <Choice
      label="Task"
      options={Object.fromEntries(tasks.map(({ task_id, name }) => [task_id, name]))}
      value={shown}
      onChange={choose}
    />
  );
};

const REPLACE = { replace: true } as const;

type StatusFilterProps = {
  readonly counts: ItemCountsData;
  readonly status: TaskStatus | null;
  readonly onChange: (status: TaskStatus | null) => void;
};

/** The number of items in each status. Each is a button that shows only these items. */
const StatusFilter = ({ counts, status, onChange }: StatusFilterProps) => (
  <fieldset className="items-filter">
    <legend className="visually-hidden">Items by status</legend>
    <Button kind="quiet" aria-pressed={status === null} onClick={() => onChange(null)}>
      {counts.total.toLocaleString()} all
    </Button>
    {TASK_STATUSES.filter((each) => counts[each] > 0).map((each) => (
      <Button key={each} kind="quiet" aria-pressed={status === each} onClick={() => onChange(each)}>
        <Status of={each} label={`${counts[each].toLocaleString()} ${each}`} />
      </Button>
    ))}
  </fieldset>
);

type ItemRowsProps = {
  readonly runId: string;
  readonly taskId: string;
  /** Shows only items with this status; null for all. */
  readonly status: TaskStatus | null;
  /** Number of rows, and of failed items. */
  readonly count: number;
  readonly failed: number;
  readonly onSelected: () => void;
};

/** Additional rows to render before and after the visible ones. */
const OVERSCAN = 10;

/** Height of a row in rem, as in the stylesheet. */
const ROW_REM = 1.875;

/** Renders the visible rows, and loads the pages that they are in. */
const ItemRows = ({ runId, taskId, status, count, failed, onSelected }: ItemRowsProps) => {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_REM * Number.parseFloat(getComputedStyle(document.documentElement).fontSize),
    overscan: OVERSCAN,
  });
  const rows = virtual.getVirtualItems();
  const [from, to] = [rows[0]?.index ?? 0, rows.at(-1)?.index ?? 0];
  const itemAt = useItems({ runId, taskId, status, failed, from, to });
  return (
    <section
      ref={scroller}
      className="items-scroll"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll the rows.
      tabIndex={0}
      aria-label="Items"
    >
      <ol className="items-rows" style={{ height: virtual.getTotalSize() }}>
        {rows.map(({ index, start }) => (
          <ItemRow
            key={index}
            item={itemAt(index)}
            taskId={taskId}
            start={start}
            position={index + 1}
            count={count}
            onSelected={onSelected}
          />
        ))}
      </ol>
    </section>
  );
};

type Range = Pick<ItemRowsProps, "runId" | "taskId" | "status" | "failed"> & {
  readonly from: number;
  readonly to: number;
};

/**
 * Returns the item of a row, or undefined until it is loaded. Without a status, failed items come first; the other visible rows are in at
 * most two pages.
 */
const useItems = ({ runId, taskId, status, failed, from, to }: Range): ((row: number) => ItemData | undefined) => {
  const ofStatus = (wanted: TaskStatus) => runItemsQuery({ runId, taskId, status: wanted, from: 0, limit: MAX_ITEMS });
  const chosen = useQuery({ ...ofStatus(status ?? "failed"), enabled: status !== null || failed > 0 }).data?.items;
  const first = status === null ? (chosen ?? []).map(({ index }) => index) : [];
  const place = (row: number) => itemPlace(positionAfterFailed(Math.max(row, first.length), first));
  const page = (at: number) => runItemsQuery({ runId, taskId, status: null, from: at * ITEM_PAGE, limit: ITEM_PAGE });
  const [start, end] = [place(from).page, place(to).page];
  const isListed = status === null && (failed === 0 || chosen !== undefined);
  const startPage = useQuery({ ...page(start), enabled: isListed }).data?.items;
  const endPage = useQuery({ ...page(end), enabled: isListed && end !== start }).data?.items;
  return (row) => {
    if (status !== null || row < first.length) return chosen?.[row];
    const { page: of, at } = place(row);
    return (of === start ? startPage : endPage)?.[at];
  };
};

type ItemRowProps = {
  readonly item: ItemData | undefined;
  readonly taskId: string;
  /** Distance from the top of all rows, in CSS px. */
  readonly start: number;
  /** Position in the list, from 1, and its length. */
  readonly position: number;
  readonly count: number;
  readonly onSelected: () => void;
};

const ItemRow = ({ item, taskId, start, position, count, onSelected }: ItemRowProps) => {
  const [path] = useLocation();
  const [query] = useSearchParams();
  if (item === undefined) return <Row start={start} position={position} count={count} />;
  const status = shownStatus(item);
  const isSelected = query.get("task") === taskId && query.get("item") === String(item.index);
  return (
    <Row start={start} position={position} count={count} status={status}>
      <Link
        href={`${path}?${itemLink(query, { taskId, index: isSelected ? null : item.index })}`}
        replace
        className="item-key"
        data-row
        data-item={item.index}
        aria-current={isSelected ? "true" : undefined}
        title={item.error ?? item.key}
        onClick={onSelected}
      >
        <StatusIcon of={status} label={`${status}: `} />
        <span className="mono">{item.key}</span>
        {item.error !== null && <span className="item-error">{item.error}</span>}
      </Link>
      <span className="item-fact muted">
        {item.child_run_id !== null && (
          <>
            run <RunLink id={item.child_run_id} />{" "}
          </>
        )}
        {item.attempts > 1 && `${item.attempts} attempts `}
        {item.waits_for !== null ? "waits for a worker" : workerText(item)}
        {item.reused && "reused"}
      </span>
      <span className="item-took">
        {item.status === "running" && item.started_at !== null ? (
          <Elapsed since={item.started_at} />
        ) : (
          <Duration ms={item.duration_ms} />
        )}
      </span>
    </Row>
  );
};

const workerText = (item: ItemData): string => {
  const worker = workerOf(item);
  return worker === null ? "" : `on ${worker} `;
};

type RowProps = Pick<ItemRowProps, "start" | "position" | "count"> & {
  readonly status?: ReturnType<typeof shownStatus>;
  readonly children?: ReactNode;
};

const Row = ({ start, position, count, status, children }: RowProps) => (
  <li
    className="item-row"
    aria-posinset={position}
    aria-setsize={count}
    style={{ transform: `translateY(${start}px)`, ...(status === undefined ? {} : statusStyle(status)) }}
  >
    {children}
  </li>
);
