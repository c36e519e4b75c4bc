import { executingOf, type RunActivity, startingOf } from "../limits/activity.ts";
import { WAITING_CODES, type WaitingCode, type WaitingCounts } from "../limits/waiting-for.ts";
import type { RunStatus } from "../run.ts";
import type { TaskStatus } from "../task-run.ts";

/** What is waited for, to complete `waits for` and `waiting for`. */
const WAITED_FOR = {
  queue: "a slot",
  gates: "its gates",
  approval: "approval",
  worker: "a worker",
  child: "a child run",
  retry: "a retry",
} as const satisfies Record<WaitingCode, string>;

/** What each code means. */
export const WAITING_TEXT = {
  queue: "a slot under a limit of its job, of its queue, or of petit",
  gates: "the gates of its job",
  approval: "a person who approves or rejects a task",
  worker: "a worker that claims a task",
  child: "the end of a run of another job that it started",
  retry: "the time of the next attempt of a task",
} as const satisfies Record<WaitingCode, string>;

/** The status as people see it: what has started and only waits is `waiting`, not `running`. */
export type ShownStatus<Status extends RunStatus | TaskStatus> = Status | "waiting";

/** An older petit does not send what something waits for. */
type MaybeWaiting<Status> = { readonly status: Status; readonly waiting_for?: WaitingCode | null | undefined };

/** Returns the status of a run or a task as people see it, for its icon and its colour. */
export const shownStatusOf = <Status extends RunStatus | TaskStatus>({
  status,
  waiting_for,
}: MaybeWaiting<Status>): ShownStatus<Status> => (status === "running" && waiting_for != null ? "waiting" : status);

/** Returns what something that has not ended waits for, such as `approval`; null if it does not only wait. */
export const waitedForText = ({ status, waiting_for }: MaybeWaiting<RunStatus | TaskStatus>): string | null =>
  (status === "running" || status === "pending") && waiting_for != null ? WAITED_FOR[waiting_for] : null;

/** Returns the words for that status: `waits for approval`, or the status itself. */
export const statusWords = (shown: MaybeWaiting<RunStatus | TaskStatus>): string => {
  const waitedFor = waitedForText(shown);
  return waitedFor === null ? shown.status : `waits for ${waitedFor}`;
};

type WaitingCountText = { readonly code: WaitingCode; readonly text: string };

/** Returns the counts as texts, such as `2 waiting for approval`, with what each is about. */
export const waitingCounts = (counts: WaitingCounts): readonly WaitingCountText[] =>
  WAITING_CODES.flatMap((code) => {
    const count = counts[code] ?? 0;
    return count === 0 ? [] : [{ code, text: `${count.toLocaleString("en")} ${waitingText(code)}` }];
  });

/** Returns what a run does that waits for it, such as `waiting for approval`. */
export const waitingText = (code: WaitingCode): string => `waiting for ${WAITED_FOR[code]}`;

export const waitingCountTexts = (counts: WaitingCounts): readonly string[] =>
  waitingCounts(counts).map(({ text }) => text);

/** Returns what the unfinished runs do, such as `2 running, 1 waiting for approval`; empty if there are none. */
export const activeTexts = (activity: RunActivity): readonly string[] => [
  ...countText(executingOf(activity), "running"),
  ...waitingCountTexts(activity.waiting ?? {}),
  ...countText(startingOf(activity), "pending"),
];

const countText = (count: number, what: string): readonly string[] =>
  count > 0 ? [`${count.toLocaleString("en")} ${what}`] : [];

/** Returns the status that stands for all unfinished runs of a job: `running` if one executes; null if it has none. */
export const activityStatus = (activity: RunActivity): "running" | "waiting" | "pending" | null => {
  const { running, pending = 0 } = activity;
  if (running + pending === 0) return null;
  if (executingOf(activity) > 0) return "running";
  return running > 0 ? "waiting" : "pending";
};

/**
 * Returns what the unfinished runs of a job do: of a single one its status, such as `running` or `waits for approval`, of several their
 * counts; null if there are none.
 */
export const activityWords = (activity: RunActivity): string | null => {
  const { running, pending = 0, waiting = {} } = activity;
  if (running + pending === 0) return null;
  if (running + pending > 1) return activeTexts(activity).join(", ");
  const code = WAITING_CODES.find((each) => (waiting[each] ?? 0) > 0) ?? null;
  return statusWords({ status: running > 0 ? "running" : "pending", waiting_for: code });
};
