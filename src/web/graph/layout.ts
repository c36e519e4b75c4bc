import { Graph, layout } from "@dagrejs/dagre";
import { columnsOf, fold } from "./fold.ts";
import type { GraphTask } from "./graph-task.ts";
import { type Box, extentOf, GAP, isReadable, type Place, type Plan, type Size, zoomOf } from "./plan.ts";

export type Layout = Plan & {
  /** Scale at which all of it fits the box. */
  readonly zoom: number;
};

/** Boxes that are narrower have the graph run downwards, with nodes as wide as a name of two lines. */
const NARROW = 640;
const WIDE_NODE: Size = { width: 196, height: 58 };
const NARROW_NODE: Size = { width: 128, height: 72 };

/**
 * Where each task of a graph goes. As dagre has it where that can be read; a chain or a rank too long for the box is
 * folded into bands, as text is into lines.
 */
export const layOut = (tasks: readonly GraphTask[], box: Box): Layout => {
  performance.mark("graph.layout");
  const natural = planByDagre(tasks, box.width < NARROW);
  const zoom = zoomOf(natural, box);
  if (isReadable(zoom, box)) return { ...natural, zoom };
  const folded = fold(columnsOf(natural), { box, node: natural.node, isVertical: natural.isVertical });
  const foldedZoom = zoomOf(folded, box);
  return foldedZoom > zoom ? { ...folded, zoom: foldedZoom } : { ...natural, zoom };
};

const planByDagre = (tasks: readonly GraphTask[], isVertical: boolean): Plan => {
  const node = isVertical ? NARROW_NODE : WIDE_NODE;
  const graph = new Graph();
  const ranksep = isVertical ? GAP.along / 2 : GAP.along;
  graph.setGraph({ rankdir: isVertical ? "TB" : "LR", nodesep: isVertical ? GAP.part : GAP.across, ranksep });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of tasks) graph.setNode(id, { ...node });
  // A task that waits for one other stands beside it, not beside what comes after.
  for (const { id, dependsOn } of tasks) {
    for (const upstream of dependsOn) graph.setEdge(upstream, id, { weight: dependsOn.length === 1 ? 2 : 1 });
  }
  layout(graph);
  const places = new Map(tasks.map(({ id }) => [id, corner(graph.node(id), node)]));
  return { places, node, isVertical, ...extentOf([...places.values()], node) };
};

/** dagre gives the middle of a node. */
const corner = ({ x = 0, y = 0 }: { readonly x?: number; readonly y?: number }, node: Size): Place => ({
  x: x - node.width / 2,
  y: y - node.height / 2,
});
