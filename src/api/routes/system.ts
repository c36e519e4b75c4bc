import { Elysia } from "elysia";
import type { ApiContext } from "../context.ts";
import { atIntervals, folderBytes, freeBytesOf } from "../disk-space.ts";
import { jobRepositoryBody } from "../shapes/definition/repository.ts";
import { failures } from "../shapes/failure.ts";
import { healthReasonBody } from "../shapes/health.ts";
import { activityBody } from "../shapes/limits/waits-for.ts";
import { problemBody, schedulerBody } from "../shapes/scheduler.ts";
import {
  backupBody,
  type FolderBody,
  heartbeatBody,
  limitSupportBody,
  SystemBody,
  settingBody,
} from "../shapes/system.ts";

export const systemRoutes = (context: ApiContext) => {
  const { clock, store, system } = context;
  const artifactBytes = atIntervals(clock, () => store.artifacts.getTotals().bytes);
  const spoolBytes = atIntervals(clock, () => (system.spoolDir === null ? 0 : folderBytes(system.spoolDir)));
  return new Elysia().get(
    "/api/system",
    () => systemBody(context, { artifacts: artifactBytes(), spool: spoolBytes() }),
    {
      response: { 200: SystemBody, ...failures() },
      detail: {
        operationId: "getSystem",
        tags: ["scheduler"],
        summary: "Get petit's version, paths, settings and health",
        description: "Each setting has its source, as in `petit doctor`. Sizes of folders are at most a minute old.",
      },
    },
  );
};

type FolderSizes = { readonly artifacts: number; readonly spool: number };

const folderBody = (path: string | null, bytes: number): typeof FolderBody.static => ({
  path,
  bytes,
  free_bytes: path === null ? null : freeBytesOf(path),
});

const systemBody = (
  { engine, store, clock, version, hostname, authentication, system, repository, editor }: ApiContext,
  sizes: FolderSizes,
): typeof SystemBody.static => {
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
    now: clock.now(),
    timezone: system.timezone,
    database: {
      path: system.dbPath,
      bytes: store.sizeBytes(),
      schema: system.schemaVersion,
      free_bytes: system.artifactsDir === null ? null : freeBytesOf(system.dbPath),
    },
    artifacts: folderBody(system.artifactsDir, sizes.artifacts),
    spool: folderBody(system.spoolDir, sizes.spool),
    jobs_dir: system.jobsDir,
    job_repository: repository === null ? null : jobRepositoryBody(repository.state),
    editing: editor !== null,
    jobs: engine.listJobs().length,
    runs: activityBody(engine.activity()),
    waiting_notifications: store.notifications.countWaiting(),
    scheduler: schedulerBody(engine),
    health: { status, reasons: reasons.map(healthReasonBody) },
    heartbeat: heartbeatBody(engine.heartbeat),
    backup: backupBody(engine.backup),
    limit_support: limitSupportBody(engine.limitSupport),
    problems: engine.problems.map(problemBody),
    needs_token: authentication.needsToken(),
    settings: system.settings.map(settingBody),
  };
};
