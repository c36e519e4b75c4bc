import { Database } from "bun:sqlite";
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { load } from "./load.ts";
import { cpuWithChildrenMs, startPetit } from "./petit-process.ts";
import { figure, median, percentile } from "./statistics.ts";
import { storeRuns } from "./stored-runs.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const RUNS = 100_000;
const JOBS = 100;
const STEP_MS = 40;
/** Output of each run. All runs together have 1 GB. */
const RUN_BYTES = 10_000;

const RARE = "needle-7f3a";
/** One of so many runs has the rare text. */
const RARE_EVERY = 5_000;
const MIB = 2 ** 20;

/** Measures the index of 1 GB of output in 100,000 runs, searches in it, and what it costs runs to build it at the same time. */
export const measureSearch = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("search");
  const jobsDir = writeJobs(dir, JOBS, (id) => trueJob(id));
  const db = join(dir, "petit.db");
  await (await startPetit({ jobsDir, db, args: NO_SEARCH }))[Symbol.asyncDispose]();
  storeRuns(db, { runs: RUNS, jobs: JOBS, stepMs: STEP_MS });
  const outputBytes = storeOutput(db);
  const index = `${db}-search`;
  const built = await measureBuild({ jobsDir, db, index, outputBytes });
  return [...built, ...(await measureCost({ jobsDir, db, index }))];
};

const NO_SEARCH = ["--search-limit", "0"] as const;

type Files = { readonly jobsDir: string; readonly db: string; readonly index: string };

const measureBuild = async ({ jobsDir, db, index, outputBytes }: Files & { readonly outputBytes: number }) => {
  await using petit = await startPetit({ jobsDir, db });
  const startedAt = performance.now();
  const cpuBefore = cpuWithChildrenMs(petit.pid);
  while (!isBuilt(index)) await Bun.sleep(200);
  const seconds = (performance.now() - startedAt) / 1_000;
  // The CPU time of the process counts when it has ended.
  await Bun.sleep(2_000);
  const cpu = (cpuWithChildrenMs(petit.pid) - cpuBefore) / 1_000;
  const size = statSync(index).size;
  const ask = async (query: string): Promise<number> => {
    const began = performance.now();
    const response = await fetch(`http://127.0.0.1:${petit.port}/api/search?${query}`);
    if (response.status !== 200) throw new Error(await response.text());
    await response.json();
    return performance.now() - began;
  };
  const times = async (what: string, query: string, count = 60): Promise<Row> => {
    await ask(query);
    const all: number[] = [];
    for (let at = 0; at < count; at++) all.push(await ask(query));
    return { what, petit: `${figure(percentile(all, 0.5))} / ${figure(percentile(all, 0.95))} ms` };
  };
  return [
    { what: "index of 1 GB of output in 100,000 runs", petit: `${figure(seconds)} s, CPU ${figure(cpu)} s` },
    {
      what: "  … size",
      petit: `${figure(size / MIB)} MiB`,
      baseline: `${figure(outputBytes / MIB)} MiB of output`,
      ratio: size / outputBytes,
    },
    await times("  … a rare text, p50 / p95", `q=${RARE}`),
    await times("  … a rare text of one job, p50 / p95", `q=${RARE}&job=job-00000`),
    await times("  … a common text, p50 / p95", "q=connection"),
    await times("  … a text that is nowhere, p50 / p95", "q=qqzzxxjj"),
    await times("  … one whose parts are everywhere, p50 / p95", "q=worker+timeout+retry+batch", 8),
    await times("  … an expression, p50 / p95", "q=needle-%5B0-9a-f%5D%2B&regex=true"),
  ];
};

/** Time of a round of runs, in s, and how many rounds there are with and without the index. */
const ROUND_S = 8;
const ROUNDS = 4;

/** Measures runs that end while the index of all of the output is built, beside those of a petit without one. */
const measureCost = async ({ jobsDir, db, index }: Files): Promise<readonly Row[]> => {
  const printing = writeJobs(
    join(jobsDir, ".."),
    JOBS,
    (id) => `id: ${id}\ntasks:\n  - {id: main, type: command, command: seq, args: ["1", "500"]}\n`,
  );
  const round = async (args: readonly string[]): Promise<number> => {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${index}${suffix}`, { force: true });
    await using petit = await startPetit({ jobsDir: printing, db, args });
    const request = {
      port: petit.port,
      connections: 4,
      method: "POST",
      path: "/api/jobs/job-00007/trigger?wait=60",
    } as const;
    await load({ ...request, seconds: 3 });
    if (args.length === 0 && !existsSync(index)) throw new Error("the index is not being built");
    const { perSecond } = await load({ ...request, seconds: ROUND_S });
    if (args.length === 0 && isBuilt(index)) throw new Error("the index was built before the end");
    return perSecond;
  };
  const [without, beside]: [number[], number[]] = [[], []];
  for (let at = 0; at < ROUNDS; at++) {
    without.push(await round(NO_SEARCH));
    beside.push(await round([]));
  }
  return [
    {
      what: "runs while the index is built, compared with none",
      petit: `${figure(median(beside))}/s`,
      baseline: `${figure(median(without))}/s`,
      ratio: median(beside) / median(without),
      target: { bound: "at least", value: 0.9 },
    },
  ];
};

/** Returns whether the index has all runs. */
const isBuilt = (index: string): boolean => {
  if (!existsSync(index)) return false;
  try {
    using db = new Database(index, { readonly: true });
    db.run("PRAGMA busy_timeout = 1000");
    const row = db.query<{ low: number; high: number }, []>("SELECT low, high FROM state").get();
    return row !== null && row.low === 1 && row.high >= row.low;
  } catch {
    // It is just being created.
    return false;
  }
};

/** Inserts the output of the runs that `storeRuns` has inserted. Returns its size in bytes. */
const storeOutput = (path: string): number => {
  using db = new Database(path, { strict: true });
  db.run("PRAGMA synchronous = OFF");
  const insert = db.prepare(
    `INSERT INTO output (run, seq, lines, task_id, attempt, stream, at, bytes) SELECT seq, 1, $lines, 'main', 1, 'stdout', started_at, $bytes
     FROM runs WHERE seq = $run`,
  );
  let total = 0;
  const next = randomFrom(20_261_130);
  db.transaction(() => {
    for (let run = 1; run <= RUNS; run++) {
      const lines: string[] = run % RARE_EVERY === 0 ? [`the ${RARE} is here`] : [];
      for (let bytes = 0; bytes < RUN_BYTES; bytes += (lines.at(-1)?.length ?? 0) + 1) lines.push(logLine(next));
      const bytes = Buffer.from(`${lines.join("\n")}\n`);
      insert.run({ run, lines: lines.length, bytes });
      total += bytes.length;
    }
  })();
  return total;
};

const WORDS =
  "connection request server database user session error warning timeout retry upload download file table index record batch job queue worker started finished processing rows inserted updated deleted skipped cache hit miss latency bytes token payload response status code path method customer order invoice payment shipment product price amount email address".split(
    " ",
  );

/** Returns a line as programs log them, with times, numbers and ids. */
const logLine = (next: (below: number) => number): string => {
  const word = (): string => WORDS[next(WORDS.length)] ?? "";
  const hex = (length: number): string => Array.from({ length }, () => next(16).toString(16)).join("");
  const two = (below: number): string => String(next(below)).padStart(2, "0");
  const at = `2026-11-${two(28)}T${two(24)}:${two(60)}:${two(60)}.${String(next(1_000)).padStart(3, "0")}Z`;
  const kinds = [
    () =>
      `${at} INFO  [${word()}-${next(64)}] ${word()} ${word()} ${word()} id=${hex(8)}-${hex(4)}-${hex(12)} took ${next(9_999)} ms`,
    () =>
      `${at} DEBUG ${word()}.${word()} ${word()}=${next(100_000)} ${word()}=${next(100)} ${word()} ${word()} ${word()}`,
    () =>
      `GET /api/${word()}/${next(1_000_000)}?${word()}=${word()} 200 ${next(5_000)} "${word()}/${next(9)}.${next(9)}"`,
    () => `  at ${word()}.${word()} (/srv/app/${word()}/${word()}.js:${next(900)}:${next(80)})`,
    () => Array.from({ length: 8 }, word).join(" "),
    () => `{"ts":${1_764_460_800_000 + next(1e9)},"level":"info","msg":"${word()} ${word()}","${word()}":${next(1e6)}}`,
  ];
  return kinds[next(kinds.length)]?.() ?? "";
};

/** Returns a generator of numbers that are the same each time. */
const randomFrom = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
};
