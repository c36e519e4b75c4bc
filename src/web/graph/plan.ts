/** What a graph is laid out in, in CSS px. */
export type Box = {
  readonly width: number;
  /** It takes less where it can. */
  readonly maxHeight: number;
  /** Scale above which nothing is drawn. */
  readonly maxZoom: number;
};

export type Place = { readonly x: number; readonly y: number };

export type Size = { readonly width: number; readonly height: number };

/** Where the nodes of a graph go, in its own units; the first stand at 0. */
export type Plan = Size & {
  readonly places: ReadonlyMap<string, Place>;
  /** Of each node. */
  readonly node: Size;
  readonly isVertical: boolean;
};

/** Between ranks, nodes of a rank, and the parts of a rank that was split. */
export const GAP = { along: 68, across: 18, part: 14 } as const;
/** Around a graph, in CSS px. */
export const MARGIN = 16;

/** Below this nobody reads a name: then it is drawn larger than its box, and moved about in it. */
export const READABLE_ZOOM = 0.58;

/** Scale at which so much fits a box. */
export const zoomOf = ({ width, height }: Size, box: Box): number =>
  Math.min(box.maxZoom, (box.width - 2 * MARGIN) / width, (box.maxHeight - 2 * MARGIN) / height);

/** Whether names can be read at that scale. */
export const isReadable = (zoom: number, box: Box): boolean =>
  zoom >= Math.min(READABLE_ZOOM * box.maxZoom, box.maxZoom);

export const extentOf = (places: readonly Place[], node: Size): Size => ({
  width: Math.max(0, ...places.map(({ x }) => x)) + node.width,
  height: Math.max(0, ...places.map(({ y }) => y)) + node.height,
});
