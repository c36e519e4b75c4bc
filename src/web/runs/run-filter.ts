import { RUN_STATUSES, type RunStatus, TRIGGERS, type Trigger } from "../../domain/run.ts";

/** What the list is narrowed to; the URL keeps it. */
export type RunListFilter = {
  readonly status: RunStatus | null;
  readonly trigger: Trigger | null;
  /** Empty: of all jobs. */
  readonly job: string;
  /** Id of a run: only those that were made before it. */
  readonly before: string;
};

/** What it doesn't know counts as not given. */
export const readFilter = (query: URLSearchParams): RunListFilter => ({
  status: RUN_STATUSES.find((each) => each === query.get("status")) ?? null,
  trigger: TRIGGERS.find((each) => each === query.get("trigger")) ?? null,
  job: query.get("job") ?? "",
  before: query.get("before") ?? "",
});

const PAGE_SIZE = 50;
/** petit knows no filter by trigger: a page is what is found among so many. */
const MAX_SEARCHED = 1_000;

/** What petit is asked for. */
export const runsQueryFor = ({ status, trigger, before }: RunListFilter) => ({
  limit: trigger === null ? PAGE_SIZE : MAX_SEARCHED,
  ...(status === null ? {} : { status }),
  ...(before === "" ? {} : { before }),
});

type ListedRun = { readonly id: string; readonly trigger: Trigger };

export type RunPage<Run extends ListedRun> = {
  readonly shown: readonly Run[];
  /** Id of the run that the next page begins after; null where none is left. */
  readonly next: string | null;
  /** How many were looked at for it. */
  readonly searched: number;
};

/** What of an answer makes a page. */
export const pageOf = <Run extends ListedRun>(runs: readonly Run[], filter: RunListFilter): RunPage<Run> => {
  const fitting = filter.trigger === null ? runs : runs.filter(({ trigger }) => trigger === filter.trigger);
  const shown = fitting.slice(0, PAGE_SIZE);
  const isCut = fitting.length > PAGE_SIZE;
  const last = isCut ? shown.at(-1) : runs.at(-1);
  const isLast = !isCut && runs.length < runsQueryFor(filter).limit;
  const searched = isCut && last !== undefined ? runs.indexOf(last) + 1 : runs.length;
  return { shown, next: isLast ? null : (last?.id ?? null), searched };
};
