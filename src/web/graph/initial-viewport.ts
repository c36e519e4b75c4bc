import type { GraphTask } from "./graph-task.ts";
import type { Layout } from "./layout.ts";
import { type GraphBox, MARGIN, MIN_ZOOM, type Point, READABLE_ZOOM, type Size } from "./plan.ts";

/** Offset of a graph in CSS px, and its scale. */
type Viewport = { readonly x: number; readonly y: number; readonly zoom: number };

/** Returns a viewport with the whole graph in the center. */
export const wholeViewport = ({ width, height, zoom }: Layout, room: Size): Viewport => ({
  x: (room.width - width * zoom) / 2,
  y: (room.height - height * zoom) / 2,
  zoom,
});

/** Returns a viewport with the whole graph if it is readable, else with the most interesting task at a readable size. */
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

/** Centers a node, but shows no more than the margin beyond the edge of the graph. */
const around = ({ x, y }: Point, { width, height, style: { node } }: Layout, zoom: number, room: Size): Viewport => ({
  zoom,
  x: within(room.width / 2 - (x + node.width / 2) * zoom, room.width - width * zoom),
  y: within(room.height / 2 - (y + node.height / 2) * zoom, room.height - height * zoom),
});

/** Limits an offset so that the graph fills the room; centers a graph that fits. */
const within = (offset: number, spare: number): number =>
  spare >= 2 * MARGIN ? spare / 2 : Math.min(MARGIN, Math.max(spare - MARGIN, offset));
