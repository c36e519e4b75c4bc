import { Graph, layout } from "@dagrejs/dagre";
import { fold, ranksOf } from "./fold.ts";
import { CONDITION_TEXT, type GraphTask } from "./graph-task.ts";
import { extentOf, GAP, type GraphBox, type GraphStyle, type Plan, type Point, type Size, zoomOf } from "./plan.ts";

export type Layout = Plan & {
  /** Scale at which the whole graph fits the box. */
  readonly zoom: number;
};

/** Above this zoom, dagre's layout is used: it is clearer than a folded one, even if it is a little small. */
const MIN_UNFOLDED_ZOOM = 0.5;

/** In a narrower box, the graph runs downwards, and names take two lines. */
const NARROW_PX = 640;
const WIDE_NODE: Size = { width: 196, height: 58 };
const NARROW_NODE: Size = { width: 128, height: 72 };

/**
 * Computes the position of each task. Uses dagre's layout if it is readable. Otherwise folds a chain or a rank that is too
 * long for the box into bands, as text is wrapped into lines.
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

/** Labels of conditions need room between ranks if the graph runs from left to right. */
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
  // A higher weight puts a task with one dependency beside that dependency.
  for (const { id, dependsOn } of tasks) {
    for (const upstream of dependsOn) graph.setEdge(upstream, id, { weight: dependsOn.length === 1 ? 2 : 1 });
  }
  layout(graph);
  const found = tasks.map(({ id }) => [id, corner(graph.node(id), node)] as const);
  const positions = inFileOrder(found, isVertical ? "x" : "y");
  return { positions, style, ...extentOf([...positions.values()], node) };
};

/** Mirrors the layout if most ranks are in the reverse order of the job file. */
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

/** Converts the center of a node, which dagre returns, to its corner. */
const corner = ({ x = 0, y = 0 }: { readonly x?: number; readonly y?: number }, node: Size): Point => ({
  x: x - node.width / 2,
  y: y - node.height / 2,
});
