import { WAITING_CODES, type WaitingCode } from "../../domain/limits/waiting-for.ts";
import { RUN_STATUSES, type RunStatus, TRIGGERS, type Trigger } from "../../domain/run.ts";
import { offsetMs, PAGE_ZONE } from "../ui/display.ts";

/** The filter of the list of runs, stored in the URL. Texts are empty where nothing is filtered. */
export type RunListQuery = {
  readonly status: RunStatus | null;
  /** Only runs that wait for it. Replaces the status. */
  readonly waitingFor: WaitingCode | null;
  readonly trigger: Trigger | null;
  /** Id of a job. */
  readonly job: string;
  /** Tag of jobs. */
  readonly tag: string;
  /** Ids of jobs that are left out, separated by commas. */
  readonly except: string;
  readonly text: string;
  /** `NAME` or `NAME=VALUE`. */
  readonly param: string;
  /** The last period that ends now, such as `24h`; null if `from` and `to` apply. */
  readonly within: Period | null;
  /** In ms since the Unix epoch. */
  readonly from: number | null;
  readonly to: number | null;
  /** Id of a run: shows only runs created before it. */
  readonly before: string;
  /** True if the runs are grouped by their jobs. */
  readonly isGrouped: boolean;
};

const HOUR_MS = 3_600_000;

/** The periods that end now. */
export const PERIODS = {
  "1h": { label: "last hour", ms: HOUR_MS },
  "24h": { label: "last 24 hours", ms: 24 * HOUR_MS },
  "7d": { label: "last 7 days", ms: 7 * 24 * HOUR_MS },
  "30d": { label: "last 30 days", ms: 30 * 24 * HOUR_MS },
} as const;
type Period = keyof typeof PERIODS;

/** The form of the params filter, for the field and the URL. */
export const PARAM_PATTERN = "[A-Za-z0-9_][A-Za-z0-9_.\\-]{0,127}(=.*)?";
export const JOBS_PATTERN = "[A-Za-z0-9][A-Za-z0-9_.\\-]{0,127}(\\s*,\\s*[A-Za-z0-9][A-Za-z0-9_.\\-]{0,127})*";

const TAGS_PATTERN = "[^,\\s]+(,[^,\\s]+)*";

/** Reads the filter from the URL query; ignores unknown values. */
export const readFilter = (query: URLSearchParams): RunListQuery => {
  const text = (name: string): string => query.get(name)?.trim() ?? "";
  return {
    status: RUN_STATUSES.find((each) => each === query.get("status")) ?? null,
    waitingFor: WAITING_CODES.find((each) => each === query.get("waiting_for")) ?? null,
    trigger: TRIGGERS.find((each) => each === query.get("trigger")) ?? null,
    job: text("job"),
    tag: matching(text("tag"), TAGS_PATTERN),
    except: matching(text("except"), JOBS_PATTERN).replace(/\s/g, ""),
    text: text("text").slice(0, 200),
    param: matching(text("param"), PARAM_PATTERN),
    within: periodOf(query.get("within")),
    from: timeOf(query.get("from")),
    to: timeOf(query.get("to")),
    before: text("before"),
    isGrouped: query.get("group") === "job",
  };
};

const periodOf = (text: string | null): Period | null =>
  (Object.keys(PERIODS) as Period[]).find((each) => each === text) ?? null;

const matching = (text: string, pattern: string): string =>
  new RegExp(`^(?:${pattern})$`, "s").test(text) ? text : "";

const timeOf = (text: string | null): number | null => {
  const at = text === null ? Number.NaN : Date.parse(text);
  return at >= 0 ? at : null;
};

const PAGE_SIZE = 50;
/** Number of the newest runs that are grouped. */
export const MAX_GROUPED = 1_000;

/** A period that ends now begins at a full minute, so that the page does not ask again at each render. */
const MINUTE_MS = 60_000;

/** Returns the query for a filter at `now`. */
export const runsQueryFor = (filter: RunListQuery, now: number) => {
  const { status, waitingFor, trigger, job, tag, except, text, param, before, isGrouped } = filter;
  const { from, to } = timesOf(filter, now);
  return {
    ...(isGrouped ? { limit: MAX_GROUPED } : { limit: PAGE_SIZE, failure: true }),
    ...(waitingFor === null ? status !== null && { status } : { waiting_for: waitingFor }),
    ...(trigger !== null && { trigger }),
    ...(job === "" && except !== "" && { exclude: except }),
    ...(tag !== "" && { tag }),
    ...(text !== "" && { text }),
    ...(param !== "" && { param }),
    ...(from !== null && { from }),
    ...(to !== null && (from === null || from < to) && { to }),
    ...(before !== "" && { before }),
  };
};

const timesOf = ({ within, from, to }: RunListQuery, now: number): Pick<RunListQuery, "from" | "to"> => {
  if (within === null) return { from, to };
  return { from: Math.floor((now - PERIODS[within].ms) / MINUTE_MS) * MINUTE_MS, to: null };
};

type JobRuns<Run> = { readonly jobId: string; readonly runs: readonly Run[] };

/** Groups runs by their jobs: those with the most runs first. */
export const groupByJob = <Run extends { readonly job_id: string }>(runs: readonly Run[]): readonly JobRuns<Run>[] =>
  [...Map.groupBy(runs, ({ job_id }) => job_id)]
    .map(([jobId, ofJob]) => ({ jobId, runs: ofJob }))
    .toSorted((a, b) => b.runs.length - a.runs.length);

/** Returns when a run was created, in ms since the Unix epoch: its id begins with the time. */
export const createdAt = (runId: string): number => Number.parseInt(runId.replaceAll("-", "").slice(0, 12), 16);

/** Returns a time as the value of a `datetime-local` field, in the zone of the page. */
export const fieldTime = (at: number | null): string => {
  if (at === null) return "";
  const local = new Date(at + offsetMs(at));
  return local.toISOString().slice(0, 16);
};

/** Returns the value of a `datetime-local` field as an instant for the URL, the same for every reader: `2026-11-27T06:00Z`. */
export const urlTime = (field: string): string => {
  const at = Date.parse(PAGE_ZONE === undefined ? field : `${field}Z`);
  return Number.isNaN(at) ? "" : new Date(at).toISOString().replace(/:00\.000Z$/, "Z");
};
