import { VIAS } from "./person.ts";
import type { Role } from "./role.ts";

/**
 * How an action came to petit: how a person came in, or else
 * - `webhook`: a sender that its signature identifies.
 * - `command`: a command on the database itself, without a running petit in between.
 * - `start`, `watch`, `signal`, `git`: petit read the job files because it started, noticed a change, got SIGHUP, or found a new commit.
 */
export const AUDIT_WAYS = [...VIAS, "webhook", "command", "start", "watch", "signal", "git"] as const;
export type AuditWay = (typeof AUDIT_WAYS)[number];

/** What can be done, as the audit log names it. */
export const AUDIT_ACTIONS = [
  "agent.call",
  "attention.acknowledge",
  "attention.assign",
  "attention.note",
  "attention.note_delete",
  "attention.reopen",
  "attention.snooze",
  "attention.unassign",
  "attention.wake",
  "backfill.cancel",
  "backfill.create",
  "backfill.pause",
  "backfill.resume",
  "database.restore",
  "delivery.replay",
  "digest.test",
  "hook.receive",
  "hook.test",
  "job.pause",
  "job.resume",
  "job.trigger",
  "job_file.save",
  "jobs.change",
  "jobs.follow",
  "jobs.hook",
  "jobs.pin",
  "jobs.reload",
  "jobs.sync",
  "notify.test",
  "requests.denied",
  "run.cancel",
  "run.retry",
  "scheduler.pause",
  "scheduler.resume",
  "session.login",
  "session.logout",
  "task.approve",
  "task.reject",
  "token.create",
  "token.revoke",
  "token.rotate",
  "worker.drain",
  "worker.forget",
  "worker.resume",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** How long rows are kept if nothing else is set, in days. */
export const DEFAULT_AUDIT_DAYS = 400;

/** How many denied requests of an address get a row of their own in a minute. The others are counted in one. */
export const DENIED_PER_MINUTE = 60;

/** What is known about an action before it is stored. */
export type AuditFacts = {
  /** The person's name; null if it is not known. */
  readonly who: string | null;
  /** Null if nobody was identified. */
  readonly role: Role | null;
  readonly how: AuditWay;
  /** Null if it came from no network, or if the client has disconnected. */
  readonly address: string | null;
  readonly action: AuditAction;
  /** What it was done to: an id, a name or a path. Null for petit itself. */
  readonly target: string | null;
  /** The job that it concerns; null if it concerns none or several. */
  readonly jobId: string | null;
  readonly runId: string | null;
  /** What else is to be said. */
  readonly details: AuditDetails | null;
  /** The answer's X-Request-Id; null if no request caused it. */
  readonly requestId: string | null;
};

/** Counts, ids and names: no params, secrets or texts. */
export type AuditDetails = Readonly<Record<string, AuditDetail>>;
type AuditDetail = string | number | null | readonly string[] | { readonly [name: string]: AuditDetail };

/** A row of the audit log. */
export type AuditRow = AuditFacts & {
  readonly id: number;
  /** In ms since the Unix epoch. */
  readonly at: number;
  /** False if it was denied, so that nothing was done. */
  readonly allowed: boolean;
  /** How many requests the row stands for. */
  readonly count: number;
};

/** Returns a row as API and command line show it. */
export const auditFields = (row: AuditRow) => ({
  id: row.id,
  at: row.at,
  who: row.who,
  role: row.role,
  how: row.how,
  address: row.address,
  action: row.action,
  on: row.target,
  job_id: row.jobId,
  run_id: row.runId,
  allowed: row.allowed,
  count: row.count,
  details: row.details,
  request_id: row.requestId,
});

/** Returns the facts of an action of which nothing else is known. */
export const auditFacts = (
  known: Pick<AuditFacts, "how" | "action"> & Partial<Omit<AuditFacts, "how" | "action">>,
): AuditFacts => ({
  who: known.who ?? null,
  role: known.role ?? null,
  how: known.how,
  address: known.address ?? null,
  action: known.action,
  target: known.target ?? null,
  jobId: known.jobId ?? null,
  runId: known.runId ?? null,
  details: known.details ?? null,
  requestId: known.requestId ?? null,
});
