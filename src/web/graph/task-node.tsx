import { Handle, type Node, type NodeProps, Position, useReactFlow, useStore } from "@xyflow/react";
import { memo, useContext } from "react";
import { StatusIcon, statusStyle } from "../ui/status/status.tsx";
import { durationText, roughText } from "../ui/text/format.ts";
import { useNow } from "../ui/time/clock.ts";
import { dependencyText, type GraphTask, type NodeProgress } from "./graph-task.ts";
import type { Size } from "./plan.ts";
import { SelectionContext } from "./selection.ts";

export type TaskNodeType = Node<
  { readonly task: GraphTask; readonly isVertical: boolean; readonly size: Size },
  "task"
>;

/** A node with the status, name, type, duration and attempt of a task. */
export const TaskNode = memo(
  ({ data: { task, isVertical, size }, positionAbsoluteX: x, positionAbsoluteY: y }: NodeProps<TaskNodeType>) => {
    const { selected, onSelect } = useContext(SelectionContext);
    const show = useScrollIntoView(size);
    const { id, name, progress } = task;
    return (
      <>
        <Handle type="target" position={isVertical ? Position.Top : Position.Left} isConnectable={false} />
        <button
          type="button"
          className={isVertical ? "graph-node graph-node-narrow nopan" : "graph-node nopan"}
          data-task={id}
          data-status={progress?.status}
          aria-pressed={selected === id}
          title={name}
          style={{ ...size, ...(progress === null ? {} : statusStyle(progress.status)) }}
          onClick={() => onSelect(id)}
          onFocus={(event) => {
            if (event.currentTarget.matches(":focus-visible")) show(x, y);
          }}
        >
          <span className="graph-node-name">
            {progress !== null && <StatusIcon of={progress.status} label={`${progress.status}: `} />}
            <span className="graph-node-text">{name}</span>
          </span>
          <span className="graph-node-facts">
            <span>{task.type}</span>
            {progress !== null && <Facts progress={progress} />}
          </span>
          <span className="visually-hidden">{dependencyText(task)}</span>
        </button>
        <Handle type="source" position={isVertical ? Position.Bottom : Position.Right} isConnectable={false} />
      </>
    );
  },
);

const Facts = ({ progress }: { readonly progress: NodeProgress }) => {
  const { attempts, isReused, retryAt, status, startedAt, durationMs } = progress;
  return (
    <>
      {attempts > 1 && <span>attempt {attempts}</span>}
      {isReused && <span>reused</span>}
      {status === "running" && retryAt !== null && <RetryIn at={retryAt} />}
      {status === "running" && retryAt === null && startedAt !== null && <Running since={startedAt} />}
      {durationMs !== null && !isReused && <span>{durationText(durationMs)}</span>}
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
