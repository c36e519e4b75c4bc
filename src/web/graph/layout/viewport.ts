import type { AnyStatus } from "../../ui/status/status.tsx";
import type { DrawnNode } from "../groups.ts";
import type { Layout } from "./layout.ts";
import { type GraphBox, MARGIN, type Point, readableZoom, type Size } from "./sizes.ts";

/** Offset of a graph in CSS px, and its scale. */
export type Viewport = { readonly x: number; readonly y: number; readonly zoom: number };

/** Returns a viewport with the whole graph in the center. */
export const wholeViewport = ({ width, height, zoom }: Layout, room: Size): Viewport => ({
  x: (room.width - width * zoom) / 2,
  y: (room.height - height * zoom) / 2,
  zoom,
});

type InitialOptions = {
  readonly nodes: readonly DrawnNode[];
  readonly layout: Layout;
  readonly node: Size;
  readonly box: GraphBox;
  readonly room: Size;
  /** Id of the selected task. */
  readonly selected: string | null;
};

/** Returns a viewport with the whole graph if it is readable, else with the most interesting node at a readable size. */
export const initialViewport = ({ nodes, layout, node, box, room, selected }: InitialOptions): Viewport => {
  const zoom = readableZoom(nodes.length, box);
  if (layout.zoom >= zoom) return wholeViewport(layout, room);
  const point = layout.positions.get(nodeToShow(nodes, selected)?.id ?? "") ?? { x: 0, y: 0 };
  return around(point, { layout, node, zoom, room });
};

const STATUS_ORDER: readonly AnyStatus[] = ["failed", "running"];

const nodeToShow = (nodes: readonly DrawnNode[], selected: string | null): DrawnNode | undefined =>
  nodes.find(({ tasks }) => tasks.some(({ id }) => id === selected)) ??
  STATUS_ORDER.map((status) =>
    nodes.find(({ tasks }) => tasks.some(({ progress }) => progress?.status === status)),
  ).find((found) => found !== undefined) ??
  nodes[0];

type AroundOptions = { readonly layout: Layout; readonly node: Size; readonly zoom: number; readonly room: Size };

/** Centers a node, but shows no more than the margin beyond the edge of the graph. */
export const around = ({ x, y }: Point, { layout: { width, height }, node, zoom, room }: AroundOptions): Viewport => ({
  zoom,
  x: within(room.width / 2 - (x + node.width / 2) * zoom, room.width - width * zoom),
  y: within(room.height / 2 - (y + node.height / 2) * zoom, room.height - height * zoom),
});

/** Limits an offset so that the graph fills the room; centers a graph that fits. */
const within = (offset: number, spare: number): number =>
  spare >= 2 * MARGIN ? spare / 2 : Math.min(MARGIN, Math.max(spare - MARGIN, offset));
