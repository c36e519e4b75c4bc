import { pluralize } from "../../lib/text.ts";
import { MAX_DUE_COUNTED, type PersonAction } from "../review/review.ts";

/** The parts of a review that are lists, the most important first. */
export const REVIEW_PARTS = [
  "broken",
  "stale",
  "recovered",
  "unfired",
  "slower",
  "people",
  "due",
  "flaky",
  "waits",
] as const;
export type ReviewPartName = (typeof REVIEW_PARTS)[number];

/** The headings of the parts. */
export const REVIEW_TITLES = {
  broken: "Failed, and still broken",
  stale: "Not completed in time",
  recovered: "Failed, and recovered",
  unfired: "Did not run",
  slower: "Became slower",
  flaky: "Completed only after a retry",
  people: "Who did what",
  waits: "Waited longest",
  due: "Due today",
} as const satisfies Record<ReviewPartName, string>;

/** What is said of a part without items. */
export const REVIEW_NOTHING = {
  broken: "Every job that failed has completed since.",
  stale: "Every job with 'expect' has completed in time.",
  recovered: "No job failed and recovered.",
  unfired: "Each occurrence started a run.",
  slower: "No job took clearly longer than in the period before.",
  flaky: "No task needed a retry to complete.",
  people: "Nobody started, cancelled, paused or decided anything.",
  waits: "No run waited for more than a minute.",
  due: "Nothing more is due today.",
} as const satisfies Record<ReviewPartName, string>;

type FailuresFacts = {
  readonly failures: number;
  readonly streak: { readonly since: number; readonly count: number } | null;
};

/** Returns how often a job has failed: `3 failed runs`. With `since`, the text ends before that time: `4 failed runs in a row since`. */
export const failuresWords = ({
  failures,
  streak,
}: FailuresFacts): { readonly text: string; readonly since: number | null } => {
  const inPeriod = `${failures.toLocaleString("en-US")} failed run${failures === 1 ? "" : "s"}`;
  if (streak === null || streak.count <= failures) return { text: inPeriod, since: null };
  const inARow = streak.count.toLocaleString("en-US");
  const text = failures > 0 ? `${inPeriod}, ${inARow}` : `${inARow} failed run${streak.count === 1 ? "" : "s"}`;
  return { text: streak.count === 1 ? `${text} since` : `${text} in a row since`, since: streak.since };
};

/** Returns which runs of a child job explain the failures of a job, to precede the child job: `with 3 failed runs of`. */
export const childFailuresText = ({ failures }: Pick<FailuresFacts, "failures">): string =>
  failures === 0 ? "with failed runs of" : `with ${pluralize(failures, "failed run")} of`;

/** What a person did, as a verb in the past. */
export const PERSON_ACTION_VERBS = {
  trigger: "started",
  retry: "retried",
  cancel: "cancelled",
  pause: "paused",
  resume: "resumed",
  approve: "approved",
  reject: "rejected",
} as const satisfies Record<PersonAction["action"], string>;

/** Returns what a person did to which job and how often, without the person: `started load_orders 3 times`. */
export const actionText = ({
  action,
  job_name,
  count,
}: {
  readonly action: PersonAction["action"];
  readonly job_name: string | null;
  readonly count: number;
}): string => {
  const times = count === 1 ? "" : ` ${count.toLocaleString("en-US")} times`;
  return `${PERSON_ACTION_VERBS[action]} ${job_name ?? "all schedules"}${times}`;
};

/** Returns a job by name where it has one: `load_orders`, `Load orders (load_orders)`. Commands take the id. */
export const namedJobText = ({ job_id, job_name }: { readonly job_id: string; readonly job_name: string }): string =>
  job_name === job_id ? job_id : `${job_name} (${job_id})`;

/** Returns from when on a review is complete. `at` is that time as a text. */
export const deletedRunsText = (jobs: number, at: string): string =>
  `Runs are complete from ${at} on: earlier ones of ${pluralize(jobs, "job")} were deleted. ` +
  "They are missing below; the numbers of runs include those of whole days.";

/** Returns who did something. */
export const actorText = (actor: string | null): string => actor ?? "somebody unknown";

/** Returns how often something happened: `once`, `12 times`. */
export const timesText = (count: number): string => (count === 1 ? "once" : `${count.toLocaleString("en-US")} times`);

/** Returns how often a job is due today. */
export const dueCountText = (count: number): string =>
  count >= MAX_DUE_COUNTED ? `${MAX_DUE_COUNTED} times or more` : timesText(count);

/** Returns the numbers of runs, without those that are 0: `1,204 completed, 3 failed`. */
export const runCountsText = (runs: Readonly<Record<string, number>>): string => {
  const counts = Object.entries(runs).filter(([, count]) => count > 0);
  return counts.length === 0
    ? "No run ended"
    : counts.map(([status, count]) => `${count.toLocaleString("en-US")} ${status}`).join(", ");
};
