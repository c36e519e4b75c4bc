import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type PetitProcess, peakMiB, resetPeak, startPetit } from "./petit-process.ts";
import { figure, median } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder } from "./workspace.ts";

const LINES = 100_000;
const READERS = [0, 1, 50] as const;
const ROUNDS = 3;

/** Measures how fast a task's output reaches its followers, and whether they slow the task down. */
export const measureFollow = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("follow");
  const jobsDir = join(dir, "jobs");
  mkdirSync(jobsDir);
  writeFileSync(join(jobsDir, "print.yaml"), JOB);
  const log = join(dir, "log.txt");
  writeFileSync(log, ["ready\n", ...Array.from({ length: LINES }, (_, index) => `${textOf(index + 1)}\n`)].join(""));
  await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db") });
  await follow(petit, { dir, log, readers: 1 });
  const rounds: Figures[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const figures: Figures[] = [];
    for (const readers of READERS) figures.push(await follow(petit, { dir, log, readers }));
    rounds.push(figures);
  }
  return rowsOf(rounds);
};

const textOf = (index: number): string => `${index} the quick brown fox jumps over the lazy dog`;

/** Waits for the gate, then prints with one write per line. */
const JOB = `id: print
tasks:
  - id: gate
    type: shell
    script: 'echo ready; read _ < "$PETIT_PARAM_GATE"'
  - id: print
    type: shell
    script: |
      i=0
      while [ $i -lt ${LINES} ]; do i=$((i + 1)); echo "$i the quick brown fox jumps over the lazy dog"; done
    depends_on: [gate]
params: {gate: {required: true}}
`;

type Follow = { readonly dir: string; readonly log: string; readonly readers: number };
type Figures = { readonly linesPerSecond: number; readonly taskMs: number; readonly mib: number };

const follow = async ({ port, pid }: PetitProcess, { dir, log, readers }: Follow): Promise<Figures> => {
  const api = `http://127.0.0.1:${port}/api`;
  const gate = join(dir, "gate");
  Bun.spawnSync(["mkfifo", gate]);
  const { run_id } = await (
    await fetch(`${api}/jobs/print/trigger`, { method: "POST", body: JSON.stringify({ params: { gate } }) })
  ).json();
  const logs = `${api}/runs/${run_id}/logs?follow=true`;
  resetPeak(pid);
  const client = readers === 0 ? null : startReaders(logs, readers, log);
  await client?.next();
  const openedAt = performance.now();
  writeFileSync(gate, "go\n");
  await client?.next();
  const durationMs = performance.now() - openedAt;
  await (await fetch(logs)).bytes();
  const { tasks } = await (await fetch(`${api}/runs/${run_id}/tasks`)).json();
  return { linesPerSecond: (LINES / durationMs) * 1000, taskMs: tasks[1].duration_ms, mib: peakMiB(pid) };
};

const startReaders = (url: string, readers: number, log: string) => {
  const command = [process.execPath, join(import.meta.dir, "follow-client.ts"), url, String(readers), log];
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return {
    /** Waits for the client's next message. */
    next: async (): Promise<void> => {
      if ((await output.read()).done) throw new Error("a reader failed");
    },
  };
};

const rowsOf = (rounds: readonly (readonly Figures[])[]): readonly Row[] => {
  const medianOf = (readers: number, pick: (figures: Figures) => number): number =>
    median(rounds.flatMap((figures) => figures.filter((_, index) => READERS[index] === readers).map(pick)));
  const rate = (readers: number): number => medianOf(readers, ({ linesPerSecond }) => linesPerSecond);
  const taskMs = (readers: number): number => medianOf(readers, (figures) => figures.taskMs);
  return [
    { what: "log of 100,000 lines followed, 1 reader", petit: `${figure(rate(1))} lines/s` },
    { what: "  … 50 readers, each / total", petit: `${figure(rate(50))} / ${figure(rate(50) * 50)}/s` },
    {
      what: "  … task duration with 0 / 1 / 50 readers",
      petit: READERS.map((readers) => figure(taskMs(readers)))
        .join(" / ")
        .concat(" ms"),
      baseline: "0 readers",
      ratio: taskMs(50) / taskMs(0),
    },
    {
      what: "  … peak memory with 0 / 1 / 50 readers",
      petit: READERS.map((readers) => figure(medianOf(readers, ({ mib }) => mib)))
        .join(" / ")
        .concat(" MiB"),
    },
  ];
};
