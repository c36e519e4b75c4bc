import { pluralize } from "../../lib/text.ts";
import type { RunFailure } from "../attention.ts";
import type { Reason } from "../run.ts";
import { decisiveLine, REASON_TEXT } from "./run.ts";

/** A line of output, with names as in the API. */
type OutputLine = {
  readonly text: string;
  /** The child run that wrote it. `error` says what went wrong there if the line does not explain it. */
  readonly child?: { readonly job_id: string; readonly error?: string | undefined } | null;
};

/** Why a run failed, with names as in the API. */
export type ShownFailure = {
  readonly task_id: string | null;
  /** Missing if no other task failed. */
  readonly more_tasks?: number | undefined;
  /** Missing if at most one item of the task failed. */
  readonly failed_items?: number | undefined;
  /** Missing if the line of one item says as much as all of them; see `explainingGroups`. */
  readonly groups?: readonly Group[] | undefined;
  /** Why the item that failed first ended. Missing if the task has no items. */
  readonly item_reason?: Reason | null | undefined;
  readonly reason: Reason | null;
  readonly error: string | null;
  readonly cause: OutputLine | null;
  readonly last_line: OutputLine | null;
};

/** What is said of a failed run, in this order. The displays only lay it out. */
export type FailureWords = {
  /** The task that failed; null if none did. */
  readonly task: string | null;
  /** How many more tasks failed, such as ` (and 2 more)`; empty if none did. */
  readonly more: string;
  /** How the task or the run ended. */
  readonly reason: string;
  /** What a list says before the line: the reason, unless the line says it. Null for nothing. */
  readonly before: string | null;
  /**
   * The line of output that says most about it: the one that explains it, or else the last one. Of several failed items, the lines that
   * explain them, each with the keys of its items. Null for none.
   */
  readonly line: string | null;
};

/** A program that ends with these prints why. Otherwise petit or the system ended it, and no line of its output says so. */
const SAID_BY_PROGRAM: ReadonlySet<Reason | null> = new Set<Reason>(["exit_code", "child_failed", "items_failed"]);

/** Returns the words of a failed run. `error` is that of the run, which says why it failed if no task did. */
export const failureWords = (failure: ShownFailure, error: string | null = null): FailureWords => {
  const { task_id: task, more_tasks: more = 0, failed_items: items = 1, groups = [] } = failure;
  const reason = reasonOf(failure, error);
  // The last line of a task is not why petit failed at it.
  const output = groups.length > 0 ? groupsText(groups, items) : decisiveLine<OutputLine>(failure)?.text;
  const line = failure.reason === "internal_error" ? null : (output ?? null);
  if (!isExplained(failure)) return { task, more: moreText(more), reason, before: reason, line };
  const ofItems = itemsText(items);
  return groups.length > 0
    ? { task, more: moreText(more), reason: ofItems ?? reason, before: null, line }
    : { task, more: moreText(more), reason, before: ofItems, line };
};

/** Returns the words of a failed run as one line: `load: timed out after 5s │ waiting for the lock`. */
export const failureText = (words: FailureWords): string =>
  words.task === null ? explanationText(words) : `${words.task}${words.more}: ${explanationText(words)}`;

/** Returns the same without the task. */
export const explanationText = ({ before, line }: Pick<FailureWords, "before" | "line">): string =>
  [before, line].filter((part) => part !== null).join(" │ ");

/** Returns a failure with names as in the API. */
export const shownFailure = (failure: RunFailure): ShownFailure => {
  const { taskId, moreTasks, failedItems, groups, itemReason, reason, error, cause, lastLine } = failure;
  const child = cause?.child ?? null;
  return {
    task_id: taskId,
    more_tasks: moreTasks,
    failed_items: failedItems,
    groups,
    item_reason: itemReason,
    reason,
    error,
    cause: cause && { text: cause.text, child: child && { job_id: child.jobId, error: child.error } },
    last_line: lastLine,
  };
};

/** Returns how many more tasks failed, as in the error of a run. */
export const moreText = (count: number): string => (count === 0 ? "" : ` (and ${count} more)`);

const itemsText = (count: number): string | null => (count > 1 ? `${count} items failed` : null);

const isExplained = ({ cause, reason, item_reason: ofItem }: ShownFailure): boolean =>
  cause !== null &&
  SAID_BY_PROGRAM.has(reason) &&
  SAID_BY_PROGRAM.has(ofItem ?? reason) &&
  cause.child?.error === undefined;

const reasonOf = ({ task_id, cause, reason, error }: ShownFailure, errorOfRun: string | null): string => {
  const child = cause?.child ?? null;
  // The error of a child run says more than that it failed.
  if (child !== null && SAID_BY_PROGRAM.has(reason))
    return `failed in ${child.job_id}${child.error === undefined ? "" : `: ${child.error}`}`;
  const ofRun = task_id === null ? errorOfRun : null;
  return error ?? ofRun ?? (reason === null ? "unknown reason" : REASON_TEXT[reason]);
};

/** A group of failed items, with names as in the API. */
type Group = { readonly text: string; readonly count: number; readonly items: readonly { readonly key: string }[] };

/** Maximum number of keys in a text, and of groups in a line. */
const MAX_KEYS = 5;
export const MAX_SHOWN_GROUPS = 3;

/** Returns the largest groups in one line, and how many more of the failed items there are. */
const groupsText = (groups: readonly Group[], items: number): string => {
  const shown = groups.slice(0, MAX_SHOWN_GROUPS);
  const more = items - shown.reduce((sum, { count }) => sum + count, 0);
  return [...shown.map(failureGroupText), ...(more > 0 ? [`and ${pluralize(more, "more item")}`] : [])].join("; ");
};

/** Returns the keys of a group, and how many more there are. */
const failureGroupKeys = ({ count, items }: Group): string => {
  const keys = items.slice(0, MAX_KEYS).map(({ key }) => key);
  const more = count - keys.length;
  return `${keys.join(", ")}${more > 0 ? `, … and ${more} more` : ""}`;
};

/** Returns the failed items of a task that have the same cause: `4 × connection refused: web-3, web-7, web-9, web-12`. */
export const failureGroupText = (group: Group): string => `${group.count} × ${group.text}: ${failureGroupKeys(group)}`;
