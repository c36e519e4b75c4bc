import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Layout, layOut } from "../../../src/web/graph/layout/layout.ts";
import type { LayoutNode } from "../../../src/web/graph/layout/ranks.ts";

const NODE = { width: 140, height: 48 };
const BOXES = {
  wide: { width: 1200, height: 500, maxZoom: 1 },
  tall: { width: 340, height: 700, maxZoom: 1 },
} as const;

/** A graph without cycles: each node depends on earlier ones. */
const graphs = fc
  .integer({ min: 1, max: 30 })
  .chain((count) =>
    fc.tuple(
      ...Array.from({ length: count }, (_, index) =>
        fc
          .uniqueArray(fc.nat({ max: Math.max(0, index - 1) }), { maxLength: index === 0 ? 0 : 4 })
          .map((upstreams): LayoutNode => ({ id: `n${index}`, dependsOn: upstreams.map((each) => `n${each}`) })),
      ),
    ),
  );

type Spot = { readonly x: number; readonly y: number };

/** Returns points on the path of an edge, which consists of `M`, `L` and `C`. */
const pointsOf = (path: string): readonly Spot[] => {
  const points: Spot[] = [];
  let at: Spot = { x: 0, y: 0 };
  for (const [, command, text = ""] of path.matchAll(/([MLC])([^MLC]*)/g)) {
    const numbers = text.trim().split(/\s+/).map(Number);
    const spot = (index: number): Spot => ({ x: numbers[2 * index] ?? 0, y: numbers[2 * index + 1] ?? 0 });
    const curve = command === "C" ? [at, spot(0), spot(1), spot(2)] : [at, at, spot(0), spot(0)];
    if (command !== "M") for (let step = 0; step <= 40; step++) points.push(bezier(curve, step / 40));
    at = spot(numbers.length / 2 - 1);
  }
  return points;
};

const bezier = (spots: readonly Spot[], t: number): Spot => {
  const weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t ** 2 * (1 - t), t ** 3];
  const sum = (axis: "x" | "y") => spots.reduce((total, spot, index) => total + spot[axis] * (weights[index] ?? 0), 0);
  return { x: sum("x"), y: sum("y") };
};

const isInside = ({ x, y }: Spot, corner: Spot): boolean =>
  x > corner.x + 0.5 && x < corner.x + NODE.width - 0.5 && y > corner.y + 0.5 && y < corner.y + NODE.height - 0.5;

/** Returns `edge × node` for each node that an edge crosses. */
const crossings = ({ edges, positions }: Layout): readonly string[] =>
  edges.flatMap(({ source, target, path }) => {
    const points = pointsOf(path);
    return [...positions]
      .filter(([, corner]) => points.some((point) => isInside(point, corner)))
      .map(([id]) => `${source} → ${target} × ${id}`);
  });

const overlaps = ({ positions }: Layout): readonly string[] => {
  const all = [...positions];
  return all.flatMap(([id, a], index) =>
    all
      .slice(index + 1)
      .filter(([, b]) => Math.abs(a.x - b.x) < NODE.width && Math.abs(a.y - b.y) < NODE.height)
      .map(([other]) => `${id} over ${other}`),
  );
};

describe("the layout of a graph", () => {
  test.each(["wide", "tall"] as const)("draws no edge over a node and no node over another, in a %s box", (name) => {
    fc.assert(
      fc.property(graphs, (nodes) => {
        const layout = layOut(nodes, { node: NODE, box: BOXES[name] });
        expect(layout.edges).toHaveLength(nodes.reduce((sum, { dependsOn }) => sum + dependsOn.length, 0));
        expect(crossings(layout)).toEqual([]);
        expect(overlaps(layout)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test("places each node after its dependencies, in the direction of the graph", () => {
    const nodes = [
      { id: "a", dependsOn: [] },
      { id: "b", dependsOn: ["a"] },
      { id: "c", dependsOn: ["a", "b"] },
    ];
    const wide = layOut(nodes, { node: NODE, box: BOXES.wide });
    const tall = layOut(nodes, { node: NODE, box: BOXES.tall });
    expect([wide.isVertical, tall.isVertical]).toEqual([false, true]);
    const [a, b, c] = ["a", "b", "c"].map((id) => tall.positions.get(id)?.y ?? 0);
    expect([a, b, c].toSorted((one, other) => (one ?? 0) - (other ?? 0))).toEqual([a, b, c]);
  });

  test("stays within its extent and starts at 0", () => {
    const nodes = ["a", "b", "c", "d"].map((id, index) => ({ id, dependsOn: index === 0 ? [] : ["a"] }));
    const { positions, width, height } = layOut(nodes, { node: NODE, box: BOXES.wide });
    const spots = [...positions.values()];
    expect(Math.min(...spots.map(({ x }) => x))).toBe(0);
    expect(Math.min(...spots.map(({ y }) => y))).toBeCloseTo(0);
    expect(Math.max(...spots.map(({ x }) => x + NODE.width))).toBeLessThanOrEqual(width + 0.1);
    expect(Math.max(...spots.map(({ y }) => y + NODE.height))).toBeLessThanOrEqual(height + 0.1);
  });

  test("keeps the order of the job file within a rank", () => {
    const ids = ["c", "a", "b", "d"];
    const { positions } = layOut([{ id: "start", dependsOn: [] }, ...ids.map((id) => ({ id, dependsOn: ["start"] }))], {
      node: NODE,
      box: BOXES.wide,
    });
    const across = ids.map((id) => positions.get(id)?.y ?? 0);
    expect(across.toSorted((a, b) => a - b)).toEqual(across);
  });
});
