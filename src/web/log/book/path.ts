import type { LogFilter } from "./line.ts";

/** Returns the path of a run's output as text. It has a query, so that more parameters can be appended. */
export const logPath = (runId: string, { task, item, attempt, stream }: LogFilter): string => {
  const query = new URLSearchParams({ timestamps: "false" });
  if (task !== undefined) query.set("task", task);
  if (item !== undefined) query.set("item", String(item));
  if (attempt !== undefined) query.set("attempt", String(attempt));
  if (stream !== undefined) query.set("stream", stream);
  return `/api/runs/${encodeURIComponent(runId)}/logs?${query}`;
};
