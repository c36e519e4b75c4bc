import { suggest } from "../lib/suggest.ts";
import { shorten } from "../lib/text.ts";
import { type ErrorCode, type ParamProblem, PetitError } from "./errors.ts";
import { hasTags, type Job } from "./job.ts";
import { type Refusal, refusalMessage } from "./words/refusal.ts";

/** Returns the error for a request that petit refuses: its code and its sentence follow from its data. */
export const refuse = (refusal: Refusal, { cause }: { readonly cause?: unknown } = {}): PetitError =>
  new PetitError(CODES[refusal.reason], refusalMessage(refusal), {
    details: refusal,
    ...(cause !== undefined && { cause }),
  });

const CODES = {
  gates_shut: "dependency_not_met",
  limit_reached: "limit_reached",
  idempotency_key_reused: "conflict",
  run_not_ended: "conflict",
  nothing_to_rerun: "conflict",
  task_blocked: "conflict",
  not_asking: "conflict",
  job_not_found: "not_found",
  job_gone: "not_found",
  run_not_found: "not_found",
  no_job_has_tags: "not_found",
  entry_not_found: "not_found",
  mark_changed: "conflict",
  delivery_not_found: "not_found",
  backfill_not_found: "not_found",
  no_schedule: "conflict",
  too_many_occurrences: "invalid_request",
  nothing_to_backfill: "conflict",
  backfill_ended: "conflict",
  no_webhook: "conflict",
  secret_unreadable: "conflict",
  event_deleted: "conflict",
  trigger_gone: "conflict",
  worker_not_found: "not_found",
  token_name_taken: "conflict",
  token_not_found: "not_found",
  no_workers: "conflict",
  no_digest: "conflict",
  worker_in_use: "conflict",
  editing_off: "conflict",
  search_off: "conflict",
  files_in_git: "conflict",
  file_changed: "conflict",
  file_is_link: "conflict",
  file_not_writable: "conflict",
  job_file_problems: "invalid_request",
  not_running: "not_running",
  storage_failed: "storage_failed",
} as const satisfies Record<Refusal["reason"], ErrorCode>;

/** Returns the error for a job id that is unknown; it suggests the nearest of the `known` ids. */
export const jobNotFound = (jobId: string, known: Iterable<string>): PetitError =>
  refuse({ reason: "job_not_found", jobId: shortened(jobId), suggestion: suggest(jobId, known) });

/** Maximum number of tags that an error lists. */
const MAX_KNOWN_TAGS = 20;

type Tagged = Pick<Job, "tags">;

/** Returns the jobs that have all of the tags. Throws if no job has one of them. */
export const withKnownTags = <Each extends Tagged>(
  jobs: readonly Each[],
  wanted: readonly string[],
): readonly Each[] => {
  const known = new Set(jobs.flatMap(({ tags = [] }) => tags));
  const unknown = wanted.find((tag) => !known.has(tag));
  if (unknown !== undefined) throw noJobHasTags([unknown], known);
  return jobs.filter((job) => hasTags(job, wanted));
};

/** The same, but also throws if no job has all of them. */
export const requireTagged = <Each extends Tagged>(
  jobs: readonly Each[],
  wanted: readonly string[],
): readonly Each[] => {
  const found = withKnownTags(jobs, wanted);
  if (found.length === 0) throw noJobHasTags(wanted, new Set());
  return found;
};

const noJobHasTags = (tags: readonly string[], known: ReadonlySet<string>): PetitError =>
  refuse({
    reason: "no_job_has_tags",
    tags: tags.map(shortened),
    suggestion: suggest(tags[0] ?? "", known),
    known: [...known].sort().slice(0, MAX_KNOWN_TAGS),
  });

/** Returns the error for params that do not fit. */
export const invalidParams = (params: readonly ParamProblem[]): PetitError => {
  const problem = params.map((each) => each.problem).join("; ");
  const name = params[0]?.name ?? "";
  return new PetitError("invalid_request", problem, {
    details: { reason: "invalid_value", in: "params", name, problem, params },
  });
};

/** Returns the error for a run id that is unknown or malformed. */
export const runNotFound = (runId: string): PetitError => refuse({ reason: "run_not_found", runId: shortened(runId) });

/** Returns the error for the id of an entry that does not need attention. */
export const entryNotFound = (entryId: string): PetitError =>
  refuse({ reason: "entry_not_found", entryId: shortened(entryId) });

/** Returns the error for an unknown backfill. */
export const backfillNotFound = (backfillId: string): PetitError =>
  refuse({ reason: "backfill_not_found", backfillId: shortened(backfillId) });

/** Returns the error for an unknown delivery. */
export const deliveryNotFound = (deliveryId: string): PetitError =>
  refuse({ reason: "delivery_not_found", deliveryId: shortened(deliveryId) });

/** Returns the error for an unknown worker, with the most similar of the `known` names as a suggestion. */
export const workerNotFound = (worker: string, known: Iterable<string>): PetitError =>
  refuse({ reason: "worker_not_found", worker: shortened(worker), suggestion: suggest(worker, known) });

/** An id comes from a request, so it may have any length. */
const shortened = (id: string): string => shorten(id, 131);
