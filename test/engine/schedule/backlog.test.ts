import { describe, expect, test } from "bun:test";
import { PetitError } from "../../../src/domain/errors.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { ScheduleSpec } from "../../../src/domain/schedule/schedule.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId, schedule } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import {
  filesOf,
  type StartedEngine,
  type StartOptions,
  startEngine,
  waitFor,
} from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Seconds for which petit was not running. */
const GAP = 9_000;

const each = (spec: Partial<ScheduleSpec> = {}, given: Partial<Job> = {}): Job =>
  job("each", { schedule: schedule("* * * * * *", spec), ...given });

const EACH = jobId("each");

/** An engine that ran at noon, and one that starts after the gap. */
const afterGap = async (
  jobs: readonly Job[],
  work: (petit: StartedEngine, clock: FakeClock) => Promise<unknown>,
  options: StartOptions & { readonly second?: (petit: StartedEngine, clock: FakeClock) => Promise<unknown> } = {},
): Promise<void> => {
  using dir = tempDir();
  const clock = new FakeClock();
  const live = async (given: StartOptions, use: (petit: StartedEngine) => Promise<unknown>): Promise<void> => {
    await using petit = await startEngine({ clock, dir: dir.path, jobs, ...given });
    await use(petit);
    await petit.stop("leave");
  };
  await live({}, async () => {});
  clock.step(NOON + GAP * SECOND + 500 - clock.now());
  const { second, ...given } = options;
  await live(given, (petit) => work(petit, clock));
  if (second !== undefined) await live({}, (petit) => second(petit, clock));
};

/** Returns the ledger, oldest first: seconds after noon and outcomes. */
const ledger = (store: Store, limit = 2 * GAP) =>
  store.occurrences
    .list(EACH, { limit })
    .toReversed()
    .map(({ scheduledFor, outcome, reason }) => ({ at: (scheduledFor - NOON) / SECOND, what: reason ?? outcome }));

/** Groups consecutive occurrences with the same outcome: outcome, first and last. */
const summary = (store: Store): readonly (readonly [string, number, number])[] => {
  const spans: (readonly [string, number, number])[] = [];
  for (const { at, what } of ledger(store)) {
    const last = spans.at(-1);
    if (last !== undefined && last[0] === what && last[2] === at - 1) spans[spans.length - 1] = [what, last[1], at];
    else spans.push([what, at, at]);
  }
  return spans;
};

const isDone = ({ store }: StartedEngine): boolean => store.occurrences.find(EACH, NOON + GAP * SECOND) !== null;

const done = (petit: StartedEngine): Promise<void> => waitFor(() => isDone(petit));

/** Resolves when some parts are stored and others are not. */
const begun = (petit: StartedEngine): Promise<void> => waitFor(() => ledger(petit.store, 1).length > 0);

const LATEST = [
  ["down", 1, GAP - 3_600],
  ["superseded", GAP - 3_599, GAP - 1],
  ["fired", GAP, GAP],
] as const;

describe("a long backlog of a job", () => {
  test.each([
    ["latest", LATEST],
    [
      "all",
      [
        ["down", 1, GAP - 3_600],
        ["superseded", GAP - 3_599, GAP - 100],
        ["fired", GAP - 99, GAP],
      ],
    ],
    ["none", [["down", 1, GAP]]],
  ] as const)("has the same result in parts as in one transaction, with catchup %s", async (catchup, expected) => {
    await afterGap([each({ catchup }, { maxConcurrency: null })], async (petit) => {
      await done(petit);
      expect(summary(petit.store)).toEqual([...expected]);
    });
  });

  test("does not delay the start, triggers or the occurrences of other jobs", async () => {
    const other = job("other", { schedule: schedule(`* * * * *`) });
    await afterGap([each(), other], async (petit, clock) => {
      expect(isDone(petit)).toBe(false);
      const next = petit.engine.findJob("each")?.nextRunAt;
      expect(next).toBe(NOON + (GAP + 1) * SECOND);
      expect(petit.engine.nextOccurrences(EACH, 2)).toEqual([next ?? 0, NOON + (GAP + 2) * SECOND]);
      await petit.trigger("other");
      await clock.pass(MINUTE);
      expect(petit.store.occurrences.find(jobId("other"), NOON + GAP * SECOND + MINUTE)?.outcome).toBe("fired");
      await done(petit);
    });
  });

  test("is stored in transactions of bounded size, with one event per reason", async () => {
    const sizes: number[] = [];
    const emitted: (readonly [string | null, number | undefined])[] = [];
    const wrap = (store: Store): Store => {
      store.events.subscribe((events) => {
        for (const { type, reason, times } of events) if (type === "occurrence") emitted.push([reason, times]);
      });
      return {
        ...store,
        occurrences: {
          ...store.occurrences,
          record: (id, list, ...rest) => {
            sizes.push(list.length);
            return store.occurrences.record(id, list, ...rest);
          },
        },
      };
    };
    await afterGap([each({ catchup: "none" })], done, { wrap });
    expect(sizes.length).toBeGreaterThan(5);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
    expect(emitted).toEqual([["down", GAP]]);
  });

  test("continues at the next start, without a gap and with one run", async () => {
    let first = 0;
    await afterGap(
      [each()],
      async (petit) => {
        await begun(petit);
        expect(isDone(petit)).toBe(false);
        first = ledger(petit.store).length;
      },
      {
        second: async (petit) => {
          await done(petit);
          expect(first).toBeGreaterThan(0);
          expect(summary(petit.store)).toEqual([...LATEST]);
          expect(petit.store.runs.list({ limit: 10 })).toHaveLength(1);
        },
      },
    );
  });

  test("is retried if it can't be stored", async () => {
    let failures = 3;
    const wrap = (store: Store): Store => ({
      ...store,
      occurrences: {
        ...store.occurrences,
        record: (...args) => {
          if (ledger(store, 1).length > 0 && failures-- > 0) throw new PetitError("storage_failed", "the disk is full");
          return store.occurrences.record(...args);
        },
      },
    });
    const work = async (petit: StartedEngine, clock: FakeClock) => {
      await begun(petit);
      await clock.pass(3 * SECOND);
      await done(petit);
      expect(summary(petit.store).slice(0, 3)).toEqual([...LATEST]);
    };
    await afterGap([each()], work, { wrap, log: silentLog });
  });

  test("continues after a reload that does not change the schedule", async () => {
    await afterGap([each()], async (petit) => {
      await begun(petit);
      petit.files = filesOf([each({}, { name: "another name" }), job("new")]);
      await petit.engine.reload();
      await done(petit);
      expect(summary(petit.store)).toEqual([...LATEST]);
    });
  });

  test("is accounted for if a reload removes the job or changes its schedule meanwhile", async () => {
    for (const jobs of [[], [each({ expressions: ["*/5 * * * * *"] })]]) {
      await afterGap([each()], async (petit) => {
        await begun(petit);
        petit.files = filesOf(jobs);
        await petit.engine.reload();
        expect(ledger(petit.store).map(({ at }) => at)).toEqual(Array.from({ length: GAP }, (_, index) => index + 1));
      });
    }
  });

  test("starts nothing after a pause; earlier missed occurrences are not skipped as paused", async () => {
    await afterGap([each()], async (petit) => {
      await begun(petit);
      await petit.engine.pause();
      await done(petit);
      expect(summary(petit.store)).toEqual([...LATEST.slice(0, 2), ["paused", GAP, GAP]]);
    });
  });

  test("has no gap if the clock is set back meanwhile", async () => {
    await afterGap([each({ catchup: "none" })], async (petit, clock) => {
      await begun(petit);
      clock.step(-HOUR);
      // Each step reads the clock.
      await petit.engine.pause();
      await petit.engine.resume();
      await waitFor(() => petit.store.occurrences.find(EACH, NOON + (GAP - 3_600) * SECOND) !== null);
      await clock.pass(2 * SECOND);
      const seconds = ledger(petit.store).map(({ at }) => at);
      expect(seconds).toEqual(Array.from({ length: GAP - 3_600 + 2 }, (_, index) => index + 1));
    });
  });
});

describe("a job that is removed", () => {
  const jittery = job("each", { schedule: schedule("* * * * *", { jitterMs: 50_000 }) });

  const what = ({ store }: StartedEngine) =>
    store.occurrences
      .list(EACH, { limit: 10 })
      .toReversed()
      .map(({ scheduledFor, outcome, reason }) => [(scheduledFor - NOON) / MINUTE, outcome, reason]);

  test("has its occurrence that jitter delayed in the ledger as skipped", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [jittery] });
    await clock.pass(MINUTE);
    expect(what(petit)).toEqual([]);
    petit.files = filesOf([]);
    await petit.engine.reload();
    expect(what(petit)).toEqual([[1, "skipped", "disabled"]]);
    await clock.pass(HOUR);
    expect(what(petit)).toHaveLength(1);
    expect(petit.store.runs.list({ limit: 1 })).toEqual([]);
  });

  test("while petit was not running has its due occurrences in the ledger, and none is missed", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const first = await startEngine({ clock, dir: dir.path, jobs: [jittery] });
    await first.stop("drain");
    clock.step(2 * MINUTE);
    await using second = await startEngine({ clock, dir: dir.path, jobs: [] });
    expect(what(second)).toEqual([
      [1, "skipped", "disabled"],
      [2, "skipped", "disabled"],
    ]);
  });
});
