import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { eventually } from "../support/torture/run.ts";

const JOBS = 10_000;

/** Writes jobs in folders of 100. They are spread over the minutes and seconds of an hour. */
const writeJobs = (dir: string): void => {
  for (let index = 0; index < JOBS; index++) {
    if (index % 100 === 0) mkdirSync(join(dir, `group-${index / 100}`), { recursive: true });
    const schedule = `${index % 60} ${index % 59} ${index % 23} 1 1 *`;
    const text = `id: job-${index}\nschedule: "${schedule}"\ntasks: [{id: t, type: command, command: "true"}]\n`;
    writeFileSync(join(dir, `group-${Math.floor(index / 100)}`, `${index}.yaml`), text);
  }
};

const TICK = `id: tick\nschedule: "* * * * * *"\ntasks: [{id: t, type: command, command: "true"}]\n`;

const residentMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

/** Returns the CPU time of a process, in ms. Unlike its duration, that says little about what else the machine does. */
const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

/** Returns the longest response time while `work` runs, in ms. */
const longestResponseMs = async (petit: Petit, work: () => Promise<unknown>): Promise<number> => {
  let isOver = false;
  const done = work().finally(() => {
    isOver = true;
  });
  let longest = 0;
  while (!isOver) {
    const askedAt = performance.now();
    await ask(petit, "/api/scheduler/state");
    longest = Math.max(longest, performance.now() - askedAt);
    await Bun.sleep(10);
  }
  await done;
  return longest;
};

test("10,000 job files load in bounded time and memory, and a reload does not delay requests", async () => {
  const dir = mkdtempSync(join(tmpdir(), "petit-many-"));
  writeJobs(join(dir, "jobs"));
  writeFileSync(join(dir, "jobs", "tick.yaml"), TICK);
  await using petit = await startPetit({ dir, args: ["--no-watch"] });
  const startMs = cpuMs(petit.pid);
  expect((await ask(petit, "/api/jobs/job-9999")).status).toBe(200);
  await eventually("an occurrence fires", async () => {
    const { body } = await ask(petit, "/api/jobs/tick/runs?limit=1");
    return body.count > 0 ? true : null;
  });
  const reload = () => ask(petit, "/api/jobs/reload", { method: "POST" });
  const stallMs = await longestResponseMs(petit, reload);
  const memoryMiB = residentMiB(petit.pid);
  const again = performance.now();
  expect(await petit.stop()).toBe(0);
  const stopMs = performance.now() - again;
  console.log(
    `10,000 job files: ready after ${startMs} ms of CPU time, ${memoryMiB.toFixed(0)} MiB resident after a reload, ` +
      `longest answer meanwhile ${stallMs.toFixed(0)} ms, stopped in ${stopMs.toFixed(0)} ms`,
  );
  expect(startMs).toBeLessThan(20_000);
  expect(memoryMiB).toBeLessThan(600);
  expect(stallMs).toBeLessThan(1_500);
}, 180_000);
