import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Run } from "../domain/run.ts";
import type { Attempt, ProcessIdentity } from "../domain/task-run.ts";
import type { EngineOptions } from "./options.ts";
import { bootId, identifyBySpool } from "./process-identity.ts";
import type { Pulse } from "./pulse.ts";
import type { Adopted } from "./run-context.ts";
import { adoptProcess, recordedExit } from "./run-process.ts";
import type { Runs } from "./runs.ts";
import { attemptOf, readStatus, removeSpool, type Spool, spoolOf } from "./spool.ts";

/** Goes on with every run that an earlier petit left, and clears away the spool files that belong to none. */
export const recover = (options: EngineOptions, runs: Runs): void => {
  const { store, log, spoolDir } = options;
  const kept = new Set<number>();
  for (const run of store.unfinishedRuns()) {
    const attempts =
      run.status === "running" ? store.listAttempts(run.id).filter(({ status }) => status === "running") : [];
    for (const { id } of attempts) kept.add(id);
    const adopted = attempts.map((attempt) => adopt(attempt, spoolOf(spoolDir, attempt.id), runs.pulse));
    log.info({ job_id: run.jobId, run_id: run.id, status: run.status, attempts: adopted.length }, describe(run));
    runs.adopt(run, store.definition(run.versionId), adopted);
  }
  clear(spoolDir, kept);
};

const describe = (run: Run): string =>
  run.status === "pending" ? "a pending run waits on" : "a run that was going on is taken up again";

/** Finds out what became of an attempt: it has ended and left its status, it lives or is lost, or it never began. */
const adopt = (attempt: Attempt, spool: Spool, pulse: Pulse): Adopted => {
  const exit = recordedExit(spool);
  if (exit !== null)
    return { attempt, process: { pid: readStatus(spool).pid ?? NOBODY, exited: Promise.resolve(exit) } };
  const identity = attempt.process ?? begunAs(spool);
  return { attempt, process: identity === null ? null : adoptProcess(identity, spool, pulse) };
};

/**
 * Who began it, where that was not stored before petit went; null where nobody did. Then its files go, so that a shell
 * that has not said its name yet can't begin any more, and it is begun anew.
 */
const begunAs = (spool: Spool): ProcessIdentity | null => {
  const before = readStatus(spool);
  if (before.pid === null) removeSpool(spool);
  else return identifyBySpool(spool) ?? { pid: before.pid, startTime: "", bootId: bootId() };
  return null;
};

const NOBODY = 0;

const clear = (spoolDir: string, kept: ReadonlySet<number>): void => {
  for (const name of readdirSync(spoolDir)) {
    const attemptId = attemptOf(name);
    if (attemptId === null || !kept.has(attemptId)) rmSync(join(spoolDir, name), { recursive: true, force: true });
  }
};
