import { Database } from "bun:sqlite";
import { join } from "node:path";
import { startPetit } from "./petit-process.ts";
import { medianAndP99 } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const SETTLE_MS = 3_000;
const MEASURE_MS = 12_000;

const JOBS = 10_000;
/** The number of jobs that are due every minute, so that 100 are due every second. The others are due once a year. */
const MINUTELY = 6_000;

/** Measures the delay from when an occurrence is due to its decision, the start of its run and the end of its run. */
export const measureLateness = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("lateness");
  const jobsDir = writeJobs(dir, JOBS, (id, index) => trueJob(id, scheduleOf(index)));
  const db = join(dir, "petit.db");
  const petit = await startPetit({ jobsDir, db });
  await Bun.sleep(SETTLE_MS);
  const from = Date.now();
  await Bun.sleep(MEASURE_MS);
  await petit[Symbol.asyncDispose]();
  return rowsOf(readLateness(db, from, from + MEASURE_MS));
};

const scheduleOf = (index: number): string =>
  `schedule: "${index < MINUTELY ? `${index % 60} * * * * *` : "@yearly"}"\n`;

type Lateness = { readonly decided: number; readonly started: number; readonly ended: number };

const readLateness = (path: string, from: number, to: number): readonly Lateness[] => {
  using db = new Database(path, { readonly: true });
  return db
    .query<Lateness, [number, number]>(
      `SELECT decided_at - o.scheduled_for AS decided, started_at - o.scheduled_for AS started, ended_at - o.scheduled_for AS ended
       FROM occurrences o JOIN runs ON runs.id = run_id WHERE o.scheduled_for BETWEEN ? AND ?`,
    )
    .all(from, to);
};

const rowsOf = (late: readonly Lateness[]): readonly Row[] => [
  {
    what: `100 occurrences per second, decided after, p50 / p99 (${late.length})`,
    petit: medianAndP99(late.map(({ decided }) => decided)),
  },
  { what: "  … run started after", petit: medianAndP99(late.map(({ started }) => started)) },
  { what: "  … run ended after", petit: medianAndP99(late.map(({ ended }) => ended)) },
];
