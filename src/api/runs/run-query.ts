import { t } from "elysia";
import { type JobId, parseJobId, parseRunId, type RunId } from "../../domain/ids.ts";
import { WAITING_CODES } from "../../domain/limits/waiting-for.ts";
import { runNotFound } from "../../domain/refusal.ts";
import { TRIGGERS } from "../../domain/run.ts";
import type { RunListFilter } from "../../store/runs/run-list.ts";
import { invalidQuery } from "../errors.ts";
import { RunStatusWord } from "../shapes/run.ts";
import { exactly, flag, wholeNumber, word } from "../shapes/schemas.ts";
import { TagQuery } from "../tags.ts";

const INSTANT = { minimum: 0, maximum: 8_640_000_000_000_000 } as const;

const JOB_ID = "[A-Za-z0-9][A-Za-z0-9_.-]{0,127}";

const fields = {
  limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 20 }, "Maximum of runs")),
  status: t.Optional(RunStatusWord),
  waiting_for: t.Optional(word(WAITING_CODES, "Only unfinished runs that only wait for this")),
  trigger: t.Optional(word(TRIGGERS, "Only runs that were started in this way")),
  backfill_id: t.Optional(t.String({ description: "Id of a backfill; only runs that it has made" })),
  parent: t.Optional(t.String({ description: "Id of a run; only runs that its tasks started" })),
  before: t.Optional(t.String({ description: "Id of a run; only runs created before it" })),
  from: t.Optional(wholeNumber(INSTANT, "Only runs created at this time or later, in ms since the Unix epoch")),
  to: t.Optional(wholeNumber(INSTANT, "Only runs created before this time, in ms since the Unix epoch")),
  text: t.Optional(
    t.String({
      minLength: 1,
      maxLength: 200,
      description:
        "Only runs with this text in the job id, the error, a param, or the name of who triggered or cancelled it; ignores case",
      examples: ["exit code 3"],
    }),
  ),
  param: t.Optional(
    t.String({
      pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(=[^]*)?$",
      maxLength: 1_200,
      description: "Only runs with this param, as `NAME` or `NAME=VALUE`",
      examples: ["region=eu"],
      "x-expected": "NAME or NAME=VALUE",
    }),
  ),
  tag: TagQuery,
  failure: t.Optional(flag("True to include why each run failed, with its last line of output")),
  usage: t.Optional(flag("True to include what the attempts of each run used")),
  id: t.Optional(
    t.String({
      pattern: "^[0-9a-fA-F-]{4,36}$",
      description: "Only runs whose id, or its last eight characters, starts with this, or whose id ends with it",
      examples: ["9a7e4f60"],
      "x-expected": "4 to 36 characters from the beginning or end of an id",
    }),
  ),
};

/** The query of the runs of one job. */
export const JobRunsQuery = exactly(fields);

/** The query of the runs of all jobs. */
export const AllRunsQuery = exactly({
  ...fields,
  job: t.Optional(
    t.String({ pattern: `^${JOB_ID}$`, description: "Only runs of this job, which may have been removed" }),
  ),
  exclude: t.Optional(
    t.String({
      pattern: `^${JOB_ID}(,${JOB_ID})*$`,
      maxLength: 4_000,
      description: "Ids of jobs, separated by commas; only runs of other jobs",
      examples: ["heartbeat,probe"],
      "x-expected": "ids of jobs, separated by commas",
    }),
  ),
});

export type RunQueryValues = typeof JobRunsQuery.static & Partial<typeof AllRunsQuery.static>;

/** Returns the filter for a query. Throws if it names an unknown run or an empty period. */
export const runFilter = (query: RunQueryValues, ofJob?: JobId): RunListFilter => {
  const jobId = ofJob ?? (query.job === undefined ? null : parseJobId(query.job));
  const { status, trigger, text, exclude } = query;
  const [from, to] = [query.from, query.to].map((at) => (at === undefined ? undefined : Number(at)));
  if (from !== undefined && to !== undefined && from >= to) {
    throw invalidQuery("from", `${from} is not before ${to}, the end of the period`);
  }
  return {
    limit: Number(query.limit ?? 20),
    ...(jobId !== null && { jobId }),
    ...(status !== undefined && { status }),
    ...(trigger !== undefined && { trigger }),
    ...(query.before !== undefined && { before: mustParseRunId(query.before) }),
    ...(query.backfill_id !== undefined && { backfillId: query.backfill_id }),
    ...(query.parent !== undefined && { parent: mustParseRunId(query.parent) }),
    ...(query.id !== undefined && { idPart: query.id.toLowerCase() }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(text !== undefined && { text }),
    ...(exclude !== undefined && { excludedJobs: exclude.split(",") }),
    ...(query.param !== undefined && { param: parseParam(query.param) }),
  };
};

const mustParseRunId = (text: string): RunId => {
  const id = parseRunId(text);
  if (id === null) throw runNotFound(text);
  return id;
};

const parseParam = (text: string): { readonly name: string; readonly value: string | null } => {
  const at = text.indexOf("=");
  return at === -1 ? { name: text, value: null } : { name: text.slice(0, at), value: text.slice(at + 1) };
};
