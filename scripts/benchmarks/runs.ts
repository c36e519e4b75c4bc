import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { CONCURRENCY, type RawSpawn, rawSpawns } from "./raw-spawn.ts";
import { figure, median } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const ROUNDS = 5;
const TARGET = { bound: "at least", value: 0.35 } as const;

/** The number of processes in a round of the baseline, which takes about half a second. */
const RAW_COUNT = 600;

/** Measures runs of one task per second, from the trigger to the stored end. Rounds of petit and of the baselines alternate. */
export const measureRuns = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("runs");
  const raws = rawSpawns(dir);
  const jobsDir = writeJobs(dir, 1, (id) => trueJob(id));
  return [
    ...rows("runs of one task, engine only", await inProcess(dir, jobsDir, raws), raws),
    ...rows("runs of one task, over HTTP (?wait)", await overHttp(dir, jobsDir, raws), raws),
  ];
};

/** Runs per second, and processes per second of each baseline around them. */
type Round = { readonly petit: number; readonly raw: readonly number[] };

const inProcess = async (dir: string, jobsDir: string, raws: readonly RawSpawn[]): Promise<readonly Round[]> => {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "engine-runs.ts"), jobsDir, join(dir, "engine.db")],
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await output.read();
  const rounds = await alternate(raws, async () => {
    child.stdin.write("\n");
    child.stdin.flush();
    return Number((await output.read()).value);
  });
  child.stdin.end();
  await child.exited;
  return rounds;
};

const overHttp = async (dir: string, jobsDir: string, raws: readonly RawSpawn[]): Promise<readonly Round[]> => {
  await using petit = await startPetit({ jobsDir, db: join(dir, "http.db") });
  const path = "/api/jobs/job-00000/trigger?wait=30";
  const round = async (seconds: number): Promise<number> =>
    (await load({ port: petit.port, connections: CONCURRENCY, seconds, method: "POST", path })).perSecond;
  await round(0.5);
  return await alternate(raws, () => round(1));
};

const alternate = async (raws: readonly RawSpawn[], round: () => Promise<number>): Promise<readonly Round[]> => {
  const measureRaws = (): readonly number[] => raws.map((raw) => raw.rate(RAW_COUNT));
  const rounds: Round[] = [];
  for (let index = 0; index < ROUNDS; index++) {
    const before = measureRaws();
    const petit = await round();
    rounds.push({ petit, raw: measureRaws().map((after, which) => (after + (before[which] ?? after)) / 2) });
  }
  return rounds;
};

/** Returns one row for each baseline. */
const rows = (what: string, rounds: readonly Round[], raws: readonly RawSpawn[]): readonly Row[] =>
  raws.map(({ name }, which) => {
    const rates = rounds.map(({ petit, raw }) => ({ petit, raw: raw[which] ?? 0 }));
    return {
      what: which === 0 ? what : "  …",
      petit: `${figure(median(rates.map(({ petit }) => petit)))}/s`,
      baseline: `${figure(median(rates.map(({ raw }) => raw)))}/s ${name}`,
      ratio: median(rates.map(({ petit, raw }) => petit / raw)),
      target: TARGET,
    };
  });
