import { join } from "node:path";
import { compileBare, startBareServer } from "./bare-executable.ts";
import { EXECUTABLE, startPetit } from "./petit-process.ts";
import { figure, median } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const VERSION_ROUNDS = 40;
const HEALTH_ROUNDS = 7;

/** Measures the start of the executable, compared with minimal executables of the same runtime. */
export const measureExecutable = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("executable");
  return [version(dir), await health(dir)];
};

const version = (dir: string): Row => {
  const bare = compileBare(dir, "bare-version", `console.log("petit 0.1.0")`);
  const rounds = Array.from({ length: VERSION_ROUNDS }, () => ({
    petit: runMs([EXECUTABLE, "--version"]),
    bare: runMs([bare]),
  }));
  // The first rounds read the files from the disk.
  return row("petit --version", rounds.slice(3), { bound: "under", value: 2 });
};

const health = async (dir: string): Promise<Row> => {
  const jobsDir = writeJobs(dir, 1, (id) => trueJob(id));
  const rounds: Round[] = [];
  for (let round = 0; round < HEALTH_ROUNDS; round++) {
    await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db") });
    await using bare = await startBareServer(dir);
    rounds.push({ petit: petit.startMs, bare: bare.startMs });
  }
  return row("from exec to the first health answer", rounds.slice(1));
};

type Round = { readonly petit: number; readonly bare: number };

const row = (what: string, rounds: readonly Round[], target?: Row["target"]): Row => ({
  what,
  petit: `${figure(median(rounds.map(({ petit }) => petit)))} ms`,
  baseline: `${figure(median(rounds.map(({ bare }) => bare)))} ms minimal`,
  ratio: median(rounds.map(({ petit, bare }) => petit / bare)),
  ...(target === undefined ? {} : { target }),
});

const runMs = (command: string[]): number => {
  const startedAt = performance.now();
  if (!Bun.spawnSync(command, { stdout: "pipe" }).success) throw new Error(`${command.join(" ")} failed`);
  return performance.now() - startedAt;
};
