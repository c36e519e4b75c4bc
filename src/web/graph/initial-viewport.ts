import type { GraphTask } from "./graph-task.ts";
import type { Layout } from "./layout.ts";
import { type GraphBox, MARGIN, MIN_ZOOM, type Point, READABLE_ZOOM, type Size } from "./plan.ts";

/** How a graph is moved and scaled, in CSS px. */
type Viewport = { readonly x: number; readonly y: number; readonly zoom: number };

/** All of a graph, in the middle. */
export const wholeViewport = ({ width, height, zoom }: Layout, room: Size): Viewport => ({
  x: (room.width - width * zoom) / 2,
  y: (room.height - height * zoom) / 2,
  zoom,
});

/** All of it where that can be read; else what one would look for first, large enough. */
export const initialViewport = (tasks: readonly GraphTask[], layout: Layout, box: GraphBox, room: Size): Viewport => {
  if (layout.zoom >= MIN_ZOOM * box.maxZoom) return wholeViewport(layout, room);
  const point = layout.positions.get(taskToShow(tasks)?.id ?? "") ?? { x: 0, y: 0 };
  return around(point, layout, READABLE_ZOOM * box.maxZoom, room);
};

const STATUS_ORDER = ["failed", "running"] as const;

const taskToShow = (tasks: readonly GraphTask[]): GraphTask | undefined =>
  STATUS_ORDER.map((status) => tasks.find(({ progress }) => progress?.status === status)).find(
    (task) => task !== undefined,
  ) ?? tasks[0];

/** With a node in the middle, but no more beyond the edge of the graph than its margin. */
const around = ({ x, y }: Point, { width, height, style: { node } }: Layout, zoom: number, room: Size): Viewport => ({
  zoom,
  x: within(room.width / 2 - (x + node.width / 2) * zoom, room.width - width * zoom),
  y: within(room.height / 2 - (y + node.height / 2) * zoom, room.height - height * zoom),
});

/** Between where the end of the graph and where its start is at the edge; in the middle of what is left where it fits. */
const within = (offset: number, left: number): number =>
  left >= 2 * MARGIN ? left / 2 : Math.min(MARGIN, Math.max(left - MARGIN, offset));
