import type { GraphTask } from "./graph-task.ts";
import type { DrawnNode } from "./groups.ts";
import { groupName } from "./groups.ts";
import type { Size } from "./layout/sizes.ts";

const HEIGHT = 44;
const WIDTH = { min: 136, max: 200 } as const;
/** Approximate width of a character of the name, and of the icon and the padding, in px before scaling. */
const CHARACTER = 7.4;
const REST = 42;

/** Returns the size of all nodes: as wide as the longest name needs, within bounds. */
export const nodeSize = (nodes: readonly DrawnNode[], boxWidth: number): Size => {
  const longest = Math.max(0, ...nodes.map(({ tasks }) => nameOf(tasks).length));
  const width = Math.min(WIDTH.max, Math.max(WIDTH.min, Math.ceil(longest * CHARACTER) + REST));
  // Two nodes fit beside each other on a phone.
  return { width: Math.min(width, Math.max(WIDTH.min, Math.floor(boxWidth / 2) - 20)), height: HEIGHT };
};

const nameOf = (tasks: readonly GraphTask[]): string =>
  tasks.length === 1 ? (tasks[0]?.name ?? "") : groupName(tasks);
