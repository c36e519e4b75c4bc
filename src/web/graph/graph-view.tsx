import {
  type Edge,
  MarkerType,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  type Viewport,
} from "@xyflow/react";
import { useEffect, useMemo, useRef } from "react";
import { Button } from "../ui/button.tsx";
import "@xyflow/react/dist/base.css";
import { CONDITION_TEXT, type GraphTask } from "./graph-task.ts";
import { initialViewport, wholeViewport } from "./initial-viewport.ts";
import { type Layout, layOut } from "./layout.ts";
import { type GraphBox, MARGIN } from "./plan.ts";
import { SelectionContext } from "./selection.ts";
import { TaskNode, type TaskNodeType } from "./task-node.tsx";
import { useBox } from "./use-box.ts";

type GraphViewProps = {
  readonly tasks: readonly GraphTask[];
  readonly onSelect: (taskId: string) => void;
  readonly selected: string | null;
};

const NODE_TYPES = { task: TaskNode };

export const GraphView = ({ tasks, onSelect, selected }: GraphViewProps) => {
  const frame = useRef<HTMLDivElement>(null);
  const box = useBox(frame);
  const layout = useLayout(tasks, box);
  const selection = useMemo(() => ({ selected, onSelect }), [selected, onSelect]);
  return (
    <div ref={frame} className="graph-frame">
      {box !== null && layout !== null && (
        <SelectionContext value={selection}>
          <ReactFlowProvider>
            <Drawing tasks={tasks} box={box} layout={layout} />
          </ReactFlowProvider>
        </SelectionContext>
      )}
    </div>
  );
};

/** Computes the layout again for other tasks or another box, but not when tasks change their status. */
const useLayout = (tasks: readonly GraphTask[], box: GraphBox | null): Layout | null => {
  const shape = tasks.map(({ id, dependsOn }) => `${id}<${dependsOn.join()}`).join(";");
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the shape of the graph matters.
  return useMemo(() => (box === null ? null : layOut(tasks, box)), [shape, box]);
};

type DrawingProps = { readonly tasks: readonly GraphTask[]; readonly box: GraphBox; readonly layout: Layout };

const Drawing = ({ tasks, box, layout }: DrawingProps) => {
  const height = Math.min(box.maxHeight, Math.ceil(layout.height * layout.zoom) + 2 * MARGIN);
  const room = { width: box.width, height };
  // biome-ignore lint/correctness/useExhaustiveDependencies: the initial viewport does not depend on later changes of the tasks.
  const home = useMemo(() => initialViewport(tasks, layout, box, room), [layout]);
  const nodes = useMemo(() => nodesOf(tasks, layout), [tasks, layout]);
  const edges = useMemo(() => edgesOf(tasks, layout), [tasks, layout]);
  return (
    <>
      <div className={edges.length > DENSE * tasks.length ? "graph-box is-dense" : "graph-box"} style={{ height }}>
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={NODE_TYPES}
          defaultViewport={home}
          minZoom={Math.min(layout.zoom, home.zoom)}
          maxZoom={2 * box.maxZoom}
          {...FLOW_OPTIONS}
        />
      </div>
      <ViewButtons home={home} whole={wholeViewport(layout, room)} />
    </>
  );
};

/** With more edges per task than this, edges are drawn thin. */
const DENSE = 1.6;

/** The graph is read-only, and the wheel scrolls the page. */
const FLOW_OPTIONS = {
  nodesDraggable: false,
  nodesConnectable: false,
  nodesFocusable: false,
  edgesFocusable: false,
  elementsSelectable: false,
  disableKeyboardA11y: true,
  zoomOnScroll: false,
  zoomOnDoubleClick: false,
  preventScrolling: false,
} as const;

type ViewButtonsProps = { readonly home: Viewport; readonly whole: Viewport };

/** Buttons that change the zoom. */
const ViewButtons = ({ home, whole }: ViewButtonsProps) => {
  const flow = useReactFlow();
  useEffect(() => void flow.setViewport(home), [flow, home]);
  return (
    <div className="graph-buttons">
      <Button aria-label="Zoom in" onClick={() => void flow.zoomIn()}>
        +
      </Button>
      <Button aria-label="Zoom out" onClick={() => void flow.zoomOut()}>
        −
      </Button>
      <Button onClick={() => void flow.setViewport(whole)}>Whole graph</Button>
    </div>
  );
};

const nodesOf = (tasks: readonly GraphTask[], { positions, style: { node, isVertical } }: Layout): TaskNodeType[] =>
  tasks.map((task) => ({
    id: task.id,
    type: "task",
    position: positions.get(task.id) ?? { x: 0, y: 0 },
    data: { task, isVertical, size: node },
    ...node,
    sourcePosition: isVertical ? Position.Bottom : Position.Right,
    targetPosition: isVertical ? Position.Top : Position.Left,
  }));

const edgesOf = (tasks: readonly GraphTask[], { positions, style: { isVertical } }: Layout): Edge[] =>
  tasks.flatMap((task) =>
    task.dependsOn.map((upstream) => ({
      id: `${upstream} ${task.id}`,
      source: upstream,
      target: task.id,
      type: isAhead(positions.get(upstream), positions.get(task.id), isVertical) ? "default" : "smoothstep",
      markerEnd: ARROW,
      className: `graph-edge graph-edge-${task.condition}`,
      ...labelOf(task),
    })),
  );

const ARROW = { type: MarkerType.ArrowClosed, color: "var(--line-strong)", width: 16, height: 16 };

const labelOf = ({ condition }: GraphTask): Partial<Edge> => {
  const label = CONDITION_TEXT[condition];
  return label === null ? {} : { label, labelBgPadding: [4, 2], labelBgBorderRadius: 4 };
};

type MaybePoint = { readonly x: number; readonly y: number } | undefined;

/** Returns false for an edge that leads to the next band. */
const isAhead = (from: MaybePoint, to: MaybePoint, isVertical: boolean): boolean =>
  isVertical ? (from?.y ?? 0) < (to?.y ?? 0) : (from?.x ?? 0) < (to?.x ?? 0);
