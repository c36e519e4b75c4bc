import { Elysia } from "elysia";
import type { ApiContext } from "../context.ts";
import { failures } from "../shapes/failure.ts";
import { healthReasonBody } from "../shapes/health.ts";
import { problemBody, schedulerBody } from "../shapes/scheduler.ts";
import { SystemBody, settingBody } from "../shapes/system.ts";

export const systemRoutes = (context: ApiContext) =>
  new Elysia().get("/api/system", () => systemBody(context), {
    response: { 200: SystemBody, ...failures() },
    detail: {
      operationId: "getSystem",
      tags: ["scheduler"],
      summary: "Get petit's version, paths, settings and health",
      description: "Each setting has its source, as in `petit doctor`.",
    },
  });

const systemBody = ({
  engine,
  store,
  clock,
  version,
  hostname,
  authentication,
  system,
}: ApiContext): typeof SystemBody.static => {
  const { status, reasons } = engine.health();
  return {
    version,
    runtime: { ...system.runtime },
    sqlite_version: store.sqliteVersion(),
    target: system.target,
    hostname,
    pid: process.pid,
    started_at: system.startedAt,
    uptime_ms: Math.max(0, Math.round(clock.now() - system.startedAt)),
    timezone: system.timezone,
    database: { path: system.dbPath, bytes: store.sizeBytes(), schema: system.schemaVersion },
    jobs_dir: system.jobsDir,
    jobs: engine.listJobs().length,
    runs: { running: engine.counts.running, pending: engine.counts.pending },
    waiting_notifications: store.notifications.countWaiting(),
    scheduler: schedulerBody(engine),
    health: { status, reasons: reasons.map(healthReasonBody) },
    problems: engine.problems.map(problemBody),
    needs_token: authentication.needsToken(),
    settings: system.settings.map(settingBody),
  };
};
