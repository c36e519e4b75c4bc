/** The space for a graph, in CSS px. */
export type GraphBox = {
  readonly width: number;
  /** The graph is lower if it can be. */
  readonly maxHeight: number;
  /** Maximum scale. */
  readonly maxZoom: number;
};

export type Point = { readonly x: number; readonly y: number };

export type Size = { readonly width: number; readonly height: number };

/** Positions of the nodes of a graph, from 0, before scaling. */
export type Plan = Size & {
  readonly positions: ReadonlyMap<string, Point>;
  readonly style: GraphStyle;
};

/** Sizes and direction of a graph. */
export type GraphStyle = {
  /** Size of each node. */
  readonly node: Size;
  /** Gap between ranks. */
  readonly gap: number;
  readonly isVertical: boolean;
};

/** Gap between nodes of a rank, and between the parts of a split rank. */
export const GAP = { across: 18, part: 14 } as const;

/** Margin around a graph, in CSS px. */
export const MARGIN = 16;

/** Zoom at which names are readable; folding tries to reach it. */
export const READABLE_ZOOM = 0.55;
/** Below this zoom, names are unreadable: the graph is drawn larger than its box, and the user moves it. */
export const MIN_ZOOM = 0.48;

/** Returns the scale at which a graph of this size fits the box. */
export const zoomOf = ({ width, height }: Size, box: GraphBox): number =>
  Math.min(box.maxZoom, (box.width - 2 * MARGIN) / width, (box.maxHeight - 2 * MARGIN) / height);

/** Returns true if names are readable at this scale. */
export const isReadable = (zoom: number, box: GraphBox): boolean =>
  zoom >= Math.min(READABLE_ZOOM * box.maxZoom, box.maxZoom);

/** Returns the size of a graph with nodes at these positions. */
export const extentOf = (places: readonly Point[], node: Size): Size => ({
  width: Math.max(0, ...places.map(({ x }) => x)) + node.width,
  height: Math.max(0, ...places.map(({ y }) => y)) + node.height,
});
