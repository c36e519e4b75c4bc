// Runs the engine without HTTP on a database file: engine-runs.ts JOBS_DIR DB [CGROUP]
// For each line on stdin, it executes one round of runs and prints the number of finished runs per second.
import { createEngine } from "../../src/engine/scheduler.ts";
import { readJobsDir } from "../../src/jobfile/read/job-dir.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { openRuntime } from "../../src/runtime/bun.ts";
import { openStore } from "../../src/store/database/open.ts";
import { CONCURRENCY } from "./raw-spawn.ts";

const WARM_UP = 100;
const RUNS = Number(process.env.BENCH_RUNS ?? 400);

const [jobsDir = "", db = "", base = null] = process.argv.slice(2);
const cgroups = { kind: "delegated", base: base ?? "", controllers: new Set<never>(), gap: null } as const;
const runtime = openRuntime();
using store = openStore({ path: db, runtime });
await using engine = createEngine({
  store,
  runtime,
  clock: systemClock,
  log: silentLog,
  readJobs: () => readJobsDir(jobsDir),
  spoolDir: `${db}-spool`,
  artifactsDir: `${db}-artifacts`,
  ownFolders: { state: [], jobs: null },
  environment: { PATH: process.env.PATH ?? "" },
  ...(base !== null && { cgroups }),
  settings: {
    usage: base === null ? "wait" : "cgroup",
    maxJobs: null,
    maxTasks: 4,
    timezone: "UTC",
    killGraceMs: 10_000,
    onInterrupt: "fail",
    logLimitBytes: 16 * 2 ** 20,
    artifactLimitBytes: 2 ** 30,
    shutdownTimeoutMs: 30_000,
  },
});
await engine.start();
const jobId = engine.listJobs()[0]?.job.id ?? "";

/** Executes `count` runs, always CONCURRENCY at the same time. Returns runs per second. */
const runRound = async (count: number): Promise<number> => {
  const startedAt = performance.now();
  const done = Promise.withResolvers<void>();
  let [triggered, finished] = [0, 0];
  const next = (): void => {
    if (triggered < count) engine.trigger(jobId).catch(done.reject);
    triggered++;
  };
  const unsubscribe = engine.onEvent(({ type, status }) => {
    if (type !== "run.finished") return;
    if (status !== "completed") done.reject(new Error(`a run ended as ${status}`));
    finished++;
    if (finished === count) done.resolve();
    next();
  });
  for (let index = 0; index < CONCURRENCY; index++) next();
  await done.promise;
  unsubscribe();
  return (count / (performance.now() - startedAt)) * 1000;
};

await runRound(WARM_UP);
console.log("ready");
for await (const _ of console) console.log(await runRound(RUNS));
