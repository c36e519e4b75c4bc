import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseDuration } from "../../../src/lib/duration.ts";
import { canStepClock } from "../engine/faults-clock.ts";
import { NATS_VERSIONS } from "../nats/server.ts";
import { violations } from "./invariants.ts";
import { type Torture, torture } from "./torture.ts";
import { reportWorkers } from "./workers/report.ts";
import { tortureWorkers } from "./workers/torture.ts";
import { tortureWorkflow } from "./workflow.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string" },
    "no-locker": { type: "boolean" },
    workflow: { type: "boolean" },
    workers: { type: "boolean" },
    nats: { type: "string", default: "2.15" },
    cluster: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    "lost-after": { type: "string", default: "5s" },
    verbose: { type: "boolean" },
  },
});
const kills = Number(values.kills);
const locksForMs = values["no-locker"] ? 0 : 20_000;
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));

const report = (result: Torture, wrong: readonly string[]): void => {
  const db = new Database(result.dbPath, { readonly: true });
  const counts = (sql: string): string =>
    db
      .query<{ what: string; count: number }, []>(sql)
      .all()
      .map(({ what, count }) => `${count} ${what}`)
      .join(", ");
  const starts = [...result.startsMs].sort((a, b) => a - b);
  const at = (part: number): string => (starts[Math.floor(part * (starts.length - 1))] ?? 0).toFixed(0);
  console.log(`done      ${[...result.done].map(([what, count]) => `${count} ${what}`).join(", ")}`);
  console.log(`accepted  ${result.accepted.size} runs, ${result.webhooks.size} webhooks, ${result.files} files`);
  console.log(`runs      ${counts("SELECT status AS what, count(*) AS count FROM runs GROUP BY 1")}`);
  console.log(
    `attempts  ${counts("SELECT coalesce(reason, status) AS what, count(*) AS count FROM attempts GROUP BY 1")}`,
  );
  console.log(
    `ledger    ${counts("SELECT outcome || coalesce(' ' || reason, '') AS what, count(*) AS count FROM occurrences GROUP BY 1")}`,
  );
  console.log(
    `delivered ${counts("SELECT type || ' ' || outcome || coalesce(' ' || reason, '') AS what, count(*) AS count FROM deliveries GROUP BY 1")}`,
  );
  console.log(`starts    p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`);
  console.log(
    wrong.length === 0 ? "no violations" : `VIOLATIONS, database kept in ${result.dbPath}:\n${wrong.join("\n")}`,
  );
  db.close();
};

/** Kills petit during one job with items, an approval and child runs. */
const runWorkflow = async (dir: string): Promise<readonly string[]> => {
  console.log(`workflow: ${kills} kills, seed ${seed}`);
  const { runs, items, childRuns, killsWhileAsking, surprises } = await tortureWorkflow({ seed, kills, dir });
  console.log(
    `done      ${runs} runs, ${items} items, ${childRuns} child runs, ${killsWhileAsking} kills while it asked`,
  );
  console.log(surprises.length === 0 ? "no violations" : `VIOLATIONS:\n${surprises.join("\n")}`);
  return surprises;
};

/** Causes faults of a scheduler, three workers and NATS. */
const runWorkers = async (dir: string): Promise<readonly string[]> => {
  const natsVersion = NATS_VERSIONS.find((version) => version === values.nats);
  const lostAfterMs = parseDuration(values["lost-after"]);
  if (natsVersion === undefined) throw new Error(`--nats expects ${NATS_VERSIONS.join(" or ")}`);
  if (lostAfterMs === null) throw new Error("--lost-after expects a duration");
  const isCluster = values.cluster;
  if (isCluster && natsVersion !== "2.15") throw new Error("--cluster expects --nats 2.15");
  const servers = `${isCluster ? "three nats-servers" : "nats-server"} ${natsVersion}`;
  console.log(`workers: ${kills} faults, seed ${seed}, ${servers}, lost after ${values["lost-after"]}`);
  const trace = values.verbose ? { trace: (line: string): void => console.log(line) } : {};
  const result = await tortureWorkers({
    seed,
    faults: kills,
    dir,
    natsVersion,
    lostAfterMs,
    isCluster,
    only: values.only,
    delays: 3,
    ...trace,
  });
  reportWorkers(result);
  return result.violations;
};

const runTorture = async (dir: string): Promise<readonly string[]> => {
  console.log(`torture: ${kills} kills, seed ${seed}, ${canStepClock ? "with" : "without"} steps of the clock`);
  const trace = values.verbose ? (line: string): void => console.log(line) : undefined;
  const result = await torture({
    seed,
    kills,
    dir,
    stepsClock: canStepClock,
    locksForMs,
    ...(trace === undefined ? {} : { trace }),
  });
  const wrong = [...result.surprises, ...violations(result)];
  report(result, wrong);
  return wrong;
};

const dir = mkdtempSync(join(tmpdir(), "petit-torture-"));
const run = values.workers ? runWorkers : values.workflow ? runWorkflow : runTorture;
const wrong = await run(dir);
if (wrong.length === 0) rmSync(dir, { recursive: true });
process.exitCode = wrong.length === 0 ? 0 : 1;
