/** What a graph is laid out in, in CSS px. */
export type GraphBox = {
  readonly width: number;
  /** It takes less where it can. */
  readonly maxHeight: number;
  /** Scale above which nothing is drawn. */
  readonly maxZoom: number;
};

export type Point = { readonly x: number; readonly y: number };

export type Size = { readonly width: number; readonly height: number };

/** Where the nodes of a graph go, in its own units; the first stand at 0. */
export type Plan = Size & {
  readonly positions: ReadonlyMap<string, Point>;
  readonly style: GraphStyle;
};

/** What a graph is drawn with. */
export type GraphStyle = {
  /** Of each node. */
  readonly node: Size;
  /** Between ranks. */
  readonly gap: number;
  readonly isVertical: boolean;
};

/** Between nodes of a rank, and between the parts of a rank that was split. */
export const GAP = { across: 18, part: 14 } as const;

/** Around a graph, in CSS px. */
export const MARGIN = 16;

/** Below this hardly anybody reads a name: a graph that is folded aims at it. */
export const READABLE_ZOOM = 0.55;
/** Below this nobody does: then it is drawn larger than its box, and moved about in it. */
export const MIN_ZOOM = 0.48;

/** Scale at which so much fits a box. */
export const zoomOf = ({ width, height }: Size, box: GraphBox): number =>
  Math.min(box.maxZoom, (box.width - 2 * MARGIN) / width, (box.maxHeight - 2 * MARGIN) / height);

/** Whether names can be read at that scale. */
export const isReadable = (zoom: number, box: GraphBox): boolean =>
  zoom >= Math.min(READABLE_ZOOM * box.maxZoom, box.maxZoom);

export const extentOf = (places: readonly Point[], node: Size): Size => ({
  width: Math.max(0, ...places.map(({ x }) => x)) + node.width,
  height: Math.max(0, ...places.map(({ y }) => y)) + node.height,
});
