// The engine without HTTP, on a database file: JOBS_DIR DB. Makes a round of runs for each line on stdin, and prints how
// many a second were stored as finished.
import { createEngine } from "../../src/engine/scheduler.ts";
import { readJobsDir } from "../../src/jobfile/read/job-dir.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { openRuntime } from "../../src/runtime/bun.ts";
import { openStore } from "../../src/store/database/open.ts";
import { TOGETHER } from "./raw-spawn.ts";

const WARM_UP = 100;
const RUNS = Number(process.env.BENCH_RUNS ?? 400);

const [jobsDir = "", db = ""] = process.argv.slice(2);
const runtime = openRuntime();
using store = openStore({ path: db, runtime });
await using engine = createEngine({
  store,
  runtime,
  clock: systemClock,
  log: silentLog,
  readJobs: () => readJobsDir(jobsDir),
  spoolDir: `${db}-spool`,
  environment: { PATH: process.env.PATH ?? "" },
  settings: {
    maxJobs: null,
    maxTasks: 4,
    timezone: "UTC",
    killGraceMs: 10_000,
    onInterrupt: "fail",
    logLimitBytes: 16 * 2 ** 20,
    shutdownTimeoutMs: 30_000,
  },
});
await engine.start();
const jobId = engine.listJobs()[0]?.job.id ?? "";

/** Always so many going on; the answer is runs a second. */
const round = async (count: number): Promise<number> => {
  const startedAt = performance.now();
  const over = Promise.withResolvers<void>();
  let [triggered, finished] = [0, 0];
  const next = (): void => {
    if (triggered < count) engine.trigger(jobId).catch(over.reject);
    triggered++;
  };
  const end = engine.onEvent(({ type, status }) => {
    if (type !== "run.finished") return;
    if (status !== "completed") over.reject(new Error(`a run ended as ${status}`));
    finished++;
    if (finished === count) over.resolve();
    next();
  });
  for (let index = 0; index < TOGETHER; index++) next();
  await over.promise;
  end();
  return (count / (performance.now() - startedAt)) * 1000;
};

await round(WARM_UP);
console.log("ready");
for await (const _ of console) console.log(await round(RUNS));
