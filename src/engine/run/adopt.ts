import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Run } from "../../domain/run.ts";
import type { Attempt } from "../../domain/task-run.ts";
import { adoptProcess } from "../attempt/adopt.ts";
import type { EngineOptions } from "../options.ts";
import { attemptOf, findSpool, readEnding, removeLeftover } from "../output/spool.ts";
import type { Poller } from "../poller.ts";
import type { Runs } from "./runs.ts";

export type AdoptRunsOptions = Pick<EngineOptions, "store" | "log" | "spoolDir" | "clock"> & {
  readonly runs: Runs;
  readonly poller: Poller;
};

/** Adopts every run that the previous process left unfinished, and removes the spool files of all other runs. */
export const adoptRuns = (options: AdoptRunsOptions): void => {
  const { store, log, spoolDir, runs } = options;
  const adoptedIds = new Set<number>();
  const unfinished = store.runs.listUnfinished().map((run) => {
    const attempts =
      run.status === "running" ? store.runs.listAttempts(run.id).filter(({ status }) => status === "running") : [];
    return { run, attempts, hasProcess: attempts.some(({ childRunId }) => childRunId === null) };
  });
  // Runs with a process have their places. The others continue as far as places are left.
  for (const { run, attempts } of unfinished.toSorted((a, b) => Number(b.hasProcess) - Number(a.hasProcess))) {
    for (const { id } of attempts) adoptedIds.add(id);
    const adopted = attempts.map((attempt) => ({
      attempt,
      process: attempt.childRunId === null ? adoptProcess(attempt, findSpool(spoolDir, attempt.id), options) : null,
    }));
    const fields = { job_id: run.jobId, run_id: run.id, status: run.status, attempts: adopted.length };
    log.info(fields, run.status === "pending" ? "adopted a pending run" : "adopted a running run");
    runs.adopt(withNotedEnding(run, attempts, options), store.jobs.getDefinition(run.versionId), adopted);
  }
  removeOtherSpools(spoolDir, adoptedIds);
};

/** Stores why the run is being ended, if the previous process could only note that in the spool folder. */
const withNotedEnding = (
  run: Run,
  attempts: readonly Attempt[],
  { store, spoolDir }: Pick<EngineOptions, "store" | "spoolDir">,
): Run => {
  const [noted] = attempts.flatMap(({ id }) => readEnding(findSpool(spoolDir, id)) ?? []);
  if (noted === undefined || run.ending !== null) return run;
  store.runs.requestEnd(run.id, noted);
  return { ...run, ending: noted };
};

const removeOtherSpools = (spoolDir: string, adoptedIds: ReadonlySet<number>): void => {
  for (const name of readdirSync(spoolDir)) {
    const attemptId = attemptOf(name);
    if (attemptId === null || !adoptedIds.has(attemptId)) removeLeftover(join(spoolDir, name));
  }
};
