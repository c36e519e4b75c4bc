import { describe, expect, test } from "bun:test";
import type { Job } from "../../../src/domain/job.ts";
import type { ScheduleSpec } from "../../../src/domain/schedule/schedule.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId, schedule } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { type StartedEngine, type StartOptions, startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOUR = 3_600_000;
const HOURLY = jobId("hourly");

const hourly = (spec: Partial<ScheduleSpec> = {}, given: Partial<Job> = {}): Job =>
  job("hourly", { schedule: schedule("0 * * * *", spec), ...given });

const outcomesOf = (store: Store): readonly string[] =>
  store.occurrences
    .list(HOURLY, { limit: 10_000 })
    .toReversed()
    .map(({ scheduledFor, reason, outcome }) => `${(scheduledFor - NOON) / HOUR} ${reason ?? outcome}`);

type Drill = {
  readonly definition: Job;
  readonly catchesUp?: boolean;
  /** Called at the end of the first petit. */
  readonly before?: (petit: StartedEngine) => Promise<unknown>;
};

/** Starts petit at noon, restores its database three and a half hours later, and starts it again. */
const afterRestore = async (
  { definition, catchesUp = false, before = async () => {} }: Drill,
  work: (petit: StartedEngine, clock: FakeClock, options: StartOptions) => Promise<unknown>,
): Promise<void> => {
  using dir = tempDir();
  const clock = new FakeClock();
  const options = { clock, dir: dir.path, jobs: [definition] };
  {
    await using petit = await startEngine(options);
    await before(petit);
    await petit.stop("leave");
  }
  clock.step(3.5 * HOUR);
  const beforeStart = async ({ store: { identity } }: Engine): Promise<void> => {
    if (catchesUp) identity.markRestored({ now: clock.now(), catchesUp, laterThan: 0 });
    identity.renew({ now: clock.now(), isHere: () => false });
  };
  await using petit = await startEngine({ ...options, beforeStart });
  await work(petit, clock, options);
};

const MISSED = ["1 restored", "2 restored", "3 restored"];

describe("after a restore", () => {
  test.each(["latest", "all", "none"] as const)("nothing is caught up with `catchup: %s`", async (catchup) => {
    await afterRestore({ definition: hourly({ catchup }) }, async ({ store }, clock) => {
      expect(outcomesOf(store)).toEqual(MISSED);
      await clock.pass(HOUR / 2);
      await waitFor(() => outcomesOf(store).length > 3);
      expect(outcomesOf(store)).toEqual([...MISSED, "4 fired"]);
    });
  });

  test("a later downtime is caught up as usual", async () => {
    await afterRestore({ definition: hourly() }, async (petit, clock, options) => {
      await petit.stop("leave");
      clock.step(2 * HOUR);
      await using again = await startEngine(options);
      expect(outcomesOf(again.store)).toEqual([...MISSED, "4 down", "5 fired"]);
    });
  });

  test("a paused job and an excepted date do not hide that", async () => {
    const except = { dates: [new Date(NOON).toISOString().slice(0, 10)], files: [] };
    await afterRestore({ definition: hourly({ except }) }, async ({ store }) => {
      expect(outcomesOf(store)).toEqual(["1 excluded", "2 excluded", "3 excluded"]);
    });
    const before = (petit: StartedEngine) => petit.engine.pauseJob("hourly");
    await afterRestore({ definition: hourly(), before }, async ({ store }) => {
      expect(outcomesOf(store)).toEqual(MISSED);
    });
  });

  test("a large backlog is missed, too", async () => {
    const definition = job("hourly", { schedule: schedule("* * * * * *") });
    await afterRestore({ definition }, async ({ store }) => {
      await waitFor(() => store.occurrences.list(HOURLY, { limit: 20_000 }).length >= 3.5 * 3_600);
      const reasons = store.occurrences.list(HOURLY, { limit: 20_000 }).map(({ reason }) => reason);
      expect(new Set(reasons)).toEqual(new Set(["restored"]));
    });
  });

  test("everything is caught up as after a downtime if that was asked for", async () => {
    await afterRestore({ definition: hourly(), catchesUp: true }, async ({ store }) => {
      expect(outcomesOf(store)).toEqual(["1 down", "2 down", "3 fired"]);
    });
  });

  test("a clock that is set back after a start in the future fires on", async () => {
    await afterRestore({ definition: hourly() }, async ({ store }, clock) => {
      clock.step(-2 * HOUR);
      await clock.pass(10_000);
      await clock.pass(HOUR);
      await waitFor(() => outcomesOf(store).includes("2 fired"));
    });
  });
});
