import { join } from "node:path";
import { residentMiB, startPetit } from "./petit-process.ts";
import { figure, median } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, typicalJob, writeJobs } from "./workspace.ts";

/** The numbers of jobs, the rounds, and the limit of a start in ms. */
const SIZES = [
  { jobs: 10, rounds: 5, underMs: 100 },
  { jobs: 1_000, rounds: 3, underMs: 300 },
  { jobs: 10_000, rounds: 2, underMs: null },
] as const;

/** Measures the time from exec to healthy, with an existing and with a new database, and the memory. */
export const measureStart = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("start");
  const rows: Row[] = [];
  for (const { jobs, rounds, underMs } of SIZES) {
    const jobsDir = writeJobs(dir, jobs, (id, index) => typicalJob(id, index));
    const starts = await measureStarts(jobsDir, { dir, rounds });
    const againMs = median(starts.map(({ again }) => again));
    rows.push({
      what: `start with ${figure(jobs)} jobs, existing / new database`,
      petit: `${figure(againMs)} / ${figure(median(starts.map(({ first }) => first)))} ms`,
      ...(underMs === null ? {} : { value: againMs, target: { bound: "under", value: underMs, unit: " ms" } }),
    });
    rows.push({
      what: `memory with ${figure(jobs)} jobs`,
      petit: `${figure(starts.at(-1)?.mib ?? 0)} MiB`,
    });
  }
  return rows;
};

type Start = { readonly first: number; readonly again: number; readonly mib: number };

/** Within this time, the process returns part of the memory that the start needed. */
const SETTLE_MS = 2_000;

const measureStarts = async (
  jobsDir: string,
  { dir, rounds }: { readonly dir: string; readonly rounds: number },
): Promise<readonly Start[]> => {
  const starts: Start[] = [];
  for (let round = 0; round < rounds; round++) {
    const db = join(dir, `${jobsDir.split("-").at(-1)}-${round}.db`);
    const first = await startOnce(jobsDir, db, 0);
    const again = await startOnce(jobsDir, db, round === rounds - 1 ? SETTLE_MS : 0);
    starts.push({ first: first.startMs, again: again.startMs, mib: again.mib });
  }
  return starts;
};

const startOnce = async (jobsDir: string, db: string, settleMs: number) => {
  await using petit = await startPetit({ jobsDir, db });
  await Bun.sleep(settleMs);
  return { startMs: petit.startMs, mib: residentMiB(petit.pid) };
};
