import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canStepClock, steppedClock } from "../support/faults-clock.ts";
import { startPetit } from "../support/petit.ts";
import { ask, start } from "../support/petit-api.ts";
import { endOf, eventually } from "../support/torture-run.ts";

const HOUR_MS = 3_600_000;

const inSteps = (jobs: Readonly<Record<string, string>>) => {
  const dir = mkdtempSync(join(tmpdir(), "petit-clock-"));
  const clock = steppedClock(dir);
  return { dir, clock, start: () => startPetit({ dir, jobs, env: clock.environment, args: ["--no-watch"] }) };
};

const TICK = `id: tick\nschedule: "* * * * * *"\ninherit_environment: false\ntasks: [{id: t, type: command, command: "true"}]\n`;

/** The occurrences that fired, in the order in which they did. */
const firedOf = async (petit: Parameters<typeof ask>[0]): Promise<readonly number[]> => {
  const { body } = await ask(petit, "/api/jobs/tick/runs?limit=1000");
  const runs: readonly { readonly scheduled_for: number }[] = body.runs;
  return runs.map(({ scheduled_for }) => scheduled_for).reverse();
};

test.skipIf(!canStepClock)(
  "a clock that is set, forth and back, lets no occurrence fire twice, no burst, and firing go on at once",
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
      // Not after the hour that was stepped over, however busy the machine.
      expect(performance.now() - steppedAt).toBeLessThan(20_000);
      expect(after.length - before.length).toBeLessThanOrEqual(2);
      expect(new Set(after).size).toBe(after.length);
    }
  },
  90_000,
);

const IN_NEW_YORK = `inherit_environment: false
tasks: [{id: t, type: command, command: "true"}]
`;

/** Runs of a job by their occurrences, oldest first, as soon as \`tick\` has fired at or after an instant. */
const firedBy = async (petit: Parameters<typeof ask>[0], job: string, instant: string): Promise<readonly string[]> => {
  await eventually(`tick fires at ${instant}`, async () => {
    const fired = await firedOf(petit);
    return (fired.at(-1) ?? 0) >= Date.parse(instant) ? true : null;
  });
  const { body } = await ask(petit, `/api/jobs/${job}/runs?limit=100`);
  const runs: readonly { readonly scheduled_for: number }[] = body.runs;
  return runs.map(({ scheduled_for }) => new Date(scheduled_for).toISOString()).reverse();
};

test.skipIf(!canStepClock)(
  "daylight saving begins and ends on a petit that lives: each fixed time once",
  async () => {
    const schedule = (time: string): string => `schedule: {cron: "${time}", timezone: America/New_York}\n`;
    const jobs = {
      "tick.yaml": TICK,
      "gap.yaml": `id: gap\n${schedule("30 2 8 3 *")}${IN_NEW_YORK}`,
      "twice.yaml": `id: twice\n${schedule("0 1 1 11 *")}${IN_NEW_YORK}`,
    };
    const { clock, start: startIt } = inSteps(jobs);
    const setTo = (instant: string): void => clock.set(Date.parse(instant) - Date.now());
    setTo("2026-03-08T06:59:59Z");
    await using petit = await startIt();
    expect(await firedBy(petit, "gap", "2026-03-08T07:00:00Z")).toEqual(["2026-03-08T07:00:00.000Z"]);
    setTo("2026-11-01T04:59:59Z");
    expect(await firedBy(petit, "twice", "2026-11-01T05:00:00Z")).toEqual(["2026-11-01T05:00:00.000Z"]);
    setTo("2026-11-01T05:59:59Z");
    expect(await firedBy(petit, "twice", "2026-11-01T06:00:00Z")).toEqual(["2026-11-01T05:00:00.000Z"]);
    expect(await firedBy(petit, "gap", "2026-11-01T06:00:00Z")).toEqual(["2026-03-08T07:00:00.000Z"]);
  },
  40_000,
);

test.skipIf(!canStepClock)(
  "the timeout of what was adopted counts the time that passed, whatever the clock says",
  async () => {
    const script = `echo began > began; while [ ! -e go ]; do sleep 0.02; done`;
    const job = `id: slow\ninherit_environment: false\nenvironment: {PATH: /usr/bin:/bin}\ntasks: [{id: t, type: shell, timeout: 10m, script: "${script}"}]\n`;
    const { dir, clock, start: startIt } = inSteps({ "a.yaml": job });
    const first = await startIt();
    const runId = await start(first, "slow");
    await eventually("the task's begin", () => (existsSync(join(dir, "began")) ? true : null));
    await eventually("its process is stored", () => isProcessStored(first.dbPath) || null);
    await first.kill();
    clock.set(HOUR_MS);
    await using second = await startIt();
    await Bun.write(join(dir, "go"), "");
    expect(await endOf(second, runId)).toMatchObject({ status: "completed" });
  },
);

const isProcessStored = (dbPath: string): boolean => {
  const db = new Database(dbPath, { readonly: true });
  const row = db.query("SELECT 1 FROM attempts WHERE pid IS NOT NULL").get();
  db.close();
  return row !== null;
};
