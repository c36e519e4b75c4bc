import { Database } from "bun:sqlite";
import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { figure, medianAndP99, percentile } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const SECONDS = 3;
/** The load: four triggers every 10 ms. */
const INTERVAL_MS = 10;
const TRIGGERS_PER_INTERVAL = 4;
const PAUSE_MS = 2;

/** Measures the response times of the API while 400 runs per second start, and while petit is idle. */
export const measureBusyApi = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("busy-api");
  const jobsDir = writeJobs(dir, 100, (id) => trueJob(id));
  const db = join(dir, "petit.db");
  await using petit = await startPetit({ jobsDir, db });
  const { port } = petit;
  await startRuns(port, 1);
  const { run_id } = await (await trigger(port)).json();
  const measureLatencies = async (path: string): Promise<readonly number[]> =>
    (await load({ port, connections: 1, seconds: SECONDS, pauseMs: PAUSE_MS, method: "GET", path })).latenciesMs;
  const rows: Row[] = [];
  for (const [what, path] of Object.entries({
    "GET a job": "/api/jobs/job-00000",
    "list 100 jobs": "/api/jobs",
    "GET a run": `/api/runs/${run_id}`,
  })) {
    const idle = await measureLatencies(path);
    const triggering = startRuns(port, SECONDS);
    const busy = await measureLatencies(path);
    const perSecond = await triggering;
    rows.push({
      what: `${what} at ${figure(perSecond)} runs per second, p50 / p99`,
      petit: medianAndP99(busy),
      baseline: `${medianAndP99(idle)} idle`,
      ratio: percentile(busy, 0.99) / percentile(idle, 0.99),
    });
    await waitUntilRunsEnded(db);
  }
  return rows;
};

const TRIGGER = "/api/jobs/job-00000/trigger";

const trigger = (port: number): Promise<Response> => fetch(`http://127.0.0.1:${port}${TRIGGER}`, { method: "POST" });

/** Triggers runs for `seconds`. Returns the number of triggers per second. */
const startRuns = async (port: number, seconds: number): Promise<number> => {
  const args = [port, INTERVAL_MS, TRIGGERS_PER_INTERVAL, seconds, TRIGGER].map(String);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "pace-client.ts"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { sent, failures, durationMs } = JSON.parse(await new Response(child.stdout).text());
  if (failures > 0) throw new Error(`${failures} of ${sent} triggers failed`);
  return (sent / durationMs) * 1000;
};

const TIMEOUT_MS = 30_000;

const waitUntilRunsEnded = async (path: string): Promise<void> => {
  using db = new Database(path, { readonly: true });
  const open = db.query<{ count: number }, []>("SELECT count(*) AS count FROM runs WHERE ended_at IS NULL");
  for (const until = performance.now() + TIMEOUT_MS; (open.get()?.count ?? 0) > 0; await Bun.sleep(20))
    if (performance.now() > until) throw new Error("the runs did not end");
};
