import type { BackupState } from "../domain/backup/state.ts";
import { PetitError } from "../domain/errors.ts";
import { GIVEN_UP_COUNTS_MS, type HealthReason, type InternalError, type StorageFault } from "../domain/health.ts";
import type { Problem } from "../jobfile/problem.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/error-message.ts";
import { isLocked } from "../store/database/transaction.ts";
import type { Store } from "../store/store.ts";
import { LOCK_WAIT_MS } from "./commits.ts";
import type { EnginePhase, Health } from "./engine.ts";
import type { Outage } from "./outage.ts";

export type HealthOptions = {
  readonly phase: EnginePhase;
  readonly store: Store;
  readonly clock: Clock;
  readonly outage: Outage;
  /** Problems of the job files. */
  readonly problems: readonly Problem[];
  /** Why the job files could not be reloaded yet; null if they are in use as they are. */
  readonly reloadFailure: string | null;
  /** What is wrong with the repository of the job files. */
  readonly repositoryProblems: readonly HealthReason[];
  /** Recent errors of petit itself. */
  readonly internalErrors: readonly InternalError[];
  /** How backups fare; null if none are configured. */
  readonly backup: BackupState | null;
};

/**
 * Returns petit's health: `starting` or `stopping` while it accepts no triggers, `unavailable` if the database can't be written, which
 * it tries, and `degraded` if a job file is broken or not in use yet, notifications can't be delivered, a backup failed, or petit itself failed at a
 * run. A lock of another process counts once it has lasted longer than a trigger waits for it.
 */
export const healthOf = (options: HealthOptions): Health => {
  if (options.phase !== "running") return { status: options.phase, reasons: [] };
  const fault = storageFault(options);
  if (fault !== null) return { status: "unavailable", reasons: [fault] };
  const reasons = degradedReasons(options);
  return { status: reasons.length === 0 ? "ok" : "degraded", reasons };
};

const degradedReasons = ({
  store,
  clock,
  problems,
  reloadFailure,
  repositoryProblems,
  internalErrors,
  backup,
}: HealthOptions): readonly HealthReason[] => [
  ...brokenFiles(problems),
  ...(reloadFailure === null ? [] : [{ code: "reload_failed", error: reloadFailure } as const]),
  ...repositoryProblems,
  ...store.notifications
    .listUndelivered(clock.now() - GIVEN_UP_COUNTS_MS)
    .map((undelivered) => ({ code: "notifications_undelivered", ...undelivered }) as const),
  ...internalErrors.map((each) => ({ code: "internal_error", ...each }) as const),
  ...failedBackup(backup),
];

const failedBackup = (state: BackupState | null): readonly HealthReason[] =>
  state === null || state.failing === null
    ? []
    : [{ code: "backup_failed", ...state.failing, folder: state.plan.folder, lastAt: state.last?.at ?? null }];

/** One reason per file, for its first problem. */
const brokenFiles = (problems: readonly Problem[]): readonly HealthReason[] =>
  [...Map.groupBy(problems, ({ file }) => file).values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const { file, line, column, path, message } = first;
    return [{ code: "job_file_broken", file, line, column, path, problem: message, problems: others.length + 1 }];
  });

/** Returns why the database can't be written, or null. */
const storageFault = ({ store, clock, outage }: HealthOptions): StorageFault | null => {
  try {
    // During a known lock, the outage itself checks whether the lock is gone.
    if (!outage.isLocked) store.probe(clock.now());
  } catch (error) {
    if (!isLocked(error)) return faultOf(error);
    outage.noteFailure(error);
  }
  return outage.isLocked && outage.durationMs >= LOCK_WAIT_MS ? faultOf(outage.error) : null;
};

const faultOf = (error: unknown): StorageFault =>
  error instanceof PetitError && error.details?.reason === "storage_failed"
    ? error.details.fault
    : { code: "database_unwritable", sqliteCode: null, error: errorMessage(error) };
