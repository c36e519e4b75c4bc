import { createHash } from "node:crypto";
import type { RunId, TaskId } from "../../domain/ids.ts";

/** A run, one of its tasks, an item of that, or an attempt of either. */
export type TracedPart = {
  readonly runId: RunId;
  readonly taskId?: TaskId;
  /** Position of the item, from 0. Missing or null in a task without items. */
  readonly item?: number | null;
  /** Number of the attempt, from 1. */
  readonly attempt?: number;
};

/**
 * Returns the id of the trace that a run begins. Ids are digests of what they are of, so that they are the same after a restart, and for
 * whoever links to them, without being stored.
 */
export const traceIdOf = (runId: RunId): string => digest(`trace ${runId}`, 32);

/** Returns the id of the span of a part of a run. */
export const spanIdOf = ({ runId, taskId = "" as TaskId, item = null, attempt = 0 }: TracedPart): string =>
  digest(`span ${runId} ${taskId} ${item ?? "-"} ${attempt}`, 16);

const digest = (text: string, length: number): string =>
  createHash("sha256").update(text).digest("hex").slice(0, length);
