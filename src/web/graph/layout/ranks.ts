import { type GraphBox, type Size, zoomOf } from "./sizes.ts";

/** A node to place: a task, or a group of tasks. */
export type LayoutNode = { readonly id: string; readonly dependsOn: readonly string[] };

/** Returns the rank of each node: 0 without dependencies, else one more than its deepest dependency. */
export const ranksOf = (nodes: readonly LayoutNode[]): ReadonlyMap<string, number> => {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const ranks = new Map<string, number>();
  const visit = (id: string): number => {
    const known = ranks.get(id);
    if (known !== undefined) return known;
    const rank = Math.max(-1, ...(byId.get(id)?.dependsOn ?? []).map(visit)) + 1;
    ranks.set(id, rank);
    return rank;
  };
  for (const { id } of nodes) visit(id);
  return ranks;
};

type DirectionOptions = {
  readonly node: Size;
  readonly box: GraphBox;
  readonly gap: { readonly rank: number; readonly node: number };
};

/** Returns true if a graph that runs downwards probably fits the box better than one that runs from left to right. */
export const isBetterVertical = (nodes: readonly LayoutNode[], { node, box, gap }: DirectionOptions): boolean => {
  const ranks = ranksOf(nodes);
  const sizes = new Array<number>(1 + Math.max(0, ...ranks.values())).fill(0);
  for (const { id, dependsOn } of nodes) {
    const rank = ranks.get(id) ?? 0;
    sizes[rank] = (sizes[rank] ?? 0) + 1;
    // An edge takes some room in each rank that it crosses.
    for (const upstream of dependsOn) {
      for (let crossed = (ranks.get(upstream) ?? 0) + 1; crossed < rank; crossed++) {
        sizes[crossed] = (sizes[crossed] ?? 0) + EDGE_SHARE;
      }
    }
  }
  const [length, breadth] = [sizes.length, Math.max(...sizes)];
  const vertical = { width: breadth * (node.width + gap.node), height: length * (node.height + gap.rank) };
  const horizontal = { width: length * (node.width + gap.rank), height: breadth * (node.height + gap.node) };
  return zoomOf(vertical, box) > zoomOf(horizontal, box);
};

/** Room of an edge in a rank that it crosses, in nodes. */
const EDGE_SHARE = 0.2;
