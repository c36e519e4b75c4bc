import { extentOf, GAP, type GraphBox, type GraphStyle, isReadable, type Plan, type Point, zoomOf } from "./plan.ts";

/** Task ids of each rank, in order. */
export type Ranks = readonly (readonly string[])[];

/** A rank, or a part of a rank that was split. */
type RankPart = { readonly ids: readonly string[]; readonly isPart: boolean };

type FoldOptions = { readonly box: GraphBox; readonly style: GraphStyle };

/** Returns the ranks of a plan, computed from the positions of its nodes. */
export const ranksOf = ({ positions, style: { isVertical } }: Plan): Ranks => {
  const along = isVertical ? "y" : "x";
  const across = isVertical ? "x" : "y";
  const byRank = Map.groupBy(positions, ([, point]) => point[along]);
  return [...byRank]
    .sort(([a], [b]) => a - b)
    .map(([, entries]) =>
      entries.length > SORT_LIMIT ? entries : entries.sort(([, a], [, b]) => a[across] - b[across]),
    )
    .map((entries) => entries.map(([id]) => id));
};

/** A rank with more tasks keeps the order of the job file, even if edges cross. */
const SORT_LIMIT = 12;

/** Folds the ranks into bands below each other at the largest zoom. Splits ranks only as far as needed to make names readable. */
export const fold = (columns: Ranks, options: FoldOptions): Plan => {
  const { box } = options;
  const longest = Math.max(...columns.map((column) => column.length));
  const plans: Plan[] = [];
  for (let rows = longest; rows >= 1; rows--) {
    const plan = bestOf(splitRanks(columns, rows), options);
    if (isReadable(zoomOf(plan, box), box)) return plan;
    plans.push(plan);
  }
  return largest(plans, box);
};

const bestOf = (columns: readonly RankPart[], options: FoldOptions): Plan => {
  const lengths = new Set(countTo(columns.length).map((bands) => Math.ceil(columns.length / bands)));
  const plans = [...lengths].map((perBand) => planOf(chunksOf(columns, perBand), options));
  return largest(plans, options.box);
};

const largest = (plans: readonly Plan[], box: GraphBox): Plan =>
  plans.reduce((best, plan) => (zoomOf(plan, box) > zoomOf(best, box) ? plan : best));

/** Gap between bands, in nodes. */
const BAND_GAP = 0.5;

const planOf = (bands: readonly (readonly RankPart[])[], { style }: FoldOptions): Plan => {
  const { node, gap, isVertical } = style;
  const positions = new Map<string, Point>();
  const step = (isVertical ? node.width : node.height) + GAP.across;
  let start = 0;
  for (const band of bands) {
    const depth = Math.max(...band.map(({ ids }) => ids.length));
    const offsets = offsetsOf(band, isVertical ? node.height : node.width, gap);
    for (const [index, { ids }] of band.entries()) {
      for (const [row, id] of ids.entries()) {
        const across = (start + (depth - ids.length) / 2 + row) * step;
        const along = offsets[index] ?? 0;
        positions.set(id, isVertical ? { x: across, y: along } : { x: along, y: across });
      }
    }
    start += depth + BAND_GAP;
  }
  return { positions, style, ...extentOf([...positions.values()], node) };
};

const offsetsOf = (band: readonly RankPart[], length: number, gap: number): readonly number[] => {
  let at = 0;
  return band.map(({ isPart }, index) => {
    if (index > 0) at += length + (isPart ? GAP.part : gap);
    return at;
  });
};

const splitRanks = (columns: Ranks, rows: number): readonly RankPart[] =>
  columns.flatMap((column) => {
    const size = Math.ceil(column.length / Math.ceil(column.length / rows));
    return chunksOf(column, size).map((ids, index) => ({ ids, isPart: index > 0 }));
  });

const countTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

const chunksOf = <T>(values: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(values.length / size) }, (_, index) => values.slice(index * size, (index + 1) * size));
