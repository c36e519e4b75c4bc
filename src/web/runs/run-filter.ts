import { RUN_STATUSES, type RunStatus, TRIGGERS, type Trigger } from "../../domain/run.ts";

/** What the list is narrowed to; the URL keeps it. */
export type RunFilter = {
  readonly status: RunStatus | null;
  readonly trigger: Trigger | null;
  /** Empty: of all jobs. */
  readonly job: string;
  /** Id of a run: only those that were made before it. */
  readonly before: string;
};

/** What it doesn't know counts as not given. */
export const readFilter = (query: URLSearchParams): RunFilter => ({
  status: RUN_STATUSES.find((each) => each === query.get("status")) ?? null,
  trigger: TRIGGERS.find((each) => each === query.get("trigger")) ?? null,
  job: query.get("job") ?? "",
  before: query.get("before") ?? "",
});

const PAGE = 50;
/** petit knows no filter by trigger: a page is what is found among so many. */
const LOOKED_AT = 1_000;

/** What petit is asked for. */
export const askedFor = ({ status, trigger, before }: RunFilter) => ({
  limit: trigger === null ? PAGE : LOOKED_AT,
  ...(status === null ? {} : { status }),
  ...(before === "" ? {} : { before }),
});

type Found = { readonly id: string; readonly trigger: Trigger };

export type RunPage<Run extends Found> = {
  readonly shown: readonly Run[];
  /** Id of the run that the next page begins after; null where none is left. */
  readonly next: string | null;
  /** How many were looked at for it. */
  readonly lookedAt: number;
};

/** What of an answer makes a page. */
export const pageOf = <Run extends Found>(runs: readonly Run[], filter: RunFilter): RunPage<Run> => {
  const fitting = filter.trigger === null ? runs : runs.filter(({ trigger }) => trigger === filter.trigger);
  const shown = fitting.slice(0, PAGE);
  const isCut = fitting.length > PAGE;
  const last = isCut ? shown.at(-1) : runs.at(-1);
  const isLast = !isCut && runs.length < askedFor(filter).limit;
  const lookedAt = isCut && last !== undefined ? runs.indexOf(last) + 1 : runs.length;
  return { shown, next: isLast ? null : (last?.id ?? null), lookedAt };
};
