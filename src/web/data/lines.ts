import { answerOf, petit } from "./client.ts";

/** Which lines of a run; `limit` 1 to 2000, 500 where not given. */
export type LinesQuery = {
  readonly task?: string;
  readonly attempt?: number;
  readonly stream?: "stdout" | "stderr";
  readonly limit?: number;
  /** Position of the first, from 0. */
  readonly offset?: number;
  /** `seq` of a line: those after it. */
  readonly after?: number;
  /** The last of all. */
  readonly tail?: boolean;
};

/** Some lines of a run. They are no query of the cache: a log has its own, which is bounded. */
export const askLines = (runId: string, query: LinesQuery) =>
  answerOf(petit.api.runs({ run_id: runId }).lines.get({ query: { ...query } }));

/** Lines of a run that hold a text; at most 10,000, those after `after`. */
export const searchLines = (runId: string, query: Omit<LinesQuery, "offset" | "tail"> & { readonly q: string }) =>
  answerOf(petit.api.runs({ run_id: runId }).lines.search.get({ query: { ...query } }));

export type LinePage = Awaited<ReturnType<typeof askLines>>;
export type LogRecord = LinePage["lines"][number];
export type LineMatch = Awaited<ReturnType<typeof searchLines>>["matches"][number];
