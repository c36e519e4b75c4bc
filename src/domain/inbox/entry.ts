import { shortDigest } from "../../lib/digest.ts";
import { assertNever } from "../../lib/never.ts";
import { ADMIN_KINDS, type Attention, type AttentionKind, byAttentionKind } from "../attention.ts";
import type { JobId } from "../ids.ts";
import { receiverKey } from "../notification.ts";
import { DIGEST_JOB_ID } from "../review/digest.ts";
import type { Consequence } from "./consequence.ts";
import type { Mark } from "./mark.ts";
import type { Urgency } from "./order.ts";

/** Something that needs attention, with what a list of such things needs to know about it. */
export type AttentionEntry = Attention & EntryFacts;

type EntryFacts = {
  /** The same as long as it needs attention, also over restarts. */
  readonly id: string;
  readonly urgency: Urgency;
  /** What needs attention because of it, and has no entry of its own. */
  readonly consequences: readonly Consequence[];
  /** Failing jobs that have no entry of their own, because the run of this one failed because of theirs. */
  readonly childJobs: readonly JobId[];
  readonly acknowledged: Omit<NonNullable<Mark["acknowledged"]>, "seen"> | null;
  readonly snoozed: Omit<NonNullable<Mark["snoozed"]>, "seen"> | null;
} & Pick<Mark, "owner" | "note">;

/** An item, whose failure may be unknown. */
export type Keyed = Attention extends infer Each ? (Each extends unknown ? Omit<Each, "failure"> : never) : never;

/** What needs attention, in the order of `byUrgency`. `counts` also counts what is not among the items. */
export type AttentionList = {
  readonly items: readonly AttentionEntry[];
  readonly counts: Readonly<Record<AttentionKind, number>>;
  /** How many entries are acknowledged or snoozed; they are the last ones. */
  readonly handled: number;
};

export const NO_ATTENTION: AttentionList = { items: [], counts: byAttentionKind(() => 0), handled: 0 };

// What stands for a job where there is none. The id of no job begins so.
const OF_SCHEDULER = "_scheduler";
const OF_PETIT = "_petit";

/** Returns the id of an entry: its kind, and what tells it from others of its kind. */
export const entryId = (item: Keyed): string => `${item.kind}:${keyOf(item)}`;

/** Returns whether only admins are told of the entry with an id. */
export const isForAdmins = (id: string): boolean => [...ADMIN_KINDS].some((kind) => id.startsWith(`${kind}:`));

const keyOf = (item: Keyed): string => {
  switch (item.kind) {
    case "job_failing":
    case "job_flapping":
    case "job_stale":
      return item.jobId;
    case "not_run_as_expected":
      return item.jobId ?? OF_SCHEDULER;
    case "run_stuck":
      return item.runId;
    case "run_late":
      return `${item.jobId}:${item.cause}`;
    case "memory_near_limit":
      return `${item.jobId}:${item.taskId}`;
    case "approval_needed":
      return `${item.runId}:${item.taskId}`;
    case "worker_unreachable":
      return item.worker;
    case "worker_refused":
      return `${item.worker}:${item.reason}`;
    case "no_worker":
      return [...item.labels, item.type ?? ""].join();
    case "nats_unreachable":
    case "heartbeat_failing":
    case "traces_failing":
    case "backup_failed":
    case "search_index_failing":
    case "retention_undecided":
    case "open_to_users":
    case "lost_processes":
    case "limits_not_enforced":
    case "jobs_repository_failed":
      return "petit";
    case "transfer_blocked":
      return item.by;
    case "notifications_undelivered":
      return `${item.jobId ?? DIGEST_JOB_ID}:${shortDigest(receiverKey(item.target))}`;
    case "trigger_failing":
      return `${item.jobId}:${item.trigger ?? ""}:${item.fault}`;
    case "internal_error":
      return item.runId ?? item.jobId ?? OF_PETIT;
    case "jobs_commit_refused":
    case "commit_files_changed":
      return item.commit;
    case "token_expiring":
    case "token_expired":
      return item.token;
    case "secret_unreadable":
      return item.key;
    case "job_file_broken":
      return item.file;
    default:
      return assertNever(item);
  }
};
