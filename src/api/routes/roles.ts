import type { NeededRole } from "../../domain/people/role.ts";
import type { Routes } from "./routes.ts";

/** The method and the path of each route, as `routes.ts` declares it. */
type RouteName = NamesIn<Routes["~Routes"], "">;

type NamesIn<Tree, Path extends string> = {
  [Part in keyof Tree & string]: Part extends Method
    ? `${Uppercase<Part>} ${Path}`
    : NamesIn<Tree[Part], `${Path}/${Part}`>;
}[keyof Tree & string];

type Method = "get" | "post" | "put" | "patch" | "delete";

/** The role that each route needs; a route without one does not compile. Whoever has a higher role may use it, too. */
export const ROUTE_ROLES = {
  // Health checks and webhooks, which have no person, and logging in and out.
  "GET /api/health": "none",
  "GET /api/health/live": "none",
  "POST /api/hooks/:job_id": "none",
  "POST /api/hooks/:job_id/:name": "none",
  "POST /api/hooks/_jobs": "none",
  "DELETE /api/session": "none",
  "POST /api/session": "none",
  // Whatever reads.
  "GET /api/attention": "viewer",
  "GET /api/attention/:entry_id": "viewer",
  "GET /api/backfills": "viewer",
  "GET /api/backfills/:backfill_id": "viewer",
  "GET /api/deliveries": "viewer",
  "GET /api/deliveries/:delivery_id": "viewer",
  "GET /api/docs": "viewer",
  "GET /api/events": "viewer",
  "GET /api/job-repository": "viewer",
  "GET /api/job-repository/diff": "viewer",
  "GET /api/job-schema": "viewer",
  "GET /api/jobs": "viewer",
  "GET /api/jobs/:job_id": "viewer",
  "GET /api/jobs/:job_id/definition": "viewer",
  "GET /api/jobs/:job_id/deliveries": "viewer",
  "GET /api/jobs/:job_id/durations": "viewer",
  "GET /api/jobs/:job_id/occurrences": "viewer",
  "GET /api/jobs/:job_id/runs": "viewer",
  "GET /api/jobs/:job_id/task-history": "viewer",
  "GET /api/jobs/:job_id/versions": "viewer",
  "GET /api/jobs/:job_id/versions/:version": "viewer",
  "GET /api/notifications": "viewer",
  "GET /api/openapi.json": "viewer",
  "GET /api/queues": "viewer",
  "GET /api/review": "viewer",
  "GET /api/runs": "viewer",
  "GET /api/runs/:run_id": "viewer",
  "GET /api/runs/:run_id/artifacts": "viewer",
  "GET /api/runs/:run_id/artifacts/*": "viewer",
  "GET /api/runs/:run_id/comparison": "viewer",
  "GET /api/runs/:run_id/lines": "viewer",
  "GET /api/runs/:run_id/lines/errors": "viewer",
  "GET /api/runs/:run_id/lines/search": "viewer",
  "GET /api/runs/:run_id/logs": "viewer",
  "GET /api/runs/:run_id/tasks": "viewer",
  "GET /api/runs/:run_id/tasks/:task_id/items": "viewer",
  "GET /api/scheduler/state": "viewer",
  "GET /api/session": "viewer",
  "GET /api/stats": "viewer",
  "GET /api/system": "viewer",
  "GET /api/timeline": "viewer",
  "GET /api/timeline/compact": "viewer",
  "GET /api/workers": "viewer",
  "GET /api/workers/:name": "viewer",
  "GET /metrics": "viewer",
  // Whatever changes what jobs and runs do.
  "DELETE /api/attention/:entry_id/acknowledge": "operator",
  "POST /api/attention/:entry_id/acknowledge": "operator",
  "DELETE /api/attention/:entry_id/note": "operator",
  "POST /api/attention/:entry_id/note": "operator",
  "DELETE /api/attention/:entry_id/owner": "operator",
  "POST /api/attention/:entry_id/owner": "operator",
  "DELETE /api/attention/:entry_id/snooze": "operator",
  "POST /api/attention/:entry_id/snooze": "operator",
  "POST /api/backfills": "operator",
  "POST /api/backfills/:backfill_id/cancel": "operator",
  "POST /api/backfills/:backfill_id/pause": "operator",
  "POST /api/backfills/:backfill_id/resume": "operator",
  "POST /api/deliveries/:delivery_id/replay": "operator",
  "POST /api/digest/test": "operator",
  "POST /api/jobs/:job_id/hooks/test": "operator",
  "POST /api/jobs/:job_id/notify/test": "operator",
  "POST /api/jobs/:job_id/pause": "operator",
  "POST /api/jobs/:job_id/resume": "operator",
  "POST /api/jobs/:job_id/trigger": "operator",
  "POST /api/runs/:run_id/cancel": "operator",
  "POST /api/runs/:run_id/retry": "operator",
  "POST /api/runs/:run_id/tasks/:task_id/approve": "operator",
  "POST /api/runs/:run_id/tasks/:task_id/reject": "operator",
  // Whatever changes petit itself, and for all jobs. The texts of job files can contain secrets.
  "GET /api/job-files": "admin",
  "GET /api/job-files/*": "admin",
  "PUT /api/job-files/*": "admin",
  "POST /api/job-files/check": "admin",
  "POST /api/jobs/follow": "admin",
  "POST /api/jobs/pin": "admin",
  "POST /api/jobs/reload": "admin",
  "POST /api/jobs/sync": "admin",
  "POST /api/scheduler/pause": "admin",
  "POST /api/scheduler/resume": "admin",
  "DELETE /api/workers/:name": "admin",
  "POST /api/workers/:name/drain": "admin",
  "POST /api/workers/:name/resume": "admin",
} as const satisfies Readonly<Record<RouteName, NeededRole>>;
