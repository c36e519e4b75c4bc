import { Database } from "bun:sqlite";
import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { figure, halfAndMost, percentile } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const SECONDS = 3;
/** Of runs: four each 10 ms. */
const EVERY_MS = 10;
const TOGETHER = 4;
const PAUSE_MS = 2;

/** How long the API takes to answer while 400 runs a second are started, and while nothing happens. */
export const measureBusyApi = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("busy-api");
  const jobsDir = writeJobs(dir, 100, (id) => trueJob(id));
  const db = join(dir, "petit.db");
  await using petit = await startPetit({ jobsDir, db });
  const { port } = petit;
  await pace(port, 1);
  const { run_id } = await (await trigger(port)).json();
  const ask = async (path: string): Promise<readonly number[]> =>
    (await load({ port, connections: 1, seconds: SECONDS, pauseMs: PAUSE_MS, method: "GET", path })).latenciesMs;
  const rows: Row[] = [];
  for (const [what, path] of Object.entries({
    "GET a job": "/api/jobs/job-00000",
    "list 100 jobs": "/api/jobs",
    "GET a run": `/api/runs/${run_id}`,
  })) {
    const idle = await ask(path);
    const triggering = pace(port, SECONDS);
    const busy = await ask(path);
    const perSecond = await triggering;
    rows.push({
      what: `${what} at ${figure(perSecond)} runs a second, p50 / p99`,
      petit: halfAndMost(busy),
      baseline: `${halfAndMost(idle)} idle`,
      ratio: percentile(busy, 0.99) / percentile(idle, 0.99),
    });
    await allEnded(db);
  }
  return rows;
};

const TRIGGER = "/api/jobs/job-00000/trigger";

const trigger = (port: number): Promise<Response> => fetch(`http://127.0.0.1:${port}${TRIGGER}`, { method: "POST" });

/** How many runs a second were started. */
const pace = async (port: number, seconds: number): Promise<number> => {
  const args = [port, EVERY_MS, TOGETHER, seconds, TRIGGER].map(String);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "pace-client.ts"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { sent, failures, lastedMs } = JSON.parse(await new Response(child.stdout).text());
  if (failures > 0) throw new Error(`${failures} of ${sent} triggers failed`);
  return (sent / lastedMs) * 1000;
};

const PATIENCE_MS = 30_000;

const allEnded = async (path: string): Promise<void> => {
  using db = new Database(path, { readonly: true });
  const open = db.query<{ count: number }, []>("SELECT count(*) AS count FROM runs WHERE ended_at IS NULL");
  for (const until = performance.now() + PATIENCE_MS; (open.get()?.count ?? 0) > 0; await Bun.sleep(20))
    if (performance.now() > until) throw new Error("the runs did not end");
};
