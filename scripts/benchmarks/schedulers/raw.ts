import { closeSync, fsyncSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { rawSpawns } from "../raw-spawn.ts";
import { makeFolder } from "../workspace.ts";
import { type Figures, measureRawLateness, msOf, repeat } from "./measures.ts";

const COUNT = 200;
const TASKS = 100;

export type RawFigures = Pick<Figures, "answeredMs" | "finishedMs" | "burstPerSecond" | "chainedMs" | "latenessMs"> & {
  readonly syncMs: readonly number[];
  /** CPU time of a process. */
  readonly spawnCpuMs: readonly number[];
};

/**
 * Measures what the machine needs without a scheduler: a POST to a bare HTTP server, a sync of 4 KiB, a process, processes
 * per second, a shell with TASKS commands, and processes that start together.
 */
export const measureRaw = async (): Promise<RawFigures> => {
  const dir = makeFolder("raw");
  const spawn = () => Bun.spawn(["/bin/true"], { stdio: ["ignore", "ignore", "ignore"] }).exited;
  const [fastest] = rawSpawns(dir);
  const spawnCpuMs = Array.from(
    { length: COUNT },
    () => Number(Bun.spawnSync(["/bin/true"]).resourceUsage.cpuTime.total) / 1000,
  );
  return {
    answeredMs: await measureBareServer(dir),
    spawnCpuMs,
    syncMs: await measureSync(dir),
    finishedMs: await repeat({ times: COUNT, maxMs: 2_000 }, spawn),
    burstPerSecond: fastest === undefined ? [] : [fastest.rate(COUNT * 3)],
    chainedMs: [(await msOf(() => runInShell(dir))) / TASKS],
    latenessMs: await measureRawLateness(),
  };
};

const measureBareServer = async (dir: string): Promise<readonly number[]> => {
  writeFileSync(join(dir, "answer.json"), JSON.stringify({ run_id: "0", job_id: "one", message: "triggered" }));
  const server = Bun.spawn(
    [process.execPath, join(import.meta.dir, "../bare-server.ts"), "/trigger", join(dir, "answer.json")],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const url = `http://127.0.0.1:${Number((await reader.read()).value)}/trigger`;
  const post = async (): Promise<unknown> => await (await fetch(url, { method: "POST", body: "{}" })).json();
  await repeat({ times: COUNT, maxMs: 1_000 }, post);
  const durations = await repeat({ times: COUNT, maxMs: 4_000, pauseMs: 10 }, post);
  server.kill();
  await server.exited;
  return durations;
};

const measureSync = async (dir: string): Promise<readonly number[]> => {
  const fd = openSync(join(dir, "sync"), "w");
  const page = Buffer.alloc(4_096);
  const durations = await repeat({ times: COUNT, maxMs: 2_000 }, () => {
    writeSync(fd, page);
    fsyncSync(fd);
  });
  closeSync(fd);
  return durations;
};

const runInShell = async (dir: string): Promise<void> => {
  const script = join(dir, "script");
  writeFileSync(script, "/bin/true\n".repeat(TASKS));
  await Bun.spawn(["/bin/sh", script], { stdio: ["ignore", "ignore", "ignore"] }).exited;
};
