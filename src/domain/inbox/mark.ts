import { shortDigest } from "../../lib/digest.ts";
import { assertNever } from "../../lib/never.ts";
import { shorten } from "../../lib/text.ts";
import type { Attention, RunFailure } from "../attention.ts";
import type { JobId } from "../ids.ts";
import { type ItemFailure, shapeOf } from "../output/failure-groups.ts";
import { normalise } from "../output/plain-line.ts";
import { isDeliberate, type UnfiredStreak } from "./unfired.ts";

/** What people said about an entry. Times are in ms since the Unix epoch; a person is the name of a token, or else an address. */
export type Mark = {
  readonly entryId: string;
  /** The job of the entry; null if it is about no job. */
  readonly jobId: JobId | null;
  /** Somebody knows about it. `seen` is what it was then. */
  readonly acknowledged: { readonly at: number; readonly by: string | null; readonly seen: Seen } | null;
  /** Nobody wants to hear of it until then; without a time, until it changes. */
  readonly snoozed: {
    readonly at: number;
    readonly by: string | null;
    readonly until: number | null;
    readonly seen: Seen;
  } | null;
  /** Who looks after it. */
  readonly owner: string | null;
  readonly note: string | null;
  /** True if it was said about a failing job that explains this one. It holds only for runs that runs of that job started. */
  readonly isInherited: boolean;
};

/** What can get worse about an entry. */
export type Seen = {
  /** Digests of what went wrong, without what differs from time to time: of a failed job, of each cause of each failed task. */
  readonly causes: readonly string[];
  /** How often it did. */
  readonly streak: number;
};

/** A change that a person makes. It is refused if others have said something since the `expected` version of the mark. */
export type MarkChange = { readonly expected?: string } & (
  | { readonly kind: "acknowledge"; readonly owner?: string | null; readonly note?: string | null }
  | { readonly kind: "snooze"; readonly until: number | null; readonly note?: string | null }
  | { readonly kind: "unacknowledge" | "unsnooze" }
  | { readonly kind: "own"; readonly owner: string | null }
  | { readonly kind: "note"; readonly note: string | null }
);

/**
 * What happened to a mark, as its event says:
 * - `acknowledged`, `unacknowledged`, `snoozed`, `unsnoozed`, `owner`, `note`: a person did it.
 * - `worse`: the entry got worse, so that it is no longer acknowledged or snoozed.
 * - `expired`: the time is over until which it was snoozed.
 * - `ended`: it no longer needs attention.
 */
export type MarkStatus =
  | "acknowledged"
  | "unacknowledged"
  | "snoozed"
  | "unsnoozed"
  | "owner"
  | "note"
  | "worse"
  | "expired"
  | "ended";

export const MAX_OWNER = 100;
export const MAX_NOTE = 2_000;

export const STATUS_OF_CHANGE = {
  acknowledge: "acknowledged",
  unacknowledge: "unacknowledged",
  snooze: "snoozed",
  unsnooze: "unsnoozed",
  own: "owner",
  note: "note",
} as const satisfies Record<MarkChange["kind"], MarkStatus>;

type ChangeContext = { readonly seen: Seen; readonly now: number; readonly by: string | null };

/** Returns a mark after a change. */
export const changeMark = (mark: Mark, change: MarkChange, { seen, now: at, by }: ChangeContext): Mark => {
  switch (change.kind) {
    case "acknowledge": {
      const { owner = mark.owner, note = mark.note } = change;
      return { ...mark, acknowledged: { at, by, seen }, owner, note };
    }
    case "unacknowledge":
      return { ...mark, acknowledged: null };
    case "snooze": {
      const { until, note = mark.note } = change;
      return { ...mark, snoozed: { at, by, until, seen }, note };
    }
    case "unsnooze":
      return { ...mark, snoozed: null };
    case "own":
      return { ...mark, owner: change.owner };
    case "note":
      return { ...mark, note: change.note };
    default:
      return assertNever(change);
  }
};

/** Returns whether nobody has said anything. */
export const isEmptyMark = ({ acknowledged, snoozed, owner, note }: Mark): boolean =>
  acknowledged === null && snoozed === null && owner === null && note === null;

/** Returns whether an entry is acknowledged or snoozed at `now`. */
export const isHandled = ({ acknowledged, snoozed }: Said, now: number): boolean =>
  acknowledged !== null || (snoozed !== null && (snoozed.until === null || now < snoozed.until));

/**
 * Returns whether an entry has become worse than it was when it was acknowledged and when it was snoozed, as far as that holds at `now`. A
 * snooze does not change what an acknowledgement compares with.
 */
export const hasBecomeWorse = ({ acknowledged, snoozed }: Said, current: Seen, now: number): boolean => {
  const isSnoozed = isHandled({ acknowledged: null, snoozed }, now);
  const held = [acknowledged, isSnoozed ? snoozed : null].filter((each) => each !== null);
  return held.length > 0 && held.every(({ seen }) => isWorse(seen, current));
};

type Said = Pick<Mark, "acknowledged" | "snoozed">;

/** Returns a value that changes with what people said about an entry. */
export const markVersion = (mark: VersionFacts): string => {
  const { acknowledged, snoozed, owner, note } = mark;
  return shortDigest(
    JSON.stringify([acknowledged?.at, acknowledged?.by, snoozed?.at, snoozed?.by, snoozed?.until, owner, note]),
  );
};

type VersionFacts = {
  readonly acknowledged: { readonly at: number; readonly by: string | null } | null;
  readonly snoozed: { readonly at: number; readonly by: string | null; readonly until: number | null } | null;
} & Pick<Mark, "owner" | "note">;

/** A streak that was shorter when it was seen counts as this long, so that the next failure does not double it. */
const MIN_SEEN_STREAK = 2;

/** Returns whether something else went wrong too, or it did twice as often. */
const isWorse = (seen: Seen, now: Seen): boolean =>
  isOtherCause(seen, now) || now.streak >= 2 * Math.max(MIN_SEEN_STREAK, seen.streak);

const isOtherCause = (seen: Seen, now: Seen): boolean =>
  !seen.causes.includes(MORE_CAUSES) && now.causes.some((cause) => !seen.causes.includes(cause));

const MAX_CAUSE = 1_000;

/** Number of causes that are compared. */
const MAX_CAUSES = 100;

/** Stands for the causes beyond `MAX_CAUSES`. With it, no cause is another one. */
const MORE_CAUSES = "more";

/** An item that says itself what went wrong. */
type Simple = Exclude<Attention, { readonly kind: "job_failing" }>;

/** Returns what can get worse about an item. */
export const seenOf = (item: Simple): Seen => {
  const { cause, streak } = seenParts(item);
  return { causes: [shortDigest(cause)], streak };
};

const seenParts = (item: Simple): { readonly cause: string; readonly streak: number } => {
  switch (item.kind) {
    case "job_flapping":
    case "job_stale":
      return { cause: "", streak: 1 };
    case "not_run_as_expected":
      return unfiredParts(item);
    case "run_stuck":
      return { cause: item.taskId ?? "", streak: 1 };
    case "run_late":
      return { cause: item.cause, streak: item.count };
    case "memory_near_limit":
    case "approval_needed":
    case "nats_unreachable":
    case "retention_undecided":
    case "open_to_users":
    case "token_expiring":
      return { cause: "", streak: 1 };
    case "worker_unreachable":
      return { cause: item.isLost ? "lost" : "unreachable", streak: item.attempts.length };
    case "worker_refused":
      return { cause: item.reason, streak: 1 };
    case "no_worker":
      return { cause: "", streak: item.count };
    case "transfer_blocked":
    case "notifications_undelivered":
      return { cause: causeText(item.error), streak: item.count };
    case "commit_files_changed":
    case "token_expired":
      return { cause: "", streak: item.count };
    case "heartbeat_failing":
    case "traces_failing":
    case "backup_failed":
    case "search_index_failing":
    case "jobs_repository_failed":
      return { cause: causeText(item.error), streak: 1 };
    case "secret_unreadable":
      return { cause: causeText(item.problem), streak: 1 };
    case "trigger_failing":
      return { cause: causeText(item.problem), streak: item.count };
    case "internal_error":
      return { cause: causeText(item.error), streak: 1 };
    case "lost_processes":
      return { cause: "", streak: item.processes.length };
    case "limits_not_enforced":
      return { cause: causeText(item.reason), streak: item.jobs.length };
    case "jobs_commit_refused":
      return { cause: "", streak: 1 };
    case "job_file_broken":
      return { cause: causeText(`${item.path} ${item.problem}`), streak: item.problems };
    default:
      return assertNever(item);
  }
};

/** Returns what can get worse about a job whose occurrences start no run. */
export const seenUnfired = (unfired: UnfiredFacts): Seen => {
  const { cause, streak } = unfiredParts(unfired);
  return { causes: [shortDigest(cause)], streak };
};

type UnfiredFacts = Pick<UnfiredStreak, "newest" | "count">;

const unfiredParts = ({ newest, count }: UnfiredFacts) => ({ cause: newest, streak: isDeliberate(newest) ? 1 : count });

/** A failed task of a run. */
export type TaskFailure = {
  readonly failure: RunFailure;
  /** Its failed items; empty if it has none. */
  readonly items: readonly ItemFailure[];
};

/** Returns what can get worse about a job that has failed `streak` times in a row, the last time with these tasks. */
export const seenFailures = (failures: readonly TaskFailure[], streak: number): Seen => {
  const causes = [...new Set(failures.flatMap(causesOf).map(shortDigest))];
  return { causes: causes.length > MAX_CAUSES ? [...causes.slice(0, MAX_CAUSES), MORE_CAUSES] : causes, streak };
};

/** Items that petit ended because others had failed have no cause of their own. */
const causesOf = ({ failure, items }: TaskFailure): readonly string[] => {
  const task = failure.taskId ?? "";
  const failed = items.filter(({ reason }) => reason !== "cancelled");
  if (failed.length === 0) return [shorten(`${task}: ${failure.reason} ${textOf(failure)}`, MAX_CAUSE)];
  return failed.map((item) =>
    shorten(`${task}: ${item.reason} ${item.cause === null ? errorText(item) : shapeOf(item)}`, MAX_CAUSE),
  );
};

const textOf = (failure: RunFailure): string =>
  failure.cause === null
    ? `${normalise(failure.lastLine?.text ?? "")} ${errorText(failure)}`
    : normalise(failure.cause.text);

/** If no line explains a failure, only the exit code distinguishes its cause from others. */
const errorText = ({ reason, error }: Pick<RunFailure, "reason" | "error">): string =>
  reason === "exit_code" ? (error ?? "") : normalise(error ?? "");

const causeText = (text: string): string => shorten(normalise(text), MAX_CAUSE);
