import { petit } from "./client.ts";

/** Selects the displayed lines of a run. */
export type LogFilter = {
  readonly task?: string;
  /** Position of an item of the task, from 0. */
  readonly item?: number;
  readonly attempt?: number;
  readonly stream?: "stdout" | "stderr";
};

export type LinesQuery = LogFilter & {
  /** 1 to 2000. Default: 500. */
  readonly limit?: number;
  /** Position of the first line, from 0. */
  readonly offset?: number;
  /** `seq` of a line; the lines after it are returned. */
  readonly after?: number;
  /** Returns the last lines instead of the first. */
  readonly tail?: boolean;
};

/** Fetches a page of the lines of a run. The query cache does not hold them: a log has a bounded cache of its own. */
export const fetchLines = (runId: string, query: LinesQuery) =>
  petit.get("/api/runs/:run_id/lines", { params: { run_id: runId }, query });

type SearchQuery = Omit<LinesQuery, "offset" | "tail">;

/** Returns the lines of a run after `after` that contain a text, at most 10,000. With `lines`, their text too. */
export const searchLines = (runId: string, query: SearchQuery & { readonly q: string; readonly lines?: boolean }) =>
  petit.get("/api/runs/:run_id/lines/search", { params: { run_id: runId }, query });

/** Returns the lines of a run after `after` that look like errors, at most 10,000. Searches a part of a long log. */
export const findErrorLines = (runId: string, query: SearchQuery) =>
  petit.get("/api/runs/:run_id/lines/errors", { params: { run_id: runId }, query });

/** Fetches the output of a run as it was written. */
export const fetchOutput = async (runId: string, filter: LogFilter): Promise<Blob> => {
  const parts: BlobPart[] = [];
  const bytes = await petit.stream("/api/runs/:run_id/logs", {
    params: { run_id: runId },
    query: { ...filter, timestamps: false },
  });
  for await (const part of bytes) parts.push(part);
  return new Blob(parts);
};

export type LinePage = Awaited<ReturnType<typeof fetchLines>>;
export type LogRecord = LinePage["lines"][number];
export type LineMatch = Awaited<ReturnType<typeof searchLines>>["matches"][number];
