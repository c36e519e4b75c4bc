import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canInject, killAtCall } from "../support/faults.ts";
import { petitCommand, startPetit } from "../support/petit.ts";
import { ask, post } from "../support/petit-api.ts";
import { taskProcesses } from "../support/torture-processes.ts";
import { endOf } from "../support/torture-run.ts";

/** How many instants; `PETIT_CRASH_POINTS=400` are all of them. */
const POINTS = Number(process.env.PETIT_CRASH_POINTS ?? 8);

/** A run makes so many of these calls, about. */
const ALL_POINTS = 75;

/** A start that takes up a run makes so many, about. */
const ALL_STARTING_POINTS = 375;

/** What changes something: files, the database, processes. */
const CALLS = "openat,unlink,rename,write,pwrite64,fsync,ftruncate,close,clone,clone3,vfork,fcntl";

const JOB = `id: pair
tasks:
  - {id: a, type: shell, script: "echo a >> did; echo 1; sleep 0.02; echo 2"}
  - {id: b, type: shell, script: "echo b >> did; echo 3", depends_on: [a]}
`;

/** Kills a petit at the nth call since a trigger was sent, and starts the next one. Answers whether it came to that. */
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
  // A trigger that was not answered may be stored or not; an answered one is.
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

/** Starts a petit that is killed at the nth call since its first; what it was about to do, the next one does. */
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
  for await (const chunk of traced.stderr) if (Buffer.from(chunk).includes("petit is ready")) break;
  // It may have come to no such call; then it is killed as it waits.
  for (const pid of childrenOf(traced.pid)) process.kill(pid, "SIGKILL");
  await traced.exited;
};

const childrenOf = (pid: number): readonly number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

/** Two kills: one in the middle of a run, one in the middle of taking it up again. */
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

/** Some of the instants from the first on, evenly, from a place that chance gives. */
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
