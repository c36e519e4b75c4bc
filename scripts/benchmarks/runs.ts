import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { compileRawSpawn, type RawSpawn, TOGETHER } from "./raw-spawn.ts";
import { figure, median } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const ROUNDS = 5;
const TARGET = { bound: "at least", value: 0.35 } as const;

/** Processes of the baseline in a round: about half a second of them. */
const RAW_COUNT = 600;

/** Runs of one task a second, from the trigger to the stored end, four at a time; each round beside the baseline. */
export const measureRuns = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("runs");
  const raw = compileRawSpawn(dir);
  const jobsDir = writeJobs(dir, 1, (id) => trueJob(id));
  return [
    row("runs of one task, engine alone", await inProcess(dir, jobsDir, raw), raw),
    row("runs of one task, over HTTP (?wait)", await overHttp(dir, jobsDir, raw), raw),
  ];
};

type Round = { readonly petit: number; readonly raw: number };

const inProcess = async (dir: string, jobsDir: string, raw: RawSpawn): Promise<readonly Round[]> => {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "engine-runs.ts"), jobsDir, join(dir, "engine.db")],
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  const answers = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await answers.read();
  const rounds = await alternate(raw, async () => {
    child.stdin.write("\n");
    child.stdin.flush();
    return Number((await answers.read()).value);
  });
  child.stdin.end();
  await child.exited;
  return rounds;
};

const overHttp = async (dir: string, jobsDir: string, raw: RawSpawn): Promise<readonly Round[]> => {
  await using petit = await startPetit({ jobsDir, db: join(dir, "http.db") });
  const path = "/api/jobs/job-00000/trigger?wait=30";
  const round = async (seconds: number): Promise<number> =>
    (await load({ port: petit.port, connections: TOGETHER, seconds, method: "POST", path })).perSecond;
  await round(0.5);
  return await alternate(raw, () => round(1));
};

const alternate = async (raw: RawSpawn, round: () => Promise<number>): Promise<readonly Round[]> => {
  const rounds: Round[] = [];
  for (let index = 0; index < ROUNDS; index++) {
    const before = raw.rate(RAW_COUNT);
    const petit = await round();
    rounds.push({ petit, raw: (before + raw.rate(RAW_COUNT)) / 2 });
  }
  return rounds;
};

const row = (what: string, rounds: readonly Round[], raw: RawSpawn): Row => ({
  what,
  petit: `${figure(median(rounds.map(({ petit }) => petit)))}/s`,
  baseline: `${figure(median(rounds.map((each) => each.raw)))}/s ${raw.name}`,
  ratio: median(rounds.map((each) => each.petit / each.raw)),
  target: TARGET,
});
