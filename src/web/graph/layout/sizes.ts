/** The space for a graph, in CSS px. */
export type GraphBox = {
  readonly width: number;
  readonly height: number;
  /** Maximum scale. */
  readonly maxZoom: number;
};

export type Size = { readonly width: number; readonly height: number };

export type Point = { readonly x: number; readonly y: number };

/** Margin around a graph, in CSS px. */
export const MARGIN = 12;

/** The smallest font of a node is 12 px; at this scale it is 11 px. */
const LABEL_ZOOM = 11 / 12;
/** A graph with more nodes may be smaller, so that more of it is visible. */
const LARGE_ZOOM = 0.72;
const LARGE_COUNT = 16;

/** Returns the minimum scale of the first view. Below it, the view shows a part of the graph instead. */
export const readableZoom = (count: number, { maxZoom }: GraphBox): number =>
  (count > LARGE_COUNT ? LARGE_ZOOM : LABEL_ZOOM) * maxZoom;

/** Returns the scale at which a graph of this size fits the box. */
export const zoomOf = ({ width, height }: Size, box: GraphBox): number =>
  Math.min(box.maxZoom, (box.width - 2 * MARGIN) / width, (box.height - 2 * MARGIN) / height);
