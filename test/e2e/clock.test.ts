import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canStepClock, steppedClock } from "../support/engine/faults-clock.ts";
import { ask, start } from "../support/petit/api.ts";
import { startPetit } from "../support/petit/petit.ts";
import { endOf, eventually } from "../support/torture/run.ts";

const HOUR_MS = 3_600_000;

const inSteps = (jobs: Readonly<Record<string, string>>) => {
  const dir = mkdtempSync(join(tmpdir(), "petit-clock-"));
  const clock = steppedClock(dir);
  return { dir, clock, start: () => startPetit({ dir, jobs, env: clock.environment, args: ["--no-watch"] }) };
};

const TICK = `id: tick\nschedule: "* * * * * *"\ninherit_environment: false\ntasks: [{id: t, type: command, command: "true"}]\n`;

/** Returns the occurrences that fired, in the order of firing. */
const firedOf = async (petit: Parameters<typeof ask>[0]): Promise<readonly number[]> => {
  const { body } = await ask(petit, "/api/jobs/tick/runs?limit=1000");
  const runs: readonly { readonly scheduled_for: number }[] = body.runs;
  return runs.map(({ scheduled_for }) => scheduled_for).reverse();
};

test.skipIf(!canStepClock)(
  "a clock that is set forward and back fires no occurrence twice and no burst, and scheduling continues immediately",
  async () => {
    const { clock, start: startIt } = inSteps({ "a.yaml": TICK });
    await using petit = await startIt();
    for (const offsetMs of [HOUR_MS, -HOUR_MS, 0]) {
      const before = await eventually("two that fired", async () => {
        const fired = await firedOf(petit);
        return fired.length >= 2 ? fired : null;
      });
      clock.set(offsetMs);
      const steppedAt = performance.now();
      const after = await eventually("one more that fired", async () => {
        const fired = await firedOf(petit);
        return fired.length > before.length ? fired : null;
      });
      const tookMs = performance.now() - steppedAt;
      // This must happen well within the hour by which the clock was set, also on a busy machine.
      expect(tookMs).toBeLessThan(20_000);
      expect(after.length - before.length).toBeLessThanOrEqual(2 + Math.floor(tookMs / 1_000));
      expect(new Set(after).size).toBe(after.length);
    }
  },
  90_000,
);

const TASKS = `inherit_environment: false
tasks: [{id: t, type: command, command: "true"}]
`;

/** Waits until `tick` has fired at or after an instant. Returns the occurrences of the job's runs, oldest first. */
const firedBy = async (petit: Parameters<typeof ask>[0], job: string, instant: string): Promise<readonly string[]> => {
  await eventually(`tick fires at ${instant}`, async () => {
    const fired = await firedOf(petit);
    return (fired.at(-1) ?? 0) >= Date.parse(instant) ? true : null;
  });
  const { body } = await ask(petit, `/api/jobs/${job}/runs?limit=100`);
  const runs: readonly { readonly scheduled_for: number }[] = body.runs;
  return runs.map(({ scheduled_for }) => new Date(scheduled_for).toISOString()).reverse();
};

type Change = {
  readonly name: string;
  readonly cron: string;
  /** The time at which petit starts, long before the first occurrence. */
  readonly from: string;
  /** Instants, in order, and the occurrences that have fired by then. */
  readonly fired: readonly (readonly [by: string, at: readonly string[]])[];
};

const CHANGES: readonly Change[] = [
  {
    name: "an hour that is skipped",
    cron: "30 2 8 3 *",
    from: "2026-03-08T06:50:00Z",
    fired: [
      ["2026-03-08T07:00:00Z", ["2026-03-08T07:00:00.000Z"]],
      ["2026-03-08T07:30:00Z", ["2026-03-08T07:00:00.000Z"]],
    ],
  },
  {
    name: "an hour that is repeated",
    cron: "0 1 1 11 *",
    from: "2026-11-01T04:50:00Z",
    fired: [
      ["2026-11-01T05:00:00Z", ["2026-11-01T05:00:00.000Z"]],
      ["2026-11-01T06:00:00Z", ["2026-11-01T05:00:00.000Z"]],
    ],
  },
];

test.skipIf(!canStepClock).each([...CHANGES])(
  "a fixed time in $name fires once while petit runs",
  async ({ cron, from, fired }) => {
    const fixed = `id: fixed\nschedule: {cron: "${cron}", timezone: America/New_York}\n${TASKS}`;
    const { clock, start: startIt } = inSteps({ "tick.yaml": TICK, "fixed.yaml": fixed });
    const setTo = (instant: number): void => clock.set(instant - Date.now());
    setTo(Date.parse(from));
    await using petit = await startIt();
    for (const [by, at] of fired) {
      setTo(Date.parse(by) - 1_000);
      expect(await firedBy(petit, "fixed", by)).toEqual(at);
    }
  },
  60_000,
);

/** Returns a job whose task writes a file when it starts, and ends when the file `go` exists. */
const waiting = (id: string, more = ""): string =>
  `id: ${id}\n${PLAIN}${more}tasks: [{id: t, type: shell, timeout: 10m, script: "${untilGo(id)}"}]\n`;

const PLAIN = "inherit_environment: false\nenvironment: {PATH: /usr/bin:/bin}\n";

const untilGo = (id: string): string => `echo began > ${id}.began; while [ ! -e go ]; do sleep 0.02; done`;

const hasBegun = (dir: string, id: string): Promise<true> =>
  eventually(`the start of ${id}`, () => existsSync(join(dir, `${id}.began`)) || null);

/** Waits for the end of a run. Returns the times of the run, its tasks and their attempts. */
const timesOf = async (petit: Parameters<typeof ask>[0], runId: string) => {
  const run = await endOf(petit, runId);
  const { body } = await ask(petit, `/api/runs/${runId}`);
  const { tasks } = (await ask(petit, `/api/runs/${runId}/tasks`)).body;
  const all: readonly Times[] = [
    body,
    ...tasks,
    ...tasks.flatMap((task: { attempt_list: Times[] }) => task.attempt_list),
  ];
  return { status: run.status, reason: run.reason, all };
};

type Times = { readonly started_at: number; readonly ended_at: number; readonly duration_ms: number };

/** Even on a busy machine, no test takes a tenth of the hour by which the clock is set. */
const MOST_MS = 360_000;

const expectTrue = ({ all }: Awaited<ReturnType<typeof timesOf>>, leastMs = 0): void => {
  for (const { started_at, ended_at, duration_ms } of all) {
    expect(ended_at - started_at).toBe(duration_ms);
    expect(duration_ms).toBeGreaterThanOrEqual(leastMs);
    expect(duration_ms).toBeLessThan(MOST_MS);
  }
};

test.skipIf(!canStepClock).each([HOUR_MS, -HOUR_MS])(
  "a clock that is set by %p ms during a run changes no reported duration",
  async (offsetMs) => {
    const { dir, clock, start: startIt } = inSteps({ "a.yaml": waiting("slow") });
    await using petit = await startIt();
    const runId = await start(petit, "slow");
    await hasBegun(dir, "slow");
    await Bun.sleep(200);
    clock.set(offsetMs);
    await Bun.write(join(dir, "go"), "");
    expectTrue(await timesOf(petit, runId), 200);
    const metrics = await (await petit.fetch("/metrics")).text();
    const seconds = Number(/^petit_run_duration_seconds_sum\S* (.*)$/m.exec(metrics)?.[1]);
    expect(seconds).toBeGreaterThanOrEqual(0.2);
    expect(seconds).toBeLessThan(MOST_MS / 1_000);
    const logged = [...petit.stderr().matchAll(/duration_ms"?[:=] ?(\d+)/g)].map(([, ms]) => Number(ms));
    expect(logged.length).toBeGreaterThan(0);
    for (const ms of logged) expect(ms).toBeLessThan(MOST_MS);
  },
  40_000,
);

test.skipIf(!canStepClock).each([HOUR_MS, -HOUR_MS])(
  "a clock that is set by %p ms while petit is down changes no timeout, delay or duration of adopted runs",
  async (offsetMs) => {
    const failing = `[ -e tried ] || { echo > tried; ${untilGo("again")}; exit 1; }`;
    const jobs = {
      "task.yaml": waiting("task"),
      "run.yaml": waiting("run", "timeout: 10m\n"),
      "over.yaml": `id: over\n${PLAIN}tasks: [{id: t, type: shell, script: "echo began > over.began; while [ ! -e over.go ]; do sleep 0.02; done"}]\n`,
      "again.yaml": `id: again\n${PLAIN}timeout: 10m\ntasks: [{id: t, type: shell, retry: {max_attempts: 1, delay: 2s}, script: "${failing}"}]\n`,
    };
    const { dir, clock, start: startIt } = inSteps(jobs);
    const first = await startIt();
    const ids = ["task", "run", "over", "again"];
    const runIds = await Promise.all(ids.map((id) => start(first, id)));
    await Promise.all(ids.map((id) => hasBegun(dir, id)));
    await eventually("all processes are stored", () => storedProcesses(first.dbPath) === ids.length || null);
    await first.kill();
    await Bun.write(join(dir, "over.go"), "");
    await Bun.sleep(500);
    clock.set(offsetMs);
    await using second = await startIt();
    await Bun.write(join(dir, "go"), "");
    const times = await Promise.all(runIds.map((runId) => timesOf(second, runId)));
    expect(times.map(({ status, reason }) => [status, reason])).toEqual(ids.map(() => ["completed", null]));
    for (const each of times) expectTrue(each);
    // Its process still runs, so the duration comes from the age of the process.
    expectTrue(times[0] ?? { status: "", reason: null, all: [] }, 500);
  },
  60_000,
);

const storedProcesses = (dbPath: string): number => {
  const db = new Database(dbPath, { readonly: true });
  const { length } = db.query("SELECT 1 FROM attempts WHERE pid IS NOT NULL").all();
  db.close();
  return length;
};

const TIMEOUT_MS = 4_000;

/** Lets ten runs end before their timeouts while petit is frozen. petit has started or adopted them. Returns their statuses. */
const statusesAfterFreeze = async (isAdopted: boolean): Promise<readonly string[]> => {
  const dir = mkdtempSync(join(tmpdir(), "petit-freeze-"));
  const timeout = `timeout: ${TIMEOUT_MS}ms`;
  const jobs = {
    "task.yaml": `id: task\n${PLAIN}tasks: [{id: t, type: shell, ${timeout}, script: "${untilGo("$PETIT_RUN_ID")}"}]\n`,
    "run.yaml": `id: run\n${PLAIN}${timeout}\ntasks: [{id: t, type: shell, script: "${untilGo("$PETIT_RUN_ID")}"}]\n`,
  };
  const first = await startPetit({ dir, jobs, args: ["--no-watch"] });
  const ids = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? "task" : "run"));
  const runIds = await Promise.all(ids.map((id) => start(first, id)));
  const begunAt = performance.now();
  await Promise.all(runIds.map((id) => hasBegun(dir, id)));
  if (isAdopted) await first.kill();
  await using petit = isAdopted ? await startPetit({ dir, args: ["--no-watch"] }) : first;
  process.kill(petit.pid, "SIGSTOP");
  await Bun.write(join(dir, "go"), "");
  await Bun.sleep(begunAt + TIMEOUT_MS + 200 - performance.now());
  process.kill(petit.pid, "SIGCONT");
  return await Promise.all(runIds.map(async (id) => (await endOf(petit, id)).status));
};

test("runs that ended in time while petit was frozen past their timeout are completed, also adopted ones", async () => {
  const completed = Array.from({ length: 10 }, () => "completed");
  expect(await Promise.all([statusesAfterFreeze(false), statusesAfterFreeze(true)])).toEqual([completed, completed]);
}, 40_000);
