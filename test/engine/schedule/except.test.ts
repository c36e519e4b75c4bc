import { describe, expect, test } from "bun:test";
import type { Job } from "../../../src/domain/job.ts";
import type { ScheduleSpec } from "../../../src/domain/schedule/schedule.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId, schedule } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { filesOf, type StartedEngine, startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOUR = 3_600_000;
const MIDNIGHT = NOON + 12 * HOUR;

const dateOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
const on = (...times: readonly number[]) => ({ except: { dates: times.map(dateOf), files: [] } });

const hourly = (spec: Partial<ScheduleSpec>, given: Partial<Job> = {}): Job =>
  job("hourly", { schedule: schedule("0 * * * *", spec), ...given });

const HOURLY = jobId("hourly");

/** Groups consecutive occurrences with the same outcome: outcome, and first and last as hours after noon. */
const summary = (store: Store): readonly (readonly [string, number, number])[] => {
  const spans: (readonly [string, number, number])[] = [];
  for (const { scheduledFor, outcome, reason } of store.occurrences.list(HOURLY, { limit: 10_000 }).toReversed()) {
    const [what, at, last] = [reason ?? outcome, (scheduledFor - NOON) / HOUR, spans.at(-1)];
    if (last?.[0] === what) spans[spans.length - 1] = [what, last[1], at];
    else spans.push([what, at, at]);
  }
  return spans;
};

/** Starts petit at noon, and again at a later time. */
const afterPause = async (
  definition: Job,
  to: number,
  work: (petit: StartedEngine) => Promise<unknown>,
): Promise<void> => {
  using dir = tempDir();
  const clock = new FakeClock();
  const options = { clock, dir: dir.path, jobs: [definition] };
  {
    await using petit = await startEngine(options);
    await petit.stop("leave");
  }
  clock.step(to - clock.now());
  await using petit = await startEngine(options);
  await work(petit);
};

describe("an excepted date", () => {
  test("has skipped occurrences, and the next run is on a later date", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [hourly(on(NOON))] });
    expect(petit.engine.findJob("hourly")?.nextRunAt).toBe(MIDNIGHT);
    expect(petit.engine.nextOccurrences(HOURLY, 2)).toEqual([MIDNIGHT, MIDNIGHT + HOUR]);
    for (let hour = 0; hour < 13; hour++) await clock.pass(HOUR);
    expect(summary(petit.store)).toEqual([
      ["excluded", 1, 11],
      ["fired", 12, 13],
    ]);
  });

  test("is left out by catch-up, which runs the newest other occurrence", async () => {
    await afterPause(hourly({ ...on(MIDNIGHT), catchupWindowMs: 24 * HOUR }), MIDNIGHT + 6 * HOUR, async (petit) => {
      expect(summary(petit.store)).toEqual([
        ["superseded", 1, 10],
        ["fired", 11, 11],
        ["excluded", 12, 18],
      ]);
      expect(petit.store.runs.findNewest(HOURLY)?.trigger).toBe("catchup");
    });
  });

  test("is left out as well if the occurrences are so many that they are recorded in parts", async () => {
    const often = job("hourly", {
      schedule: schedule("*/10 * * * * *", { ...on(MIDNIGHT), catchupWindowMs: 24 * HOUR }),
    });
    await afterPause(often, MIDNIGHT + 6 * HOUR, async (petit) => {
      await waitFor(() => petit.store.occurrences.find(HOURLY, MIDNIGHT + 6 * HOUR) !== null);
      expect(summary(petit.store)).toEqual([
        ["superseded", 1 / 360, 12 - 2 / 360],
        ["fired", 12 - 1 / 360, 12 - 1 / 360],
        ["excluded", 12, 18],
      ]);
    });
  });

  test("is named as the reason also while the job is paused, but not if it is disabled", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({
      clock,
      jobs: [hourly(on(NOON)), job("off", { enabled: false, schedule: schedule("0 * * * *", on(NOON)) })],
    });
    await petit.engine.pauseJob("hourly");
    await clock.pass(HOUR);
    expect(petit.store.occurrences.find(HOURLY, NOON + HOUR)?.reason).toBe("excluded");
    expect(petit.store.occurrences.find(jobId("off"), NOON + HOUR)?.reason).toBe("disabled");
  });

  test("can be added and removed by a reload, and the ledger goes on", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [hourly({})] });
    await clock.pass(HOUR);
    petit.files = filesOf([hourly(on(NOON))]);
    await petit.engine.reload();
    await clock.pass(HOUR);
    await clock.pass(HOUR);
    petit.files = filesOf([hourly({})]);
    await petit.engine.reload();
    expect(petit.engine.findJob("hourly")?.nextRunAt).toBe(NOON + 4 * HOUR);
    await clock.pass(HOUR);
    expect(summary(petit.store)).toEqual([
      ["fired", 1, 1],
      ["excluded", 2, 3],
      ["fired", 4, 4],
    ]);
  });
});
