import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Run } from "../domain/run.ts";
import type { Attempt } from "../domain/task-run.ts";
import type { EngineOptions } from "./options.ts";
import { readIdentity } from "./process-identity.ts";
import type { Pulse } from "./pulse.ts";
import type { Adopted } from "./run-job.ts";
import { adoptProcess, type RunningProcess, recordedExit } from "./run-process.ts";
import type { Runs } from "./runs.ts";
import { readExitStatus, removeSpool, type Spool, spoolOf } from "./spool.ts";

/** Goes on with every run that an earlier petit left, and clears away the spool folders that belong to none. */
export const recover = (options: EngineOptions, runs: Runs): void => {
  const { store, log, spoolDir } = options;
  const kept = new Set<string>();
  for (const run of store.unfinishedRuns()) {
    const attempts =
      run.status === "running" ? store.listAttempts(run.id).filter(({ status }) => status === "running") : [];
    for (const { id } of attempts) kept.add(String(id));
    const adopted = attempts.map((attempt) => adopt(attempt, spoolOf(spoolDir, attempt.id), runs.pulse));
    log.info({ job_id: run.jobId, run_id: run.id, status: run.status, attempts: adopted.length }, describe(run));
    runs.adopt(run, store.definition(run.versionId), adopted);
  }
  clear(spoolDir, kept);
};

const describe = (run: Run): string =>
  run.status === "pending" ? "a pending run waits on" : "a run that was going on is taken up again";

/** Finds out what became of an attempt: it lives, it has ended and left its status, it never began, or it is lost. */
const adopt = (attempt: Attempt, spool: Spool, pulse: Pulse): Adopted => {
  const identity = attempt.process ?? readIdentity(spool);
  if (readExitStatus(spool) !== null || identity === null) return ended(attempt, identity, spool);
  return { attempt, process: adoptProcess(identity, spool, pulse) };
};

const ended = (attempt: Attempt, identity: RunningProcess["identity"] | null, spool: Spool): Adopted => {
  const exit = recordedExit(spool);
  if (exit !== null) return { attempt, process: { identity: identity ?? NOBODY, exited: Promise.resolve(exit) } };
  // Its folder goes, so that a shell that has not written its name yet can't begin any more; then it is begun anew.
  removeSpool(spool);
  return { attempt, process: null };
};

const NOBODY = { pid: 0, startTime: "", bootId: "" };

const clear = (spoolDir: string, kept: ReadonlySet<string>): void => {
  for (const name of readdirSync(spoolDir)) {
    if (!kept.has(name)) rmSync(join(spoolDir, name), { recursive: true, force: true });
  }
};
