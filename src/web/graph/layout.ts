import { Graph, layout } from "@dagrejs/dagre";
import { fold, ranksOf } from "./fold.ts";
import { CONDITION_TEXT, type GraphTask } from "./graph-task.ts";
import { extentOf, GAP, type GraphBox, type GraphStyle, type Plan, type Point, type Size, zoomOf } from "./plan.ts";

export type Layout = Plan & {
  /** Scale at which all of it fits the box. */
  readonly zoom: number;
};

/** As dagre has it, a graph is clearer than folded, even a little smaller than one would like. */
const MIN_UNFOLDED_ZOOM = 0.5;

/** Boxes that are narrower have the graph run downwards, with nodes as wide as a name of two lines. */
const NARROW_PX = 640;
const WIDE_NODE: Size = { width: 196, height: 58 };
const NARROW_NODE: Size = { width: 128, height: 72 };

/**
 * Where each task of a graph goes. As dagre has it where that can be read; a chain or a rank too long for the box is
 * folded into bands, as text is into lines.
 */
export const layOut = (tasks: readonly GraphTask[], box: GraphBox): Layout => {
  performance.mark("graph.layout");
  const natural = planByDagre(tasks, styleOf(tasks, box));
  const zoom = zoomOf(natural, box);
  if (zoom >= MIN_UNFOLDED_ZOOM * box.maxZoom) return { ...natural, zoom };
  const folded = fold(ranksOf(natural), { box, style: natural.style });
  const foldedZoom = zoomOf(folded, box);
  return foldedZoom > zoom ? { ...folded, zoom: foldedZoom } : { ...natural, zoom };
};

/** Conditions are written on the way from left to right: there they take room. */
const styleOf = (tasks: readonly GraphTask[], { width }: GraphBox): GraphStyle => {
  if (width < NARROW_PX) return { node: NARROW_NODE, gap: 34, isVertical: true };
  const hasLabels = tasks.some(
    ({ condition, dependsOn }) => dependsOn.length > 0 && CONDITION_TEXT[condition] !== null,
  );
  return { node: WIDE_NODE, gap: hasLabels ? 68 : 40, isVertical: false };
};

const planByDagre = (tasks: readonly GraphTask[], style: GraphStyle): Plan => {
  const { node, gap, isVertical } = style;
  const graph = new Graph();
  const nodesep = isVertical ? GAP.part : GAP.across;
  graph.setGraph({ rankdir: isVertical ? "TB" : "LR", nodesep, ranksep: gap });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of tasks) graph.setNode(id, { ...node });
  // A task that waits for one other stands beside it, not beside what comes after.
  for (const { id, dependsOn } of tasks) {
    for (const upstream of dependsOn) graph.setEdge(upstream, id, { weight: dependsOn.length === 1 ? 2 : 1 });
  }
  layout(graph);
  const found = tasks.map(({ id }) => [id, corner(graph.node(id), node)] as const);
  const positions = inFileOrder(found, isVertical ? "x" : "y");
  return { positions, style, ...extentOf([...positions.values()], node) };
};

/** Mirrored where the tasks of a rank would else stand against the order of the job file. */
const inFileOrder = (positions: readonly (readonly [string, Point])[], axis: "x" | "y"): ReadonlyMap<string, Point> => {
  const ranks = Map.groupBy(positions, ([, point]) => point[axis === "x" ? "y" : "x"]).values();
  const order = [...ranks].reduce(
    (sum, rank) => sum + Math.sign((rank.at(-1)?.[1][axis] ?? 0) - (rank[0]?.[1][axis] ?? 0)),
    0,
  );
  if (order >= 0) return new Map(positions);
  const end = Math.max(...positions.map(([, point]) => point[axis]));
  return new Map(positions.map(([id, point]) => [id, { ...point, [axis]: end - point[axis] }]));
};

/** dagre gives the middle of a node. */
const corner = ({ x = 0, y = 0 }: { readonly x?: number; readonly y?: number }, node: Size): Point => ({
  x: x - node.width / 2,
  y: y - node.height / 2,
});
