import { join } from "node:path";
import { startBareServer } from "./bare-executable.ts";
import { residentMiB, startPetit } from "./petit-process.ts";
import { figure, median } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, typicalJob, writeJobs } from "./workspace.ts";

/** The numbers of jobs, the rounds, and the limits of a start in ms and of the memory when idle in MiB. */
const SIZES = [
  { jobs: 5, rounds: 7, underMs: 60, underMiB: 60 },
  { jobs: 1_000, rounds: 5, underMs: 150, underMiB: 70 },
  { jobs: 10_000, rounds: 3, underMs: 600, underMiB: 100 },
] as const;

/**
 * Measures the time from exec until triggers are accepted, with known and with new jobs, and the memory when idle. The baseline is a
 * minimal server of the same runtime, which is started in the same rounds.
 */
export const measureStart = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("start");
  const rows: Row[] = [];
  for (const { jobs, rounds, underMs, underMiB } of SIZES) {
    const jobsDir = writeJobs(dir, jobs, (id, index) => typicalJob(id, index));
    const starts = await measureStarts(jobsDir, { dir, rounds });
    const knownMs = median(starts.map(({ known }) => known));
    const bareMs = median(starts.map(({ bare }) => bare));
    const last = starts.at(-1);
    rows.push(
      {
        what: `start with ${jobs.toLocaleString("en")} known / new jobs`,
        petit: `${figure(knownMs)} / ${figure(median(starts.map(({ first }) => first)))} ms`,
        baseline: `${figure(bareMs)} ms minimal`,
        ratio: knownMs / bareMs,
        value: knownMs,
        target: { bound: "under", value: underMs, unit: " ms" },
      },
      {
        what: `memory when idle with ${jobs.toLocaleString("en")} jobs`,
        petit: `${figure(last?.mib ?? 0)} MiB`,
        baseline: `${figure(last?.bareMib ?? 0)} MiB minimal`,
        value: last?.mib ?? Number.NaN,
        target: { bound: "under", value: underMiB, unit: " MiB" },
      },
    );
  }
  return rows;
};

type Start = {
  readonly first: number;
  readonly known: number;
  readonly bare: number;
  readonly mib: number;
  readonly bareMib: number;
};

/** Within this time, petit compares all files with the database, and then releases the memory that only the start needed. */
const SETTLE_MS = 25_000;
const BARE_SETTLE_MS = 2_000;

const measureStarts = async (
  jobsDir: string,
  { dir, rounds }: { readonly dir: string; readonly rounds: number },
): Promise<readonly Start[]> => {
  const starts: Start[] = [];
  for (let round = 0; round < rounds; round++) {
    const db = join(dir, `${jobsDir.split("-").at(-1)}-${round}.db`);
    const first = await startOnce(jobsDir, db, 0);
    const isLast = round === rounds - 1;
    const known = await startOnce(jobsDir, db, isLast ? SETTLE_MS : 0);
    const bare = await startBare(dir, isLast ? BARE_SETTLE_MS : 0);
    starts.push({
      first: first.startMs,
      known: known.startMs,
      bare: bare.startMs,
      mib: known.mib,
      bareMib: bare.mib,
    });
  }
  return starts;
};

const startOnce = async (jobsDir: string, db: string, settleMs: number) => {
  await using petit = await startPetit({ jobsDir, db });
  await Bun.sleep(settleMs);
  return { startMs: petit.startMs, mib: residentMiB(petit.pid) };
};

const startBare = async (dir: string, settleMs: number) => {
  await using bare = await startBareServer(dir);
  await Bun.sleep(settleMs);
  return { startMs: bare.startMs, mib: residentMiB(bare.pid) };
};
