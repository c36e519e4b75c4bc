import { dirname, resolve } from "node:path";
import { PetitError } from "../domain/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { EngineOptions, EngineSettings } from "../engine/options.ts";
import { type CreateEngineOptions, createEngine } from "../engine/scheduler.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { assertAccessible, statDatabase } from "../store/database/access.ts";
import { lockDatabase } from "../store/database/lock.ts";
import { assertUsable, MEMORY, openStore } from "../store/database/open.ts";
import { assertOwned, findOpenFolder, openFolderText } from "../store/database/ownership.ts";
import { assertRunsJobsHere } from "./platform.ts";
import { defaultZone, type Settings } from "./settings/settings.ts";
import { artifactsDirOf, openSpoolDir } from "./spool-dir.ts";

export type OpenEngineOptions = {
  readonly settings: Settings;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** See `EngineOptions`. */
  readonly readJobs: EngineOptions["readJobs"];
  /** See `EngineOptions`. */
  readonly followSchedules?: boolean;
  /** See `CreateEngineOptions`. */
  readonly workers?: CreateEngineOptions["workers"];
};

/**
 * Creates the engine with its database and spool folder, without starting it. Adds the resources to `parts`, which
 * releases them in reverse order. Throws `taken` if another petit has the database, `unusable_database` if it cannot be
 * used, and `invalid_request` on a system that cannot run jobs.
 */
export const openEngine = (options: OpenEngineOptions, parts: AsyncDisposableStack): Engine => {
  const { settings, runtime, clock, log } = options;
  assertRunsJobsHere();
  checkPlace(options);
  // Check first, because the lock creates a file next to the database.
  assertUsable({ path: settings.db, runtime });
  if (settings.db !== MEMORY) parts.use(lockDatabase(runtime, settings.db));
  const store = parts.use(openStore({ path: settings.db, runtime }));
  store.scheduler.setOwner({ pid: process.pid, url: null });
  const spool = parts.use(openSpoolDir(settings.db));
  // Another user may have created one of the files since the first check.
  assertNotForeign(options);
  return parts.use(
    createEngine({
      store,
      runtime,
      clock,
      log,
      readJobs: options.readJobs,
      spoolDir: spool.path,
      artifactsDir: artifactsDirOf(settings.db, spool.path),
      environment: definedIn(options.environment),
      settings: engineSettings(settings),
      followSchedules: options.followSchedules ?? true,
      workers: options.workers ?? null,
    }),
  );
};

/** Checks for conditions that SQLite reports only as an I/O error, and for files that other users may have planted. */
const checkPlace = (options: OpenEngineOptions): void => {
  const { db } = options.settings;
  if (db === MEMORY) return;
  if (statDatabase(dirname(resolve(db))) === undefined) {
    throw new PetitError(
      "unusable_database",
      `there is no folder ${dirname(db)} for the database ${db}; create it first`,
    );
  }
  const found = statDatabase(db);
  if (found !== undefined && !found.isFile()) {
    // Opening a pipe would block until it has a writer.
    const what = found.isDirectory() ? "a folder" : "not a regular file";
    throw new PetitError("unusable_database", `the database ${db} is ${what}; expected a file`);
  }
  assertAccessible(db);
  assertNotForeign(options);
  const folder = findOpenFolder({ ...options, db });
  if (folder !== null)
    options.log.warn({ folder }, `${openFolderText(folder)}; keep the database in a folder that only you can write to`);
};

const assertNotForeign = (options: OpenEngineOptions): void => {
  const { db } = options.settings;
  if (db !== MEMORY) assertOwned({ ...options, db });
};

/** Returns an environment without the names that have no value. */
export const definedIn = (environment: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );

const engineSettings = (settings: Settings): EngineSettings => ({
  maxJobs: settings.maxJobs,
  queues: settings.queues,
  maxTasks: settings.maxTasks,
  timezone: defaultZone(settings),
  killGraceMs: settings.killGraceMs,
  onInterrupt: settings.onInterrupt,
  logLimitBytes: settings.logLimitBytes,
  artifactLimitBytes: settings.artifactLimitBytes,
  retention: { runs: settings.retentionRuns, days: settings.retentionDays },
  shutdownTimeoutMs: settings.shutdownTimeoutMs,
  publicUrl: settings.publicUrl,
});
