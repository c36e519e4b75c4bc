import { type Node, type NodeProps, useReactFlow, useStore } from "@xyflow/react";
import { createContext, memo, use } from "react";
import { labelsText } from "../../domain/words/worker.ts";
import { StatusIcon, statusStyle } from "../ui/status/status.tsx";
import { counted, durationText, roughText } from "../ui/text/format.ts";
import { useNow } from "../ui/time/clock.ts";
import { CONDITION_TEXT, dependencyText, type GraphTask, type NodeProgress } from "./graph-task.ts";
import { groupName, groupStatus, type StatusCount, statusCounts } from "./groups.ts";
import { HighlightContext } from "./highlight.ts";
import type { Size } from "./layout/sizes.ts";

export type GraphFlowNode = Node<{ readonly tasks: readonly GraphTask[]; readonly size: Size }, "task">;

/** A node of a graph: a task, or a collapsed group of parallel tasks. */
export const TaskNode = memo(
  ({ data: { tasks, size }, positionAbsoluteX: x, positionAbsoluteY: y }: NodeProps<GraphFlowNode>) => {
    const { pointed } = use(HighlightContext);
    const show = useScrollIntoView(size);
    const [task] = tasks;
    if (task === undefined) return null;
    const common = {
      style: size,
      onPointerEnter: () => pointed.point({ node: task.id }),
      onPointerLeave: () => pointed.point(null),
      onFocus: (event: { readonly currentTarget: Element }) => {
        if (event.currentTarget.matches(":focus-visible")) show(x, y);
      },
    };
    return tasks.length === 1 ? (
      <TaskButton task={task} common={common} />
    ) : (
      <GroupButton tasks={tasks} common={common} />
    );
  },
);

type CommonProps = {
  readonly style: Size;
  readonly onPointerEnter: () => void;
  readonly onPointerLeave: () => void;
  readonly onFocus: (event: { readonly currentTarget: Element }) => void;
};

/** A task with its status, name, duration and attempt. */
const TaskButton = ({ task, common }: { readonly task: GraphTask; readonly common: CommonProps }) => {
  const { selected, onSelect, matches } = use(GraphActionsContext);
  const { id, name, progress, type } = task;
  return (
    <button
      type="button"
      {...common}
      className="graph-node nopan"
      data-task={id}
      data-status={progress?.status}
      data-match={matches === null ? undefined : matches.has(id)}
      aria-pressed={selected === id}
      title={titleOf(task)}
      style={{ ...common.style, ...(progress === null ? {} : statusStyle(progress.status)) }}
      onClick={() => onSelect(id)}
    >
      <span className="graph-node-name">
        {progress !== null && <StatusIcon of={progress.status} label={`${progress.status}: `} />}
        <span className="graph-node-text">{name}</span>
      </span>
      <span className="graph-node-facts">
        {progress === null ? (
          <span>{task.runsOn === null ? type : `${type} on ${labelsText(task.runsOn)}`}</span>
        ) : (
          <Facts progress={progress} />
        )}
        {task.dependsOn.length > 0 && CONDITION_TEXT[task.condition] !== null && (
          <span aria-hidden="true">{CONDITION_TEXT[task.condition]}</span>
        )}
      </span>
      <span className="visually-hidden">{dependencyText(task)}</span>
    </button>
  );
};

/** Returns the name and the type of a task, and where it runs or what it waits for. */
const titleOf = ({ name, type, progress, runsOn }: GraphTask): string => {
  const title = type === null ? name : `${name} (${type})`;
  if (progress === null) return runsOn === null ? title : `${title} on a worker with ${labelsText(runsOn)}`;
  if (progress.waitsFor !== null) return `${title} waits for ${progress.waitsFor}`;
  return progress.worker === null ? title : `${title} on ${progress.worker}`;
};

/** Parallel tasks with their number in each status. A click expands the group. */
const GroupButton = ({ tasks, common }: { readonly tasks: readonly GraphTask[]; readonly common: CommonProps }) => {
  const { selected, onExpand, matches } = use(GraphActionsContext);
  const counts = statusCounts(tasks);
  const status = groupStatus(counts);
  const id = tasks[0]?.id ?? "";
  return (
    <button
      type="button"
      {...common}
      className="graph-node graph-group nopan"
      data-group={id}
      data-status={status ?? undefined}
      data-match={matches === null ? undefined : tasks.some((task) => matches.has(task.id))}
      data-selected={tasks.some((task) => task.id === selected) || undefined}
      aria-expanded={false}
      title={`Show the ${tasks.length} tasks`}
      style={{ ...common.style, ...(status === null ? {} : statusStyle(status)) }}
      onClick={() => onExpand(id)}
    >
      <span className="graph-node-name">
        {status !== null && <StatusIcon of={status} label={`${status}: `} />}
        <span className="graph-node-text">{groupName(tasks)}</span>
      </span>
      <span className="graph-node-facts">
        <span>{groupText(tasks.length, counts)}</span>
      </span>
    </button>
  );
};

const groupText = (total: number, [first, ...others]: readonly StatusCount[]): string =>
  first === undefined || others.length === 0
    ? counted(total, "task")
    : `${first.count.toLocaleString()} ${first.status} of ${counted(total, "task")}`;

const Facts = ({ progress }: { readonly progress: NodeProgress }) => {
  const { attempts, isReused, retryAt, status, startedAt, durationMs, items, worker, waitsFor } = progress;
  const isActive = status === "running" || status === "waiting";
  return (
    <>
      {items !== null && <span>{items}</span>}
      {isActive && retryAt !== null && <RetryIn at={retryAt} />}
      {isActive && retryAt === null && startedAt !== null && <Running since={startedAt} />}
      {/* The counts of items leave no room for it. */}
      {durationMs !== null && !isReused && items === null && <span>{durationText(durationMs)}</span>}
      {attempts > 1 && <span>attempt {attempts}</span>}
      {isReused && <span>reused</span>}
      {worker !== null && <span className="graph-node-worker">{worker}</span>}
      {waitsFor !== null && <span>waits for a worker</span>}
      {durationMs === null && !isReused && !isActive && waitsFor === null && <span>{status}</span>}
    </>
  );
};

const RetryIn = ({ at }: { readonly at: number }) => <span>retry in {roughText(at - useNow())}</span>;

const Running = ({ since }: { readonly since: number }) => <span>{roughText(useNow() - since)}</span>;

/** Returns a function that moves the viewport so that a focused node is visible. */
const useScrollIntoView = (size: Size): ((x: number, y: number) => void) => {
  const flow = useReactFlow();
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  return (x, y) => {
    const { x: left, y: top, zoom } = flow.getViewport();
    const [at, below] = [x * zoom + left, y * zoom + top];
    const isInside = at >= 0 && below >= 0 && at + size.width * zoom <= width && below + size.height * zoom <= height;
    if (!isInside) void flow.setCenter(x + size.width / 2, y + size.height / 2, { zoom });
  };
};

/** What the nodes of a graph need to know and to call. */
export type GraphActions = {
  /** Id of the selected task. */
  readonly selected: string | null;
  readonly onSelect: (taskId: string) => void;
  /** Shows the tasks of a group, given the id of its first task. */
  readonly onExpand: (groupId: string) => void;
  /** Ids of the tasks that the search found; null without a search. */
  readonly matches: ReadonlySet<string> | null;
};

export const GraphActionsContext = createContext<GraphActions>({
  selected: null,
  onSelect: () => {},
  onExpand: () => {},
  matches: null,
});
