import type { LogFilter } from "./line.ts";

/** Where the output of a run is, as text, with a query that more can be added to. */
export const logPath = (runId: string, { task, attempt, stream }: LogFilter): string => {
  const query = new URLSearchParams({ timestamps: "false" });
  if (task !== undefined) query.set("task", task);
  if (attempt !== undefined) query.set("attempt", String(attempt));
  if (stream !== undefined) query.set("stream", stream);
  return `/api/runs/${encodeURIComponent(runId)}/logs?${query}`;
};
