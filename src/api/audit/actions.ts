import type { AuditAction } from "../../domain/people/audit.ts";
import type { RouteName } from "../routes/roles.ts";

/** Every route that can change something, but for the reading ones. */
type ChangingRoute = Exclude<RouteName, `GET ${string}`>;

/** What requests to a route do, as the audit log says it. */
export type RouteAction = {
  readonly action: AuditAction;
  /** The part of the path that says what it is done to. Missing where the body or nothing does. */
  readonly on?: string;
};

/**
 * What the audit log calls the action of each route; a route without an entry does not compile. Null where nothing changes. Requests of these
 * routes that change nothing, such as dry runs, call `noteNoAction`.
 */
export const ROUTE_ACTIONS = {
  "POST /api/hooks/:job_id": { action: "hook.receive", on: "job_id" },
  "POST /api/hooks/:job_id/:name": { action: "hook.receive", on: "job_id" },
  "POST /api/hooks/_jobs": { action: "jobs.hook" },
  "DELETE /api/session": { action: "session.logout" },
  "POST /api/session": { action: "session.login" },
  "DELETE /api/attention/:entry_id/acknowledge": { action: "attention.reopen", on: "entry_id" },
  "POST /api/attention/:entry_id/acknowledge": { action: "attention.acknowledge", on: "entry_id" },
  "DELETE /api/attention/:entry_id/note": { action: "attention.note_delete", on: "entry_id" },
  "POST /api/attention/:entry_id/note": { action: "attention.note", on: "entry_id" },
  "DELETE /api/attention/:entry_id/owner": { action: "attention.unassign", on: "entry_id" },
  "POST /api/attention/:entry_id/owner": { action: "attention.assign", on: "entry_id" },
  "DELETE /api/attention/:entry_id/snooze": { action: "attention.wake", on: "entry_id" },
  "POST /api/attention/:entry_id/snooze": { action: "attention.snooze", on: "entry_id" },
  "POST /api/backfills": { action: "backfill.create" },
  "POST /api/backfills/:backfill_id/cancel": { action: "backfill.cancel", on: "backfill_id" },
  "POST /api/backfills/:backfill_id/pause": { action: "backfill.pause", on: "backfill_id" },
  "POST /api/backfills/:backfill_id/resume": { action: "backfill.resume", on: "backfill_id" },
  "POST /api/deliveries/:delivery_id/replay": { action: "delivery.replay", on: "delivery_id" },
  "POST /api/digest/test": { action: "digest.test" },
  "POST /api/jobs/:job_id/hooks/test": { action: "hook.test", on: "job_id" },
  "POST /api/jobs/:job_id/notify/test": { action: "notify.test", on: "job_id" },
  "POST /api/jobs/:job_id/pause": { action: "job.pause", on: "job_id" },
  "POST /api/jobs/:job_id/resume": { action: "job.resume", on: "job_id" },
  "POST /api/jobs/:job_id/trigger": { action: "job.trigger", on: "job_id" },
  "POST /api/runs/:run_id/cancel": { action: "run.cancel", on: "run_id" },
  "POST /api/runs/:run_id/retry": { action: "run.retry", on: "run_id" },
  "POST /api/runs/:run_id/tasks/:task_id/approve": { action: "task.approve", on: "task_id" },
  "POST /api/runs/:run_id/tasks/:task_id/reject": { action: "task.reject", on: "task_id" },
  "PUT /api/job-files/*": { action: "job_file.save", on: "*" },
  "POST /api/job-files/check": null,
  "POST /api/jobs/follow": { action: "jobs.follow" },
  "POST /api/jobs/pin": { action: "jobs.pin" },
  "POST /api/jobs/reload": { action: "jobs.reload" },
  "POST /api/jobs/sync": { action: "jobs.sync" },
  "POST /api/scheduler/pause": { action: "scheduler.pause" },
  "POST /api/scheduler/resume": { action: "scheduler.resume" },
  "DELETE /api/workers/:name": { action: "worker.forget", on: "name" },
  "POST /api/workers/:name/drain": { action: "worker.drain", on: "name" },
  "POST /api/workers/:name/resume": { action: "worker.resume", on: "name" },
  "POST /api/tokens": { action: "token.create" },
  "POST /api/tokens/:name/rotate": { action: "token.rotate", on: "name" },
  "DELETE /api/tokens/:name": { action: "token.revoke", on: "name" },
  // Its tools send requests of their own, each of which is in the log. Only what is denied before that is in it as this.
  "POST /mcp": { action: "agent.call" },
} as const satisfies Readonly<Record<ChangingRoute, RouteAction | null>>;

export type ActionRoute = keyof typeof ROUTE_ACTIONS;
