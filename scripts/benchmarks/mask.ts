import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startPetit } from "./petit-process.ts";
import { figure, median } from "./statistics.ts";
import type { Row, Target } from "./table.ts";
import { makeFolder } from "./workspace.ts";

const LINES = 400_000;
const SECRETS = [0, 1, 20] as const;
const ROUNDS = 9;
const TARGET: Target = { bound: "under", value: 1.1 };

/** Measures the CPU time that storing a task's output takes, without secrets and with 1 and 20 secrets to hide in it. */
export const measureMask = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("mask");
  const jobsDir = join(dir, "jobs");
  mkdirSync(jobsDir);
  const output = join(dir, "output.txt");
  writeFileSync(output, Array.from({ length: LINES }, (_, index) => `${index} ${TEXT}\n`).join(""));
  for (let index = 0; index < Math.max(...SECRETS); index++)
    writeFileSync(join(jobsDir, `secret-${index}`), randomBytes(24).toString("base64"));
  for (const secrets of SECRETS) writeFileSync(join(jobsDir, `print-${secrets}.yaml`), jobOf(secrets, output));
  await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db"), args: ["--log-limit", "1GiB"] });
  const printed = async (secrets: number): Promise<number> => {
    const before = threadsMs(petit.pid);
    const url = `http://127.0.0.1:${petit.port}/api/jobs/print-${secrets}/trigger?wait=120`;
    const { run } = await (await fetch(url, { method: "POST" })).json();
    if (run?.status !== "completed") throw new Error(`the run with ${secrets} secrets is ${run?.status}`);
    return threadsMs(petit.pid) - before;
  };
  for (const secrets of SECRETS) await printed(secrets);
  const rounds: number[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Each round begins with another one, so that what the previous run leaves to do is spread evenly.
    const turns = SECRETS.map((_, index) => (index + round) % SECRETS.length);
    const times: number[] = [];
    for (const index of turns) times[index] = await printed(SECRETS[index] ?? 0);
    rounds.push(times);
  }
  return rowsOf(rounds);
};

/** Returns the CPU time of all threads of a process, in ms. It is exact, unlike that of the whole process. See proc(5), schedstat. */
const threadsMs = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8"))
    .reduce((sum, text) => sum + Number(text.split(" ")[0]) / 1e6, 0);

const TEXT = "2026-01-01T00:00:00Z INFO the quick brown fox jumps over the lazy dog";

const jobOf = (secrets: number, output: string): string =>
  [
    `id: print-${secrets}`,
    "tasks:",
    "  - id: print",
    "    type: command",
    "    command: cat",
    `    args: [${JSON.stringify(output)}]`,
    ...(secrets === 0 ? [] : ["    environment:"]),
    ...Array.from({ length: secrets }, (_, index) => `      SECRET_${index}: {file: secret-${index}}`),
    "",
  ].join("\n");

const rowsOf = (rounds: readonly (readonly number[])[]): readonly Row[] => {
  const [none = Number.NaN, ...others] = SECRETS.map((_, index) => median(rounds.map((times) => times[index] ?? 0)));
  return others.map((ms, index) => ({
    what: index === 0 ? "CPU time of 31 MB of output, 1 secret to hide" : `  … ${SECRETS[index + 1]} secrets`,
    petit: `${figure(ms)} ms`,
    baseline: `${figure(none)} ms, no secret`,
    ratio: ms / none,
    target: TARGET,
  }));
};
