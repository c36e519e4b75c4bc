import { resolve } from "node:path";
import type { OpenAccess } from "../domain/attention.ts";
import { PetitError } from "../domain/errors.ts";
import { findCgroups } from "../engine/attempt/cgroup/support.ts";
import { processCopier } from "../engine/backup/copier.ts";
import type { Engine } from "../engine/engine.ts";
import type { EngineOptions, EngineSettings, RetentionSettings } from "../engine/options.ts";
import { type CreateEngineOptions, createEngine, type EventIntake } from "../engine/scheduler.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { MEMORY } from "../store/database/open.ts";
import { definedIn, openDatabase } from "./open-database.ts";
import { defaultZone, type Settings } from "./settings/settings.ts";
import { artifactsDirOf, ownFoldersOf, secretKeyFileOf } from "./spool-dir.ts";

export type OpenEngineOptions = {
  readonly settings: Settings;
  /** JOBS_DIR; null if there is none. */
  readonly jobsDir: string | null;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** See `EngineOptions`. */
  readonly readJobs: EngineOptions["readJobs"];
  /** See `EngineOptions`. */
  readonly followSchedules?: boolean;
  /** See `EngineOptions`. */
  readonly watchFiles?: boolean;
  /** See `EngineOptions`. */
  readonly repository?: EngineOptions["repository"];
  /** See `EngineOptions`. */
  readonly digest?: EngineOptions["digest"];
  /** See `EngineOptions`. */
  readonly heartbeat?: EngineOptions["heartbeat"];
  /** See `EngineOptions`. */
  readonly traces?: EngineOptions["traces"];
  /** See `EngineSettings`. */
  readonly taskLimits?: EngineSettings["limits"];
  /** See `CreateEngineOptions`. */
  readonly workers?: CreateEngineOptions["workers"];
  /** See `CreateEngineOptions`. */
  readonly attempts?: CreateEngineOptions["attempts"];
  /** See `CreateEngineOptions`. */
  readonly messages?: CreateEngineOptions["messages"];
  /** See `CreateEngineOptions`. */
  readonly openAccess?: () => OpenAccess | null;
  /** See `CreateEngineOptions`. */
  readonly failingIndex?: CreateEngineOptions["failingIndex"];
  /** See `CreateEngineOptions`. */
  readonly unreadableSecrets?: CreateEngineOptions["unreadableSecrets"];
};

/**
 * Creates the engine with its database and spool folder, without starting it. Adds the resources to `parts`, which
 * releases them in reverse order. Throws `taken` if another petit has the database, `unusable_database` if it cannot be
 * used, and `invalid_request` on a system that cannot run jobs.
 */
export const openEngine = (options: OpenEngineOptions, parts: AsyncDisposableStack): Engine & EventIntake => {
  const { settings, jobsDir, runtime, clock, log, environment } = options;
  const { store, spool, isRestored } = openDatabase(
    { db: settings.db, runtime, clock, log, environment, epochFile: settings.epochFile },
    parts,
  );
  return parts.use(
    createEngine({
      store,
      runtime,
      clock,
      log,
      readJobs: options.readJobs,
      spoolDir: spool.path,
      secretKeyFile: secretKeyFileOf(settings.db),
      artifactsDir: artifactsDirOf(settings.db, spool.path),
      ownFolders: ownFoldersOf({ db: settings.db, spoolDir: spool.path, jobsDir }),
      environment: definedIn(environment),
      cgroups: findCgroups({ runtime, environment }),
      settings: engineSettings(settings, options.taskLimits),
      followSchedules: options.followSchedules ?? true,
      ...(options.watchFiles !== undefined && { watchFiles: options.watchFiles }),
      repository: options.repository ?? null,
      digest: options.digest ?? null,
      heartbeat: options.heartbeat ?? null,
      traces: options.traces ?? null,
      backup:
        options.followSchedules === false ? null : backupOf(settings, { databaseId: store.identity.get().id, runtime }),
      isRestored,
      workers: options.workers ?? null,
      ...(options.attempts !== undefined && { attempts: options.attempts }),
      messages: options.messages ?? null,
      openAccess: options.openAccess ?? (() => null),
      failingIndex: options.failingIndex ?? (() => null),
      unreadableSecrets: options.unreadableSecrets ?? (() => []),
    }),
  );
};

const backupOf = (
  settings: Settings,
  { databaseId, runtime }: { readonly databaseId: string; readonly runtime: Runtime },
): NonNullable<EngineOptions["backup"]> | null => {
  const { db, backupDir, backupAt: at, backupKeepDays: days, backupKeepWeeks: weeks, backupArtifacts } = settings;
  if (backupDir === null) return null;
  if (db === MEMORY)
    throw new PetitError("invalid_request", `backup_dir needs a database in a file; ${MEMORY} keeps nothing`);
  const plan = { folder: resolve(backupDir), at, keep: { days, weeks }, artifacts: backupArtifacts };
  const timezone = defaultZone(settings);
  return { plan, copier: processCopier({ plan, path: resolve(db), databaseId, timezone, runtime }) };
};

/** The word `default` chooses the default rule, also for a database that keeps all runs otherwise. */
const retentionOf = ({ retentionRuns: runs, retentionDays: days }: Settings): RetentionSettings => ({
  runs: runs === "default" ? null : runs,
  days: days === "default" ? null : days,
  ...((runs === "default" || days === "default") && { byDefault: "recent" }),
});

const engineSettings = (settings: Settings, limits: EngineSettings["limits"] = {}): EngineSettings => ({
  maxJobs: settings.maxJobs,
  queues: settings.queues,
  maxTasks: settings.maxTasks,
  timezone: defaultZone(settings),
  killGraceMs: settings.killGraceMs,
  onInterrupt: settings.onInterrupt,
  logLimitBytes: settings.logLimitBytes,
  artifactLimitBytes: settings.artifactLimitBytes,
  limits,
  usage: settings.usage,
  runAsAllowed: settings.runAsAllowed,
  retention: retentionOf(settings),
  auditDays: settings.auditDays,
  shutdownTimeoutMs: settings.shutdownTimeoutMs,
  publicUrl: settings.publicUrl,
});
