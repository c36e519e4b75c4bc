import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Run } from "../../domain/run.ts";
import type { Attempt, ProcessIdentity } from "../../domain/task-run.ts";
import type { Clock } from "../../lib/clock.ts";
import { ageMs, bootId, identifyBySpool, isSame } from "../attempt/identity.ts";
import { adoptProcess, recordedExit } from "../attempt/process.ts";
import type { EngineOptions } from "../options.ts";
import { continueHeld } from "../output/brake.ts";
import { attemptOf, readEnding, readStatus, removeSpool, type Spool, spoolOf } from "../output/spool.ts";
import type { Pulse } from "../poller.ts";
import type { Adopted } from "./context.ts";
import type { Runs } from "./runs.ts";

/** Goes on with every run that an earlier petit left, and clears away the spool files that belong to none. */
export const recover = (options: EngineOptions, runs: Runs): void => {
  const { store, log, spoolDir, clock } = options;
  const kept = new Set<number>();
  for (const run of store.runs.listUnfinished()) {
    const attempts =
      run.status === "running" ? store.runs.listAttempts(run.id).filter(({ status }) => status === "running") : [];
    for (const { id } of attempts) kept.add(id);
    const adopted = attempts.map((attempt) =>
      adopt(attempt, spoolOf(spoolDir, attempt.id), { pulse: runs.pulse, clock }),
    );
    log.info({ job_id: run.jobId, run_id: run.id, status: run.status, attempts: adopted.length }, describe(run));
    runs.adopt(withNotedEnding(run, attempts, options), store.jobs.getDefinition(run.versionId), adopted);
  }
  clear(spoolDir, kept);
};

/** Stores why the run was to be ended where the previous process could only note that. */
const withNotedEnding = (
  run: Run,
  attempts: readonly Attempt[],
  { store, spoolDir }: Pick<EngineOptions, "store" | "spoolDir">,
): Run => {
  const [noted] = attempts.flatMap(({ id }) => readEnding(spoolOf(spoolDir, id)) ?? []);
  if (noted === undefined || run.ending !== null) return run;
  store.runs.requestEnd(run.id, noted);
  return { ...run, ending: noted };
};

const describe = (run: Run): string =>
  run.status === "pending" ? "a pending run waits on" : "a run that was going on is taken up again";

/** Finds out what became of an attempt: it has ended and left its status, it lives or is lost, or it never began. */
const adopt = (
  attempt: Attempt,
  spool: Spool,
  { pulse, clock }: { readonly pulse: Pulse; readonly clock: Clock },
): Adopted => {
  const exit = recordedExit(spool);
  if (exit !== null) {
    const { pid } = readStatus(spool);
    return {
      attempt,
      process: { pid: pid ?? NOBODY, exited: Promise.resolve(exit), endedAt: endOf(attempt, spool, clock) },
    };
  }
  const identity = attempt.process ?? begunAs(spool);
  if (identity !== null && isSame(identity)) continueHeld({ leader: identity.pid, spool });
  return { attempt, process: identity === null ? null : adoptProcess(identity, spool, pulse) };
};

/** Who began it, where that was not stored before petit went; null where nobody did, or will: it is begun anew. */
const begunAs = (spool: Spool): ProcessIdentity | null => {
  if (readStatus(spool).pid === null && withdraw(spool)) return null;
  return identifyBySpool(spool) ?? { pid: readStatus(spool).pid ?? NOBODY, startTime: "", bootId: bootId() };
};

/**
 * Takes the files away from a shell that has not said its name yet, so that it can't begin any more. False where it said
 * so at this very moment: whether it then saw its file is not known, so that it counts as begun.
 */
const withdraw = (spool: Spool): boolean => {
  const aside = `${spool.status}-withdrawn`;
  if (!existsSync(spool.status)) return true;
  renameSync(spool.status, aside);
  if (readStatus({ ...spool, status: aside }).pid !== null) {
    renameSync(aside, spool.status);
    return false;
  }
  rmSync(aside);
  removeSpool(spool);
  return true;
};

const NOBODY = 0;

/**
 * Returns when an attempt ended, by the clock of its run. The last write to the status file tells it by the wall clock; where
 * that is impossible, since the process had not started or would be older than it can be, the wall clock was stepped before.
 */
const endOf = ({ startedAt, process }: Attempt, spool: Spool, clock: Clock): number => {
  const byWallMs = Math.floor(statSync(spool.status).mtimeMs) - startedAt;
  const mostMs = process === null ? null : ageMs(process);
  if (mostMs === null) return startedAt + Math.max(0, byWallMs);
  const steppedMs = clock.now() - startedAt - mostMs;
  const tookMs = byWallMs >= 0 && byWallMs <= mostMs ? byWallMs : byWallMs - steppedMs;
  return startedAt + Math.round(Math.min(mostMs, Math.max(0, tookMs)));
};

const clear = (spoolDir: string, kept: ReadonlySet<number>): void => {
  for (const name of readdirSync(spoolDir)) {
    const attemptId = attemptOf(name);
    if (attemptId === null || !kept.has(attemptId)) rmSync(join(spoolDir, name), { recursive: true, force: true });
  }
};
