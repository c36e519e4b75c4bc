import { assertNever } from "../../lib/never.ts";
import { shorten } from "../../lib/text.ts";
import type { ErrorDetails, LimitReached } from "../errors.ts";
import type { RunStatus } from "../run.ts";
import { shutGateText } from "./gate.ts";
import { storageMessage } from "./health.ts";

/** Data of an error whose sentence is made here. An invalid value has the sentence of the check that found it, and a person who is not known that of the guard. */
export type Refusal = Exclude<ErrorDetails, { readonly reason: "invalid_value" | "not_logged_in" }>;

/** Returns the sentence for a request that petit refuses. */
export const refusalMessage = (refusal: Refusal): string => {
  switch (refusal.reason) {
    case "gates_shut":
      return `dependency not satisfied: ${refusal.gates.map(shutGateText).join("; ")}`;
    case "limit_reached":
      return `max concurrent runs exceeded: ${limitText(refusal)}`;
    case "idempotency_key_reused":
      return `idempotency key '${refusal.key}' was used for another request`;
    case "run_not_ended":
      return `run '${refusal.runId}' is still ${refusal.status}; cancel it, or wait until it has ended`;
    case "nothing_to_rerun":
      return nothingToRerunText(refusal.runId, refusal.status, "from=start");
    case "task_blocked":
      return `task '${refusal.taskId}' can't start: '${refusal.upstream}', which it depends on, did not complete; retry from '${refusal.upstream}'`;
    case "not_asking":
      return notAskingText(refusal);
    case "job_not_found": {
      const hint = refusal.suggestion === null ? "" : `; did you mean '${refusal.suggestion}'?`;
      return `job '${refusal.jobId}' was not found${hint}`;
    }
    case "job_gone":
      return `job '${refusal.jobId}' is gone: no job file defines it any more; put its file back to use it again`;
    case "run_not_found":
      return `run '${refusal.runId}' was not found`;
    case "no_job_has_tags":
      return noTagText(refusal);
    case "entry_not_found":
      return `nothing with the id '${refusal.entryId}' needs attention; 'petit status --json' lists what does`;
    case "mark_changed":
      return `others have changed what is said about '${shorten(refusal.entryId, 131)}': ${changedMarkText(refusal)}; look at it again`;
    case "delivery_not_found":
      return `delivery '${refusal.deliveryId}' was not found`;
    case "backfill_not_found":
      return `backfill '${refusal.backfillId}' was not found; 'petit backfill list' lists them`;
    case "no_schedule":
      return `job '${refusal.jobId}' has no schedule, so there are no occurrences to run it for; trigger it with params instead`;
    case "too_many_occurrences":
      return tooManyOccurrencesText(refusal);
    case "nothing_to_backfill":
      return nothingToBackfillText(refusal);
    case "backfill_ended":
      return `backfill '${refusal.backfillId}' is ${refusal.status} already`;
    case "no_webhook":
      return refusal.trigger === null
        ? `job '${refusal.jobId}' has no webhook without a name`
        : `job '${refusal.jobId}' has no webhook '${refusal.trigger}'`;
    case "secret_unreadable":
      return `the secret of the webhook of '${refusal.jobId}' can't be read: ${refusal.problem}`;
    case "event_deleted":
      return `the event of delivery '${refusal.deliveryId}' is not stored, so nothing can run with it again; petit keeps those of the newest 1,000 deliveries of a job for 30 days, and none of more than 1 MiB`;
    case "trigger_gone":
      return `job '${refusal.jobId}' has no trigger like that of delivery '${refusal.deliveryId}' any more; it can't be replayed`;
    case "worker_not_found": {
      const hint = refusal.suggestion === null ? "" : `; did you mean '${refusal.suggestion}'?`;
      return `worker '${refusal.worker}' was not found${hint}`;
    }
    case "token_name_taken":
      return `there is a token '${refusal.name}' already; revoke or rotate it, or choose another name`;
    case "token_not_found":
      return `there is no valid token '${refusal.name}'; 'petit tokens' lists all`;
    case "no_workers":
      return "petit runs without workers; start it with --nats";
    case "no_digest":
      return "no digest is configured; 'digest' in the configuration file declares one";
    case "worker_in_use":
      return refusal.attempts === 0
        ? `worker '${refusal.worker}' is connected; stop it first`
        : `worker '${refusal.worker}' has ${refusal.attempts === 1 ? "an attempt" : `${refusal.attempts} attempts`} that ${refusal.attempts === 1 ? "has" : "have"} not ended`;
    case "editing_off":
      return "job files can't be edited here; start petit with --edit to allow it";
    case "files_in_git":
      return "the job files are in a git repository; edit them there, and petit takes the commit";
    case "search_off":
      return "searches are off; start petit with a search_limit above 0, and with a database in a file";
    case "file_changed":
      return changedFileText(refusal);
    case "file_is_link":
      return `'${shorten(refusal.path, MAX_PATH)}' is a symbolic link, which petit does not edit through; edit the file that it leads to`;
    case "file_not_writable":
      return `'${shorten(refusal.path, MAX_PATH)}' can't be written: ${refusal.problem}. The file is as it was`;
    case "job_file_problems":
      return fileProblemsText(refusal);
    case "not_running":
      return `petit is ${refusal.state}; try again in a moment`;
    case "storage_failed":
      return storageMessage(refusal.fault);
    default:
      return assertNever(refusal);
  }
};

type RefusalOf<Reason extends Refusal["reason"]> = Extract<Refusal, { readonly reason: Reason }>;

const tooManyOccurrencesText = ({
  jobId,
  count,
  max,
  isCountCut,
  lastFit,
}: RefusalOf<"too_many_occurrences">): string => {
  const found = `${isCountCut ? "more than " : ""}${wholeNumberText(count)}`;
  const end = new Date(lastFit).toISOString();
  return `the range has ${found} occurrences of '${jobId}'; a backfill has at most ${wholeNumberText(max)}. Split it: the first part ends at ${end}`;
};

const nothingToBackfillText = ({ jobId, occurrences, existing }: RefusalOf<"nothing_to_backfill">): string => {
  if (occurrences === 0) return `there is nothing to run: '${jobId}' was not due in this range`;
  const all = occurrences === 1 ? "the only occurrence" : `each of the ${wholeNumberText(occurrences)} occurrences`;
  return existing === "skip"
    ? `there is nothing to run: ${all} of '${jobId}' in this range has a run already; existing=failed or existing=all runs them again`
    : `there is nothing to run: no occurrence of '${jobId}' in this range has failed or lacks a run`;
};

const wholeNumberText = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

/** Returns the sentence for a retry of a run whose tasks all completed. `rerunAll` is the option that reruns all of them. */
export const nothingToRerunText = (runId: string, status: RunStatus, rerunAll: string): string =>
  `run '${runId}' ended ${status}: nothing is left to rerun (${rerunAll} reruns all of it)`;

/** Returns which tags no job has, and which may have been meant. */
const noTagText = ({ tags, suggestion, known }: Extract<Refusal, { readonly reason: "no_job_has_tags" }>): string => {
  const [first, ...others] = tags.map((tag) => `'${tag}'`);
  if (others.length > 0) return `no job has all of the tags ${[first, ...others].join(", ")}`;
  if (suggestion !== null) return `no job has the tag ${first}; did you mean '${suggestion}'?`;
  return `no job has the tag ${first}; ${known.length === 0 ? "no job has tags" : `expected one of ${known.join(", ")}`}`;
};

const notAskingText = ({ runId, taskId, asking }: Extract<Refusal, { readonly reason: "not_asking" }>): string => {
  if (taskId === null && asking.length > 1)
    return `several tasks of run '${runId}' wait for approval: ${asking.join(", ")}; name one`;
  const what = taskId === null ? `run '${runId}'` : `task '${shorten(taskId, 131)}' of run '${runId}'`;
  const others = asking.length === 0 ? "" : `; ${asking.join(", ")} ${asking.length === 1 ? "does" : "do"}`;
  return `${what} does not wait for approval${others}`;
};

/** Maximum length of the path of a job file in a sentence. */
const MAX_PATH = 200;

const changedFileText = ({ path, base, modifiedAt, by }: RefusalOf<"file_changed">): string => {
  const file = `'${shorten(path, MAX_PATH)}'`;
  if (modifiedAt === null) return `there is no file ${file} any more; nothing was saved`;
  const when = `at ${new Date(modifiedAt).toISOString()}${by === null ? "" : ` by ${by}`}`;
  return base === null
    ? `there is a file ${file} already, written ${when}; nothing was saved`
    : `${file} was changed ${when}; nothing was saved`;
};

const fileProblemsText = ({ path, problems }: RefusalOf<"job_file_problems">): string => {
  const [first] = problems;
  const where = first === undefined ? "" : `: ${first.file}:${first.line}:${first.column}: ${first.message}`;
  const more = problems.length > 1 ? `, and ${problems.length - 1} more` : "";
  return `'${shorten(path, MAX_PATH)}' was not saved, because it would be wrong${where}${more}`;
};

const limitText = ({ limit, jobId, max, running }: LimitReached): string =>
  limit === "max_concurrency"
    ? `'${jobId}' has ${running} of ${max}`
    : `all ${max} slots for runs (--max-jobs) are taken`;

const changedMarkText = ({
  acknowledged,
  snoozed,
  owner,
}: Extract<Refusal, { readonly reason: "mark_changed" }>): string => {
  const parts = [
    ...(acknowledged === null ? [] : [`acknowledged by ${acknowledged.by ?? "somebody unknown"}`]),
    ...(snoozed === null ? [] : [`snoozed by ${snoozed.by ?? "somebody unknown"}`]),
    ...(owner === null ? [] : [`owner ${owner}`]),
  ];
  return parts.length === 0 ? "nobody has acknowledged it now" : parts.join(", ");
};
