import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupBase, whyNoCgroups } from "../../test/support/cgroups.ts";
import { median } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const ROUNDS = 9;
const TARGET = { bound: "under", value: 1.15 } as const;

/** CPU time has ticks of 10 ms. */
const TICK_MS = 10;

/** Measures runs of one task in a cgroup, compared with runs in none. Rounds of both alternate. */
export const measureCgroups = async (): Promise<readonly Row[]> => {
  if (whyNoCgroups !== null) throw new Error(`the benchmark of cgroups ${whyNoCgroups}`);
  using base = cgroupBase();
  const dir = makeFolder("cgroups");
  const jobsDir = writeJobs(dir, 1, (id) => trueJob(id));
  const [without, within] = await Promise.all([start(dir, jobsDir, null), start(dir, jobsDir, base.path)]);
  const rounds: { readonly without: Round; readonly within: Round }[] = [];
  // Every other round begins with the other of the two.
  for (let index = 0; index < ROUNDS; index++) {
    const first = index % 2 === 0 ? await without.round() : null;
    const second = await within.round();
    rounds.push({ without: first ?? (await without.round()), within: second });
  }
  await Promise.all([without.end(), within.end()]);
  return (["wallMs", "cpuMs"] as const).map((key) => ({
    what: `a run of one task in a cgroup, ${key === "wallMs" ? "elapsed time" : "CPU time"}`,
    petit: `${median(rounds.map((round) => round.within[key])).toFixed(2)} ms`,
    baseline: `${median(rounds.map((round) => round.without[key])).toFixed(2)} ms without`,
    ratio: median(rounds.map((round) => round.within[key] / round.without[key])),
    target: TARGET,
  }));
};

/** Time per run: how long four at a time take, and the CPU time of petit and of all processes. */
type Round = { readonly wallMs: number; readonly cpuMs: number };

const RUNS = 400;

const start = async (dir: string, jobsDir: string, base: string | null) => {
  const db = join(dir, `${base === null ? "without" : "within"}.db`);
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "engine-runs.ts"), jobsDir, db, ...(base === null ? [] : [base])],
    { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, BENCH_RUNS: String(RUNS) } },
  );
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await output.read();
  return {
    round: async (): Promise<Round> => {
      const before = cpuMsOf(child.pid);
      child.stdin.write("\n");
      child.stdin.flush();
      const perSecond = Number((await output.read()).value);
      return { wallMs: 1_000 / perSecond, cpuMs: (cpuMsOf(child.pid) - before) / RUNS };
    },
    end: async (): Promise<void> => {
      child.stdin.end();
      await child.exited;
    },
  };
};

/** Returns the CPU time of a process and of its children that have ended (proc_pid_stat(5)). */
const cpuMsOf = (pid: number): number => {
  const line = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * TICK_MS, 0);
};
