import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canInject, killAtCall } from "../support/engine/faults.ts";
import { ask, post } from "../support/petit/api.ts";
import { petitCommand, startPetit } from "../support/petit/petit.ts";
import { taskProcesses } from "../support/torture/processes.ts";
import { endOf } from "../support/torture/run.ts";

/** The number of instants to test; `PETIT_CRASH_POINTS=400` tests all. */
const POINTS = Number(process.env.PETIT_CRASH_POINTS ?? 8);

/** The approximate number of these calls in a run. */
const ALL_POINTS = 75;

/** The approximate number of these calls in a start that adopts a run. */
const ALL_STARTING_POINTS = 375;

/** The system calls that change files, the database or processes. */
const CALLS = "openat,unlink,rename,write,pwrite64,fsync,ftruncate,close,clone,clone3,vfork,fcntl";

const JOB = `id: pair
tasks:
  - {id: a, type: shell, script: "echo a >> did; echo 1; sleep 0.02; echo 2"}
  - {id: b, type: shell, script: "echo b >> did; echo 3", depends_on: [a]}
`;

/** Kills petit at the nth call after a trigger, and starts the next one. Returns false if there were fewer calls. */
const killAt = async (nth: number): Promise<boolean> => {
  const dir = mkdtempSync(join(tmpdir(), "petit-crash-point-"));
  const first = await startPetit({ dir, jobs: { "a.yaml": JOB }, args: ["--no-watch"] });
  const fault = await killAtCall(first.pid, CALLS, nth);
  const answer = await post(first, "/api/jobs/pair/trigger?wait=5").catch(() => null);
  const isKilled =
    answer === null || (await Promise.race([first.exited.then(() => true), Bun.sleep(50).then(() => false)]));
  await first.kill();
  await fault.end();
  await using second = await startPetit({ dir, args: ["--no-watch"] });
  const { body } = await ask(second, "/api/runs");
  // A trigger without a response may have been stored; one with a response must have been.
  expect(body.count).toBeLessThanOrEqual(1);
  if (answer?.status === 200) expect(body.count).toBe(1);
  const [run] = body.runs;
  if (run !== undefined) expect(await endOf(second, run.id)).toMatchObject({ status: "completed", log: "1\n2\n3\n" });
  expect(readDid(dir)).toBe(run === undefined ? "" : "a\nb\n");
  expect(await second.stop()).toBe(0);
  expect(taskProcesses(second.dbPath)).toEqual([]);
  expect(readdirSync(`${second.dbPath}-spool`)).toEqual([]);
  const db = new Database(second.dbPath, { readonly: true });
  expect(db.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  db.close();
  rmSync(dir, { recursive: true, force: true });
  return isKilled;
};

const readDid = (dir: string): string => {
  try {
    return readFileSync(join(dir, "did"), "utf8");
  } catch {
    return "";
  }
};

/** Starts petit and kills it at its nth call. */
const killWhileStarting = async (dir: string, nth: number): Promise<void> => {
  const strace = [
    "strace",
    "-o",
    "/dev/null",
    "-e",
    `trace=${CALLS}`,
    "-e",
    `inject=${CALLS}:signal=SIGKILL:when=${nth}`,
  ];
  const command = [...petitCommand(), "run", join(dir, "jobs"), "--db", join(dir, "petit.db"), "--api-port", "0"];
  const env = { PATH: process.env.PATH ?? "", HOME: dir };
  const traced = Bun.spawn([...strace, ...command], { cwd: dir, env, stdout: "ignore", stderr: "pipe" });
  const decoder = new TextDecoder();
  let log = "";
  for await (const chunk of traced.stderr) {
    log += decoder.decode(chunk, { stream: true });
    if (log.includes("petit is ready")) break;
  }
  // If it makes fewer calls, it is killed while it is idle.
  for (const pid of childrenOf(traced.pid)) kill(pid);
  await traced.exited;
};

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // strace has killed it just now.
  }
};

const childrenOf = (pid: number): readonly number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

/** Kills petit twice: during a run, and during the start that adopts the run. */
const killTwiceAt = async (nth: number): Promise<void> => {
  const dir = mkdtempSync(join(tmpdir(), "petit-crash-point-"));
  const first = await startPetit({ dir, jobs: { "a.yaml": JOB }, args: ["--no-watch"] });
  await post(first, "/api/jobs/pair/trigger");
  await first.kill();
  await killWhileStarting(dir, nth);
  await using third = await startPetit({ dir, args: ["--no-watch"] });
  const { body } = await ask(third, "/api/runs");
  expect(body.count).toBe(1);
  expect(await endOf(third, body.runs[0].id)).toMatchObject({ status: "completed", log: "1\n2\n3\n" });
  expect(readDid(dir)).toBe("a\nb\n");
  expect(await third.stop()).toBe(0);
  expect(readdirSync(`${third.dbPath}-spool`)).toEqual([]);
};

test.skipIf(!canInject)(
  `a run that is triggered completes, each task once, at whichever of ${POINTS} instants petit is killed`,
  async () => {
    let kills = 0;
    for (const nth of pointsOf(ALL_POINTS)) if (await at(nth, killAt)) kills++;
    expect(kills).toBeGreaterThan(0);
    console.log(`${kills} of ${POINTS} instants were before the run's end`);
  },
  30_000 + POINTS * 5_000,
);

test.skipIf(!canInject)(
  `a run completes, each task once, at whichever of ${POINTS} instants the petit that takes it up again is killed`,
  async () => {
    for (const nth of pointsOf(ALL_STARTING_POINTS)) await at(nth, killTwiceAt);
  },
  30_000 + POINTS * 5_000,
);

/** Returns some of the numbers from 1 to `all`, evenly spaced from a random offset. */
const pointsOf = (all: number): readonly number[] => {
  const count = Math.min(POINTS, all);
  const first = 1 + Math.floor((Math.random() * all) / count);
  return Array.from({ length: count }, (_, point) => first + Math.floor((point * all) / count));
};

const at = async <T>(nth: number, work: (nth: number) => Promise<T>): Promise<T> => {
  try {
    return await work(nth);
  } catch (cause) {
    throw new Error(`killed at call ${nth} of ${CALLS}`, { cause });
  }
};
