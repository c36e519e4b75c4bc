import type { RunId, TaskId } from "../ids.ts";

/** A file that petit keeps of the newest attempt of a task or item. */
export type Artifact = {
  readonly runId: RunId;
  readonly taskId: TaskId;
  /** Position of the item, from 0; null in a task without items. */
  readonly item: number | null;
  readonly itemKey: string | null;
  /** Number of the attempt that left it. */
  readonly attempt: number;
  /** `TASK/[ITEM/]path`, unique in its run. It is also the path below the folder of the run. */
  readonly path: string;
  readonly sizeBytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** When it was stored, in ms since the Unix epoch. */
  readonly createdAt: number;
};
