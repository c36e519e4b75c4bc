import { Database } from "bun:sqlite";
import { join } from "node:path";
import { startPetit } from "./petit-process.ts";
import { halfAndMost } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const SETTLE_MS = 3_000;
const WATCH_MS = 12_000;

/** Jobs, of which a hundred are due each second, and the rest once a year. */
const JOBS = 10_000;
const MINUTELY = 6_000;

/** From the instant that an occurrence is due to its decision, its run's start, and the stored end of that. */
export const measureLateness = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("lateness");
  const jobsDir = writeJobs(dir, JOBS, (id, index) => trueJob(id, scheduleOf(index)));
  const db = join(dir, "petit.db");
  const petit = await startPetit({ jobsDir, db });
  await Bun.sleep(SETTLE_MS);
  const from = Date.now();
  await Bun.sleep(WATCH_MS);
  await petit[Symbol.asyncDispose]();
  return rowsOf(readLateness(db, from, from + WATCH_MS));
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
    what: `firing at 100 a second, decided after, p50 / p99 (${late.length})`,
    petit: halfAndMost(late.map(({ decided }) => decided)),
  },
  { what: "  … run started after", petit: halfAndMost(late.map(({ started }) => started)) },
  { what: "  … run ended after", petit: halfAndMost(late.map(({ ended }) => ended)) },
];
