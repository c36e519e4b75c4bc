import { type Job, taskOf } from "../../domain/job.ts";
import type { Run } from "../../domain/run.ts";
import type { Attempt } from "../../domain/task-run.ts";
import { adoptProcess } from "../attempt/adopt.ts";
import type { Cgroups } from "../attempt/cgroup/cgroups.ts";
import type { EngineOptions } from "../options.ts";
import { findSpool, readEnding, removeOtherSpools } from "../output/spool.ts";
import type { Poller } from "../poller.ts";
import type { Runs } from "./runs.ts";

export type AdoptRunsOptions = Pick<EngineOptions, "store" | "log" | "spoolDir" | "clock"> & {
  readonly runs: Runs;
  readonly poller: Poller;
  readonly cgroups: Cgroups;
  /** Attempts that the database does not know, and that still run. */
  readonly lostIds: readonly number[];
};

/** Adopts every run that the previous process left unfinished, and removes the spool files and cgroups of all other runs. */
export const adoptRuns = (options: AdoptRunsOptions): void => {
  const { store, log, spoolDir, runs, lostIds } = options;
  const adoptedIds = new Set<number>(lostIds);
  const unfinished = store.runs.listUnfinished().map((run) => {
    const attempts = run.status === "running" ? runningAttempts(run, options) : [];
    return { run, attempts, keepsSlot: attempts.some(({ childRunId }) => childRunId === null) };
  });
  // Runs with attempts of their own, and not only child runs, keep their slots. The others continue as far as slots are left.
  for (const { run, attempts } of unfinished.toSorted((a, b) => Number(b.keepsSlot) - Number(a.keepsSlot))) {
    for (const { id } of attempts) adoptedIds.add(id);
    const fields = { job_id: run.jobId, run_id: run.id, status: run.status, attempts: attempts.length };
    let job: Job | null = null;
    try {
      job = store.jobs.getDefinition(run.versionId, run.commit);
      adopt(run, job, { attempts, options });
      log.info(fields, run.status === "pending" ? "adopted a pending run" : "adopted a running run");
    } catch (error) {
      // An error of petit itself about one run must not keep it from starting.
      runs.endFaulty(run, job, error);
    }
  }
  removeOtherSpools(spoolDir, adoptedIds);
  options.cgroups.removeOthers(adoptedIds);
};

/** Returns none if they can't be read: then the run can't be adopted either. */
const runningAttempts = ({ id }: Run, { store, log }: AdoptRunsOptions): readonly Attempt[] => {
  try {
    return store.runs.listAttempts(id).filter(({ status }) => status === "running");
  } catch (error) {
    log.error({ err: error, run_id: id }, "cannot read the attempts of a run");
    return [];
  }
};

type AdoptedRun = { readonly attempts: readonly Attempt[]; readonly options: AdoptRunsOptions };

const adopt = (run: Run, job: Job, { attempts, options }: AdoptedRun): void => {
  const { runs, spoolDir } = options;
  const isHere = ({ taskId, childRunId }: Attempt): boolean =>
    childRunId === null && taskOf(job, taskId).runsOn === undefined;
  const adopted = attempts.map((attempt) => ({
    attempt,
    process: isHere(attempt) ? adoptProcess(attempt, findSpool(spoolDir, attempt.id), options) : null,
  }));
  runs.adopt(withNotedEnding(run, attempts, options), job, adopted);
};

/** Stores why the run is being ended, if the previous process could only note that in the spool folder. */
const withNotedEnding = (
  run: Run,
  attempts: readonly Attempt[],
  { store, spoolDir }: Pick<EngineOptions, "store" | "spoolDir">,
): Run => {
  const [noted] = attempts.flatMap(({ id }) => readEnding(findSpool(spoolDir, id)) ?? []);
  const all = noted === "shutdown";
  if (noted === undefined || (run.ending !== null && (run.endsCleanUps || !all))) return run;
  return store.runs.requestEnd(run.id, noted, { all });
};
