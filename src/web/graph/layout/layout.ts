import { Graph, layout } from "@dagrejs/dagre";
import { isBetterVertical, type LayoutNode } from "./ranks.ts";
import { edgesOf, gapsOf, type Lane, type RankedEdge, type RankedPlan, type RoutedEdge } from "./routes.ts";
import { type GraphBox, type Point, type Size, zoomOf } from "./sizes.ts";

/** Positions of the corners of the nodes, from 0, before scaling, and the paths of the edges. */
export type Layout = Size & {
  readonly positions: ReadonlyMap<string, Point>;
  readonly edges: readonly RoutedEdge[];
  /** True if the graph runs downwards, false if it runs from left to right. */
  readonly isVertical: boolean;
  /** Scale at which the whole graph fits the box. */
  readonly zoom: number;
};

type LayoutOptions = {
  /** Size of each node. */
  readonly node: Size;
  readonly box: GraphBox;
};

/**
 * Places nodes in ranks: each node is after all its dependencies. Edges run between ranks, and cross a rank only between its
 * nodes. The graph runs in the direction that fits the box better.
 */
export const layOut = (nodes: readonly LayoutNode[], { node, box }: LayoutOptions): Layout => {
  performance.mark("graph.layout");
  const isVertical = isBetterVertical(nodes, { node, box, gap: { rank: RANK_SEP, node: NODE_GAP.vertical } });
  const lane: Lane = isVertical
    ? { across: node.width, along: node.height }
    : { across: node.height, along: node.width };
  const plan = ranked(nodes, lane, isVertical);
  const starts = gapsOf(plan, lane);
  const positions = new Map(
    [...plan.nodes].map(([id, { rank, at }]) => {
      const [along, across] = [starts[rank] ?? 0, at - lane.across / 2];
      return [id, isVertical ? { x: across, y: along } : { x: along, y: across }] as const;
    }),
  );
  const length = (starts.at(-1) ?? 0) + lane.along;
  const size = isVertical ? { width: plan.breadth, height: length } : { width: length, height: plan.breadth };
  return {
    positions,
    edges: edgesOf(plan, { lane, starts, isVertical }),
    isVertical,
    ...size,
    zoom: zoomOf(size, box),
  };
};

/** Gaps between nodes of a rank, and between an edge and its neighbours in a rank that it crosses. */
const NODE_GAP = { vertical: 16, horizontal: 14 } as const;
const EDGE_GAP = 12;
/** Gap between ranks for dagre. The final gaps depend on the edges. */
const RANK_SEP = 40;

/** Assigns ranks and an order in each rank, with dagre. */
const ranked = (nodes: readonly LayoutNode[], { across }: Lane, isVertical: boolean): RankedPlan => {
  const graph = new Graph();
  const nodesep = isVertical ? NODE_GAP.vertical : NODE_GAP.horizontal;
  graph.setGraph({ rankdir: "TB", nodesep, edgesep: EDGE_GAP, ranksep: RANK_SEP });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of nodes) graph.setNode(id, { width: across, height: 10 });
  // A higher weight puts a task with one dependency beside that dependency.
  for (const { id, dependsOn } of nodes) {
    for (const upstream of dependsOn) graph.setEdge(upstream, id, { weight: dependsOn.length === 1 ? 2 : 1 });
  }
  layout(graph);
  const centers = nodes.map(({ id }) => ({ id, ...pointOf(graph.node(id)) }));
  const levels = [...new Set(centers.map(({ y }) => Math.round(y)))].sort((a, b) => a - b);
  const rankOf = new Map(levels.map((level, rank) => [level, rank]));
  const places = new Map(centers.map(({ id, x, y }) => [id, { rank: rankOf.get(Math.round(y)) ?? 0, at: x }]));
  const edges = nodes.flatMap(({ id, dependsOn }) =>
    dependsOn.map((source): RankedEdge => {
      const inner: readonly Point[] = (graph.edge(source, id).points ?? []).slice(1, -1);
      // dagre also returns points between two ranks.
      const via = inner.flatMap(({ x, y }) => {
        const rank = rankOf.get(Math.round(y));
        return rank === undefined ? [] : [{ rank, at: x }];
      });
      return { source, target: id, via };
    }),
  );
  return straightened({ nodes: places, edges, breadth: 0 }, across);
};

const pointOf = ({ x = 0, y = 0 }: { readonly x?: number; readonly y?: number }): Point => ({ x, y });

/** Moves the plan to 0, and mirrors it if most ranks are in the reverse order of the job file. */
const straightened = ({ nodes, edges }: RankedPlan, across: number): RankedPlan => {
  const ranks = Map.groupBy(nodes.values(), ({ rank }) => rank).values();
  const order = [...ranks].reduce((sum, rank) => sum + Math.sign((rank.at(-1)?.at ?? 0) - (rank[0]?.at ?? 0)), 0);
  const all = [
    ...[...nodes.values()].flatMap(({ at }) => [at - across / 2, at + across / 2]),
    ...edges.flatMap(({ via }) => via.map(({ at }) => at)),
  ];
  const [from, to] = [Math.min(...all), Math.max(...all)];
  const moved = <Place extends { readonly at: number }>(place: Place): Place => ({
    ...place,
    at: order < 0 ? to - place.at : place.at - from,
  });
  return {
    nodes: new Map([...nodes].map(([id, place]) => [id, moved(place)])),
    edges: edges.map((edge) => ({ ...edge, via: edge.via.map(moved) })),
    breadth: Math.max(0, to - from),
  };
};
