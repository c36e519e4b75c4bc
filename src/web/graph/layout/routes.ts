/** Extent of a node across its rank, and along the direction of the graph. */
export type Lane = { readonly across: number; readonly along: number };

/** A place in a rank: the center of a node, or the point where an edge crosses the rank. */
type RankPlace = { readonly rank: number; readonly at: number };

/** An edge, and where it crosses the ranks between its ends. */
export type RankedEdge = { readonly source: string; readonly target: string; readonly via: readonly RankPlace[] };

/** Nodes and edges by rank, without their position along the graph. */
export type RankedPlan = {
  readonly nodes: ReadonlyMap<string, RankPlace>;
  readonly edges: readonly RankedEdge[];
  /** Extent across the ranks. */
  readonly breadth: number;
};

/** An edge with its path, as the `d` of an SVG path. */
export type RoutedEdge = { readonly source: string; readonly target: string; readonly path: string };

type RouteOptions = {
  readonly lane: Lane;
  /** Where each rank starts along the graph. */
  readonly starts: readonly number[];
  readonly isVertical: boolean;
};

/** Minimum and maximum gap between ranks: edges that run far across get more room, so that they stay apart. */
const RANK_GAP = { min: 30, max: 120, perPx: 0.1 } as const;

/** Returns where each rank starts along the graph. */
export const gapsOf = ({ nodes, edges }: RankedPlan, { along }: Lane): readonly number[] => {
  const count = 1 + Math.max(0, ...[...nodes.values()].map(({ rank }) => rank));
  const widest = new Array<number>(count).fill(0);
  for (const { source, target, via } of edges) {
    const stops = [nodes.get(source), ...via, nodes.get(target)].filter((stop) => stop !== undefined);
    for (const [index, { rank, at }] of stops.entries()) {
      const next = stops[index + 1];
      if (next !== undefined) widest[rank] = Math.max(widest[rank] ?? 0, Math.abs(next.at - at));
    }
  }
  let start = 0;
  return widest.map((_, rank) => {
    const before = widest[rank - 1];
    if (before !== undefined) start += along + Math.min(RANK_GAP.max, RANK_GAP.min + before * RANK_GAP.perPx);
    return start;
  });
};

/** Returns the paths of all edges. Between two ranks an edge is a curve; within a rank it is straight, between the nodes. */
export const edgesOf = (plan: RankedPlan, options: RouteOptions): readonly RoutedEdge[] => {
  const { nodes, edges } = plan;
  const { lane } = options;
  const outgoing = portsOf(edges, { nodes, lane, end: "source" });
  const incoming = portsOf(edges, { nodes, lane, end: "target" });
  return edges.flatMap((edge) => {
    const [from, to] = [nodes.get(edge.source), nodes.get(edge.target)];
    if (from === undefined || to === undefined) return [];
    const stops = [
      { rank: from.rank, at: from.at + (outgoing.get(edge) ?? 0) },
      ...edge.via,
      { rank: to.rank, at: to.at + (incoming.get(edge) ?? 0) },
    ];
    return [{ source: edge.source, target: edge.target, path: pathOf(stops, options) }];
  });
};

/** Room of an arrow before its node. */
const ARROW = 3;

const pathOf = (stops: readonly RankPlace[], { lane, starts, isVertical }: RouteOptions): string => {
  const text = (along: number, across: number): string => {
    const [a, c] = [Math.round(along * 10) / 10, Math.round(across * 10) / 10];
    return isVertical ? `${c} ${a}` : `${a} ${c}`;
  };
  const parts = stops.slice(0, -1).map((stop, index) => {
    const next = stops[index + 1] ?? stop;
    const isLast = index === stops.length - 2;
    const from = (starts[stop.rank] ?? 0) + lane.along;
    const to = (starts[next.rank] ?? 0) - (isLast ? ARROW : 0);
    const middle = (from + to) / 2;
    const begin = index === 0 ? `M${text(from, stop.at)}` : `L${text(from, stop.at)}`;
    return `${begin}C${text(middle, stop.at)} ${text(middle, next.at)} ${text(to, next.at)}`;
  });
  return parts.join("");
};

/** Largest share of the side of a node that its edges take, and the largest distance between two of them. */
const PORT_SHARE = 0.6;
const PORT_GAP = 9;

type PortOptions = {
  readonly nodes: ReadonlyMap<string, RankPlace>;
  readonly lane: Lane;
  readonly end: "source" | "target";
};

/** Returns the offset of each edge from the center of its node: edges of a node are apart, in the order of their other ends. */
const portsOf = (edges: readonly RankedEdge[], { nodes, lane, end }: PortOptions): ReadonlyMap<RankedEdge, number> => {
  const nextAt = ({ via, source, target }: RankedEdge): number =>
    (end === "source" ? (via[0] ?? nodes.get(target)) : (via.at(-1) ?? nodes.get(source)))?.at ?? 0;
  const ports = new Map<RankedEdge, number>();
  for (const ofNode of Map.groupBy(edges, (edge) => edge[end]).values()) {
    const step = Math.min(PORT_GAP, (lane.across * PORT_SHARE) / Math.max(1, ofNode.length - 1));
    const sorted = ofNode.toSorted((a, b) => nextAt(a) - nextAt(b));
    for (const [index, edge] of sorted.entries()) ports.set(edge, (index - (sorted.length - 1) / 2) * step);
  }
  return ports;
};
