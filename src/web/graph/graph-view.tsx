import { MiniMap, ReactFlow, ReactFlowProvider, useReactFlow, ViewportPortal } from "@xyflow/react";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import type { TaskCondition } from "../../domain/graph.ts";
import { Button } from "../ui/button.tsx";
import "@xyflow/react/dist/base.css";
import { Edges } from "./edges.tsx";
import { GraphSearch } from "./graph-search.tsx";
import type { GraphTask } from "./graph-task.ts";
import { type DrawnNode, nodesOf, parallelGroups } from "./groups.ts";
import { HighlightContext, PointedStore } from "./highlight.ts";
import { type Layout, layOut } from "./layout/layout.ts";
import { type GraphBox, MARGIN, type Size } from "./layout/sizes.ts";
import { around, initialViewport, type Viewport, wholeViewport } from "./layout/viewport.ts";
import { nodeSize } from "./node-size.ts";
import { GraphActionsContext, type GraphFlowNode, TaskNode } from "./task-node.tsx";
import { useBox } from "./use-box.ts";

type GraphViewProps = {
  readonly tasks: readonly GraphTask[];
  readonly onSelect: (taskId: string) => void;
  readonly selected: string | null;
  /** True if the graph fills its parent; false if it is as high as it needs. */
  readonly isFilling: boolean;
};

const NODE_TYPES = { task: TaskNode };

export const GraphView = ({ tasks, onSelect, selected, isFilling }: GraphViewProps) => {
  const frame = useRef<HTMLDivElement>(null);
  const box = useBox(frame, isFilling);
  return (
    <div ref={frame} className={isFilling ? "graph-frame is-filling" : "graph-frame"}>
      {box !== null && (
        <ReactFlowProvider>
          <Drawing tasks={tasks} onSelect={onSelect} selected={selected} box={box} isFilling={isFilling} />
        </ReactFlowProvider>
      )}
    </div>
  );
};

/** Identifies the tasks and dependencies of a graph, but not their progress. */
const useShape = (tasks: readonly GraphTask[]): string =>
  useMemo(
    () => tasks.map(({ id, dependsOn, condition }) => `${id}<${condition}<${dependsOn.join()}`).join(";"),
    [tasks],
  );

/** A graph with more tasks has its groups collapsed at first, and a search. */
const LARGE = 16;

/** Returns the groups of parallel tasks, and which of them are collapsed. */
const useGroups = (tasks: readonly GraphTask[], shape: string) => {
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the shape of the graph matters.
  const groups = useMemo(() => parallelGroups(tasks).map((group) => group.map(({ id }) => id)), [shape]);
  const [expanded, setExpanded] = useState<ReadonlySet<string> | "all">(() =>
    tasks.length > LARGE ? new Set<string>() : "all",
  );
  const collapsed = useMemo(
    () => (expanded === "all" ? [] : groups.filter(([id = ""]) => !expanded.has(id))),
    [groups, expanded],
  );
  return {
    groups,
    collapsed,
    expand: (id: string) => setExpanded((before) => (before === "all" ? before : new Set([...before, id]))),
    expandAll: () => setExpanded("all"),
    collapseAll: () => setExpanded(new Set()),
  };
};

type DrawingProps = GraphViewProps & { readonly box: GraphBox };

const Drawing = ({ tasks, onSelect, selected, box, isFilling }: DrawingProps) => {
  const shape = useShape(tasks);
  const { groups, collapsed, expand, expandAll, collapseAll } = useGroups(tasks, shape);
  const [matches, setMatches] = useState<ReadonlySet<string> | null>(null);
  const [pointed] = useState(() => new PointedStore());
  const byId = useMemo(() => new Map(tasks.map((task) => [task.id, task])), [tasks]);
  const nodes = useMemo(
    () =>
      nodesOf(
        tasks,
        collapsed.map((ids) => ids.flatMap((id) => byId.get(id) ?? [])),
      ),
    [tasks, byId, collapsed],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the layout does not depend on the progress of the tasks.
  const { layout, size, conditions } = useMemo(() => {
    const node = nodeSize(nodes, box.width);
    return {
      layout: layOut(nodes, { node, box }),
      size: node,
      conditions: new Map(nodes.map(({ id, tasks: [first] }) => [id, first?.condition ?? "all_success"] as const)),
    };
  }, [shape, collapsed, box]);
  const selectedNode = nodes.find((node) => node.tasks.some(({ id }) => id === selected))?.id ?? null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new selection does not change whether the edges are lit.
  const highlight = useMemo(() => ({ pointed, selectedNode }), [selectedNode]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `expand` only calls a setter.
  const actions = useMemo(() => ({ selected, onSelect, onExpand: expand, matches }), [selected, onSelect, matches]);
  const height = isFilling ? box.height : Math.min(box.height, Math.ceil(layout.height * layout.zoom) + 2 * MARGIN);
  const room = { width: box.width, height };
  return (
    <GraphActionsContext value={actions}>
      <HighlightContext value={highlight}>
        <Canvas
          nodes={nodes}
          layout={layout}
          conditions={conditions}
          node={size}
          box={box}
          room={room}
          selected={selected}
        />
        <Toolbar layout={layout} room={room}>
          {groups.length > 0 && collapsed.length > 0 && <Button onClick={expandAll}>Expand all</Button>}
          {groups.length > 0 && collapsed.length < groups.length && (
            <Button onClick={collapseAll}>Group parallel tasks</Button>
          )}
          {tasks.length > LARGE && (
            <GraphSearch
              tasks={tasks}
              onMatches={setMatches}
              onShow={(id) => {
                const group = collapsed.find((ids) => ids.includes(id));
                if (group?.[0] !== undefined) expand(group[0]);
                if (selected !== id) onSelect(id);
              }}
            />
          )}
        </Toolbar>
      </HighlightContext>
    </GraphActionsContext>
  );
};

type CanvasProps = {
  readonly nodes: readonly DrawnNode[];
  readonly layout: Layout;
  readonly conditions: ReadonlyMap<string, TaskCondition>;
  /** Size of each node. */
  readonly node: Size;
  readonly box: GraphBox;
  readonly room: Size;
  readonly selected: string | null;
};

const Canvas = ({ nodes, layout, conditions, node, box, room, selected }: CanvasProps) => {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the initial viewport does not depend on later changes of the tasks.
  const home = useMemo(() => initialViewport({ nodes, layout, node, box, room, selected }), [layout]);
  const flowNodes = useFlowNodes(nodes, layout, node);
  const isWhole = home.zoom === layout.zoom;
  useViewport({ home, layout, node, room, selected });
  return (
    <div className="graph-box" style={{ height: room.height }}>
      <ReactFlow
        nodes={flowNodes}
        nodeTypes={NODE_TYPES}
        defaultViewport={home}
        minZoom={Math.min(layout.zoom, home.zoom)}
        maxZoom={2 * box.maxZoom}
        {...FLOW_OPTIONS}
      >
        <ViewportPortal>
          <Edges layout={layout} conditions={conditions} />
        </ViewportPortal>
        {!isWhole && (
          <MiniMap
            pannable
            ariaLabel="Overview of the graph"
            className="graph-map"
            style={mapSize(room)}
            nodeClassName={statusClass}
          />
        )}
      </ReactFlow>
    </div>
  );
};

const mapSize = ({ width }: Size) => {
  const side = Math.min(132, Math.max(72, Math.round(width / 5)));
  return { width: side, height: Math.round(side / 1.5) };
};

const statusClass = ({ data }: GraphFlowNode): string =>
  `graph-map-${data.tasks.find(({ progress }) => progress?.status === "failed")?.progress?.status ?? data.tasks[0]?.progress?.status}`;

/** The graph is read-only, and the wheel scrolls the page. */
const FLOW_OPTIONS = {
  edges: [],
  nodesDraggable: false,
  nodesConnectable: false,
  nodesFocusable: false,
  edgesFocusable: false,
  elementsSelectable: false,
  disableKeyboardA11y: true,
  zoomOnScroll: false,
  zoomOnDoubleClick: false,
  preventScrolling: false,
};

/** Returns the nodes for React Flow. A node stays the same object while nothing of it changes, so that it is not rendered again. */
const useFlowNodes = (nodes: readonly DrawnNode[], layout: Layout, size: Size): GraphFlowNode[] => {
  const before = useRef<{ readonly layout: Layout; readonly nodes: ReadonlyMap<string, GraphFlowNode> } | null>(null);
  return useMemo(() => {
    const known = before.current?.layout === layout ? before.current.nodes : null;
    const flowNodes = nodes.map(({ id, tasks }): GraphFlowNode => {
      const old = known?.get(id);
      const isSame = old?.data.tasks.length === tasks.length && tasks.every((task, at) => task === old.data.tasks[at]);
      if (old !== undefined && isSame) return old;
      return { id, type: "task", position: layout.positions.get(id) ?? { x: 0, y: 0 }, data: { tasks, size }, ...size };
    });
    before.current = { layout, nodes: new Map(flowNodes.map((each) => [each.id, each])) };
    return flowNodes;
  }, [nodes, layout, size]);
};

type UseViewportOptions = {
  readonly home: Viewport;
  readonly layout: Layout;
  readonly node: Size;
  readonly room: Size;
  readonly selected: string | null;
};

/** Shows a new layout from its initial viewport, and moves to a node that is selected elsewhere. */
const useViewport = ({ home, layout, node, room, selected }: UseViewportOptions): void => {
  const flow = useReactFlow();
  useEffect(() => void flow.setViewport(home), [flow, home]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new selection moves the viewport.
  useEffect(() => {
    const point = layout.positions.get(selected ?? "");
    if (point === undefined) return;
    const { x, y, zoom } = flow.getViewport();
    const [left, top] = [point.x * zoom + x, point.y * zoom + y];
    const isInside =
      left >= 0 && top >= 0 && left + node.width * zoom <= room.width && top + node.height * zoom <= room.height;
    if (!isInside) void flow.setViewport(around(point, { layout, node, zoom, room }));
  }, [selected]);
};

type ToolbarProps = {
  readonly layout: Layout;
  readonly room: Size;
  readonly children: ReactNode;
};

/** Buttons that change the zoom and what is shown. */
const Toolbar = ({ layout, room, children }: ToolbarProps) => {
  const flow = useReactFlow();
  return (
    <div className="graph-buttons">
      <Button aria-label="Zoom in" onClick={() => void flow.zoomIn()}>
        +
      </Button>
      <Button aria-label="Zoom out" onClick={() => void flow.zoomOut()}>
        −
      </Button>
      <Button onClick={() => void flow.setViewport(wholeViewport(layout, room))}>Whole graph</Button>
      {children}
    </div>
  );
};
