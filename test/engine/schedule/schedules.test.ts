import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { PetitError } from "../../../src/domain/errors.ts";
import type { Job } from "../../../src/domain/job.ts";
import { MAX_DUE } from "../../../src/domain/schedule/due.ts";
import { jitterMs } from "../../../src/domain/schedule/jitter.ts";
import type { ScheduleSpec } from "../../../src/domain/schedule/schedule.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { Runtime } from "../../../src/runtime/runtime.ts";
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

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const tick = (given: Partial<Job> = {}, spec: Partial<ScheduleSpec> = {}): Job =>
  job("tick", { schedule: schedule("* * * * *", spec), ...given });

/** Returns the ledger of a job, oldest first: minutes after noon and outcomes. */
const ledger = (store: Store, id = "tick"): readonly string[] =>
  store.occurrences
    .list(jobId(id), { limit: 1_000 })
    .toReversed()
    .map(({ scheduledFor, outcome, reason }) =>
      [(scheduledFor - NOON) / MINUTE, outcome, reason].filter((part) => part !== null).join(" "),
    );

const runsOf = (store: Store, id = "tick") => store.runs.list({ jobId: jobId(id), limit: 1_000 }).toReversed();

/** Runs one engine after the other on the same database. */
const lives = (jobs: readonly Job[]) => {
  const dir = tempDir();
  const clock = new FakeClock();
  const live = async (work: (petit: StartedEngine) => Promise<unknown>, options: StartOptions = {}): Promise<void> => {
    await using petit = await startEngine({ clock, dir: dir.path, jobs, ...options });
    await work(petit);
    await petit.stop("drain");
  };
  return { clock, live, [Symbol.dispose]: () => dir[Symbol.dispose]() };
};

describe("a schedule", () => {
  test("fires each occurrence once, at its time, and records it", async () => {
    const clock = new FakeClock(NOON + 1);
    await using petit = await startEngine({ clock, jobs: [tick()] });
    await clock.passTo(NOON + MINUTE - 1);
    expect(ledger(petit.store)).toEqual([]);
    await clock.passTo(NOON + 3 * MINUTE);
    expect(ledger(petit.store)).toEqual(["1 fired", "2 fired", "3 fired"]);
    const runs = runsOf(petit.store);
    expect(runs.map(({ trigger, scheduledFor }) => `${trigger} ${scheduledFor}`)).toEqual(
      [1, 2, 3].map((minute) => `schedule ${NOON + minute * MINUTE}`),
    );
    const [occurrence] = petit.store.occurrences.list(jobId("tick"), { limit: 1 });
    expect(occurrence).toEqual({
      jobId: jobId("tick"),
      scheduledFor: NOON + 3 * MINUTE,
      outcome: "fired",
      reason: null,
      runId: runs[2]?.id ?? null,
      backfillRunId: null,
      decidedAt: NOON + 3 * MINUTE,
      jitterMs: 0,
    });
  });

  test.each([
    ["0 13 * * *", null, [60]],
    ["30 0,30 12 * * *", null, [0.5, 30.5]],
    ["@every 20m", null, [20, 40, 60]],
    ["@hourly", null, [60]],
    ["0 8 * * *", "America/New_York", [60]],
    ["0 13 * * 4", null, [60]],
    ["0 13 16 * *", null, []],
  ])("%p in %p is due within the hour at %p", async (expression, timezone, minutes) => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick({ schedule: schedule(expression, { timezone }) })] });
    await clock.pass(HOUR);
    expect(ledger(petit.store)).toEqual(minutes.map((minute) => `${minute} fired`));
  });

  test("of several expressions fires once when they coincide", async () => {
    const clock = new FakeClock();
    const spec = { ...schedule("*/10 * * * *"), expressions: ["*/10 * * * *", "*/15 * * * *"] };
    await using petit = await startEngine({ clock, jobs: [tick({ schedule: spec })] });
    await clock.pass(30 * MINUTE);
    expect(ledger(petit.store)).toEqual(["10 fired", "15 fired", "20 fired", "30 fired"]);
  });

  test("without a time zone uses the default", async () => {
    const clock = new FakeClock();
    const jobs = [tick({ schedule: schedule("0 14 * * *") })];
    await using petit = await startEngine({ clock, jobs, settings: { timezone: "Europe/Paris" } });
    await clock.pass(2 * HOUR);
    expect(ledger(petit.store)).toEqual(["60 fired"]);
  });

  test("fires each second of a minute", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick({ schedule: schedule("* * * * * *") })] });
    await clock.pass(MINUTE);
    expect(petit.store.occurrences.list(jobId("tick"), { limit: 100 }).map(({ outcome }) => outcome)).toEqual(
      Array(60).fill("fired"),
    );
  });

  test("fires all occurrences that came due in a busy moment as on time", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick({ schedule: schedule("* * * * * *") })] });
    clock.step(1_500);
    await clock.pass(1_000);
    expect(runsOf(petit.store).map(({ trigger }) => trigger)).toEqual(["schedule", "schedule"]);
  });

  test("of many jobs fires all of them on time", async () => {
    const clock = new FakeClock();
    const jobs = Array.from({ length: 30 }, (_, index) =>
      job(`j${index}`, { schedule: schedule(`${index + 1} * * * *`) }),
    );
    await using petit = await startEngine({ clock, jobs });
    await clock.pass(30 * MINUTE);
    const due = petit.store.runs.list({ limit: 100 }).map(({ scheduledFor }) => (Number(scheduledFor) - NOON) / MINUTE);
    expect(due.toReversed()).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  });

  test("emits an event for each occurrence and each run", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick()] });
    await clock.pass(MINUTE);
    const occurrence = await petit.event("occurrence");
    expect(occurrence).toMatchObject({ jobId: jobId("tick"), status: "fired", reason: null });
    expect(await petit.event("run.finished")).toMatchObject({ runId: occurrence.runId, status: "completed" });
  });

  test("is ignored with followSchedules false", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick()], followSchedules: false });
    await clock.pass(HOUR);
    expect(ledger(petit.store)).toEqual([]);
    expect((await petit.run("tick")).run.status).toBe("completed");
  });

  test("comes due again if it could not be stored, and fires once", async () => {
    const clock = new FakeClock();
    let failures = 2;
    const wrap = (store: Store): Store => ({
      ...store,
      runs: {
        ...store.runs,
        start: (input) => {
          if (failures-- > 0) throw new PetitError("storage_failed", "the disk is full");
          return store.runs.start(input);
        },
      },
    });
    await using petit = await startEngine({ log: silentLog, clock, jobs: [tick()], wrap });
    await clock.passTo(NOON + MINUTE + 1_999);
    expect(ledger(petit.store)).toEqual([]);
    await clock.passTo(NOON + 2 * MINUTE);
    expect(ledger(petit.store)).toEqual(["1 fired", "2 fired"]);
  });
});

describe("many jobs that are due together", () => {
  const jobs = Array.from({ length: 25 }, (_, index) => job(`j${index}`, { schedule: schedule("* * * * *") }));
  const firedOf = (store: Store): readonly string[] =>
    store.runs
      .list({ limit: 100 })
      .map(({ jobId: id, scheduledFor }) => `${id} ${(Number(scheduledFor) - NOON) / MINUTE}`);
  const allAt = (minute: number): readonly string[] => jobs.map(({ id }) => `${id} ${minute}`);

  test("start their first processes before the last jobs are decided", async () => {
    const clock = new FakeClock();
    const runtime = openRuntime();
    const storedAtSpawn: number[] = [];
    const counting: Runtime = {
      ...runtime,
      spawn: (options) => {
        storedAtSpawn.push(petit.store.runs.list({ limit: 100 }).length);
        return runtime.spawn(options);
      },
    };
    await using petit = await startEngine({ clock, jobs, runtime: counting });
    await clock.passTo(NOON + MINUTE);
    expect(storedAtSpawn.length).toBe(25);
    expect(storedAtSpawn[0]).toBeLessThan(25);
    expect(storedAtSpawn.at(-1)).toBe(25);
  });

  test("fire once each if only some of them could be stored at first", async () => {
    const clock = new FakeClock();
    let starts = 0;
    const wrap = (store: Store): Store => ({
      ...store,
      runs: {
        ...store.runs,
        start: (input) => {
          if (++starts === 15) throw new PetitError("storage_failed", "the disk is full");
          return store.runs.start(input);
        },
      },
    });
    await using petit = await startEngine({ log: silentLog, clock, jobs, wrap });
    await clock.passTo(NOON + MINUTE);
    const first = firedOf(petit.store);
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThan(15);
    await clock.passTo(NOON + MINUTE + 1_000);
    expect(firedOf(petit.store).toSorted()).toEqual(allAt(1).toSorted());
    await clock.passTo(NOON + 2 * MINUTE);
    expect(firedOf(petit.store).toSorted()).toEqual([...allAt(1), ...allAt(2)].toSorted());
  });
});

describe("jitter", () => {
  const jittery = tick({}, { jitterMs: 30_000 });
  const at = (minute: number) => jitterMs(jobId("tick"), NOON + minute * MINUTE, 30_000);

  test("delays each occurrence by a hash of job and instant, and records the delay", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [jittery] });
    await clock.passTo(NOON + MINUTE + at(1) - 1);
    expect(ledger(petit.store)).toEqual([]);
    await clock.pass(1);
    expect(ledger(petit.store)).toEqual(["1 fired"]);
    await clock.passTo(NOON + 6 * MINUTE);
    const recorded = petit.store.occurrences.list(jobId("tick"), { limit: 5 }).toReversed();
    expect(recorded.map((occurrence) => occurrence.jitterMs)).toEqual([1, 2, 3, 4, 5].map(at));
    expect(runsOf(petit.store).map(({ createdAt, trigger }) => `${trigger} ${createdAt}`)).toEqual(
      [1, 2, 3, 4, 5].map((minute) => `schedule ${NOON + minute * MINUTE + at(minute)}`),
    );
  });

  test("does not make an occurrence late, with catchup none either", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick({}, { jitterMs: 30_000, catchup: "none" })] });
    await clock.passTo(NOON + 4 * MINUTE);
    expect(ledger(petit.store)).toEqual(["1 fired", "2 fired", "3 fired"]);
  });

  test("does not make an occurrence late: it still fires after a restart", async () => {
    using life = lives([jittery]);
    await life.live(async () => life.clock.passTo(NOON + MINUTE));
    await life.live(async (petit) => {
      await life.clock.passTo(NOON + 2 * MINUTE - 1);
      expect(runsOf(petit.store)).toMatchObject([{ trigger: "schedule", scheduledFor: NOON + MINUTE }]);
    });
  });

  test("does not change the next occurrences", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [jittery] });
    expect(petit.engine.nextOccurrences(jobId("tick"), 3)).toEqual([1, 2, 3].map((minute) => NOON + minute * MINUTE));
  });
});

describe("the next occurrences", () => {
  test("are listed, and next_run_at is the first", async () => {
    const clock = new FakeClock();
    const jobs = [
      tick({ schedule: schedule("0 0 * * *") }),
      job("manual"),
      job("off", { enabled: false, schedule: schedule("@daily") }),
    ];
    await using petit = await startEngine({ clock, jobs });
    const midnight = NOON + 12 * HOUR;
    expect(petit.engine.nextOccurrences(jobId("tick"), 2)).toEqual([midnight, midnight + 24 * HOUR]);
    expect(petit.engine.nextOccurrences(jobId("tick"), 0)).toEqual([]);
    expect(petit.engine.listJobs().map(({ job: { id }, nextRunAt }) => [id, nextRunAt])).toEqual([
      [jobId("manual"), null],
      [jobId("off"), null],
      [jobId("tick"), midnight],
    ]);
    expect(petit.engine.nextOccurrences(jobId("manual"), 2)).toEqual([]);
    expect(petit.engine.nextOccurrences(jobId("off"), 2)).toEqual([]);
    await petit.engine.pause();
    expect(petit.engine.findJob("tick")?.nextRunAt).toBe(midnight);
    expect(petit.engine.findJob("none")).toBeNull();
  });

  test("advance with time", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick()] });
    await clock.pass(10 * MINUTE);
    expect(petit.engine.nextOccurrences(jobId("tick"), 1)).toEqual([NOON + 11 * MINUTE]);
  });
});

describe("a new job", () => {
  test("has no past occurrences at the first start", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick({}, { catchup: "all", catchupWindowMs: 24 * HOUR })] });
    await clock.pass(MINUTE);
    expect(ledger(petit.store)).toEqual(["1 fired"]);
  });

  test("has no past occurrences at a later start", async () => {
    using life = lives([]);
    await life.live(async () => life.clock.pass(HOUR));
    await life.live(
      async (petit) => {
        await life.clock.pass(MINUTE);
        expect(ledger(petit.store)).toEqual(["61 fired"]);
      },
      { jobs: [tick()] },
    );
  });

  test("has no past occurrences if a reload adds it, or adds it again", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [] });
    await clock.pass(10 * MINUTE);
    for (const jobs of [[tick()], [], [tick()]]) {
      petit.files = filesOf(jobs);
      await petit.engine.reload();
      await clock.pass(2 * MINUTE);
    }
    expect(ledger(petit.store)).toEqual(["11 fired", "12 fired", "15 fired", "16 fired"]);
  });

  const everyFive = tick({ schedule: schedule("*/5 * * * *", { catchup: "all" }) });

  test.each([
    ["missed", "missed down", {}, { paused: false }],
    ["skipped if it was disabled", "skipped disabled", { enabled: false }, { paused: false }],
    ["skipped if petit was paused", "skipped paused", {}, { paused: true }],
  ])(
    "has none of a new schedule that was set while petit was not running; those of the old one are %s",
    async (_, outcome, given, { paused }) => {
      using life = lives([tick(given, { catchup: "all" })]);
      await life.live(async ({ engine }) => (paused ? engine.pause() : null));
      life.clock.step(3 * MINUTE);
      for (const jobs of [[everyFive], [everyFive], [job("tick")], [tick()]]) {
        await life.live(
          async (petit) => {
            expect(ledger(petit.store)).toEqual([1, 2, 3].map((minute) => `${minute} ${outcome}`));
            expect(petit.store.occurrences.find(jobId("tick"), NOON)).toBeNull();
          },
          { jobs },
        );
      }
    },
  );

  test("has none of a new schedule that a reload sets; those that jitter delayed still start", async () => {
    const clock = new FakeClock();
    const before = tick({}, { jitterMs: 50_000 });
    await using petit = await startEngine({ clock, jobs: [before] });
    await clock.pass(MINUTE);
    expect(ledger(petit.store)).toEqual([]);
    petit.files = filesOf([everyFive]);
    await petit.engine.reload();
    expect(ledger(petit.store)).toEqual(["1 fired"]);
    await clock.passTo(NOON + 5 * MINUTE);
    expect(ledger(petit.store)).toEqual(["1 fired", "5 fired"]);
  });

  test("has its own if only the policy was changed while petit was not running", async () => {
    using life = lives([tick({}, { catchup: "none" })]);
    await life.live(async () => {});
    life.clock.step(3 * MINUTE);
    await life.live(async (petit) => expect(ledger(petit.store)).toEqual(["1 fired", "2 fired", "3 fired"]), {
      jobs: [tick({}, { catchup: "all" })],
    });
  });
});

describe("after downtime", () => {
  test("a one-off run with other job files does not hide missed occurrences", async () => {
    using life = lives([tick({}, { catchup: "all" }), job("other")]);
    await life.live(async () => {});
    life.clock.step(2 * MINUTE);
    const between = { jobs: [job("tick"), job("aside")], followSchedules: false };
    await life.live(async (petit) => {
      for (const id of ["tick", "aside"]) expect((await petit.run(id)).run.status).toBe("completed");
      expect([...petit.store.jobs.list().keys()].map(String)).toEqual(["other", "tick"]);
      expect([...petit.store.runs.listNewestByJob().keys()].map(String).sort()).toEqual(["aside", "tick"]);
    }, between);
    await life.live(async (petit) => expect(ledger(petit.store)).toEqual(["1 fired", "2 fired"]));
  });

  const DOWN = "missed down";
  const OLD = "missed superseded";
  const FIRED = "fired";

  test.each([
    ["latest", HOUR, [OLD, OLD, OLD, FIRED]],
    ["latest", 1, [DOWN, DOWN, DOWN, DOWN]],
    ["latest", 90_000, [DOWN, DOWN, OLD, FIRED]],
    ["all", HOUR, [FIRED, FIRED, FIRED, FIRED]],
    ["all", 150_000, [DOWN, FIRED, FIRED, FIRED]],
    ["none", HOUR, [DOWN, DOWN, DOWN, DOWN]],
  ] as const)("catchup %s within %p ms turns four occurrences into %p", async (catchup, catchupWindowMs, expected) => {
    using life = lives([tick({}, { catchup, catchupWindowMs })]);
    await life.live(async () => life.clock.pass(MINUTE));
    life.clock.step(4 * MINUTE + 10_000);
    await life.live(async (petit) => {
      expect(ledger(petit.store)).toEqual(["1 fired", ...expected.map((outcome, index) => `${index + 2} ${outcome}`)]);
      const caughtUp = runsOf(petit.store).slice(1);
      expect(caughtUp.map(({ trigger }) => trigger)).toEqual(caughtUp.map(() => "catchup"));
      await life.clock.passTo(NOON + 6 * MINUTE);
      expect(ledger(petit.store).at(-1)).toBe("6 fired");
      expect(runsOf(petit.store).at(-1)?.trigger).toBe("schedule");
    });
  });

  test("a catch-up run gets its trigger and its occurrence", async () => {
    using life = lives([tick({ tasks: [...job("x").tasks] })]);
    await life.live(async () => life.clock.pass(MINUTE));
    life.clock.step(MINUTE);
    await life.live(async (petit) => {
      expect(runsOf(petit.store).at(-1)).toMatchObject({ trigger: "catchup", scheduledFor: NOON + 2 * MINUTE });
    });
  });

  test("catchup all starts at most the newest hundred", async () => {
    using life = lives([tick({}, { catchup: "all", catchupWindowMs: 24 * HOUR })]);
    await life.live(async () => {});
    life.clock.step(3 * HOUR);
    await life.live(async (petit) => {
      const outcomes = ledger(petit.store);
      expect(outcomes).toHaveLength(180);
      expect(outcomes.slice(0, 80).every((outcome) => outcome.endsWith("missed superseded"))).toBe(true);
      expect(outcomes.slice(80).every((outcome) => outcome.endsWith("fired"))).toBe(true);
      const due = runsOf(petit.store).map(({ scheduledFor }) => Number(scheduledFor));
      expect(due).toEqual(due.toSorted((a, b) => a - b));
    });
  });

  test("nothing is decided twice across restarts", async () => {
    using life = lives([tick()]);
    await life.live(async () => life.clock.pass(MINUTE));
    life.clock.step(10 * MINUTE);
    for (let start = 0; start < 3; start++) await life.live(async () => {});
    await life.live(async (petit) => {
      expect(ledger(petit.store).filter((outcome) => outcome.endsWith("fired"))).toEqual(["1 fired", "11 fired"]);
    });
  });

  test("the ledger keeps the newest of a month of seconds", async () => {
    using life = lives([tick({ schedule: schedule("* * * * * *", { catchup: "none" }) })]);
    await life.live(async () => life.clock.pass(1_000));
    life.clock.step(30 * 24 * HOUR);
    await life.live(async (petit) => {
      const now = Math.floor(life.clock.now() / 1_000) * 1_000;
      await waitFor(() => petit.store.occurrences.find(jobId("tick"), now) !== null);
      expect(petit.store.occurrences.list(jobId("tick"), { limit: 2 * MAX_DUE })).toHaveLength(MAX_DUE + 1);
      expect(petit.store.occurrences.find(jobId("tick"), now)?.outcome).toBe("missed");
      expect(petit.engine.nextOccurrences(jobId("tick"), 1)).toEqual([now + 1_000]);
    });
  });
});

describe("after a suspension of the machine", () => {
  test.each([
    ["latest", ["2 missed superseded", "3 missed superseded", "4 fired"]],
    ["all", ["2 fired", "3 fired", "4 fired"]],
    ["none", ["2 missed late", "3 missed late", "4 missed late"]],
  ] as const)("catchup %s turns three occurrences into %p", async (catchup, expected) => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick({}, { catchup })] });
    await clock.pass(MINUTE);
    clock.step(3 * MINUTE + 20_000);
    await clock.pass(30_000);
    expect(ledger(petit.store)).toEqual(["1 fired", ...expected]);
    await clock.passTo(NOON + 5 * MINUTE);
    expect(ledger(petit.store).at(-1)).toBe("5 fired");
  });

  test("petit notices within seconds, although nothing was due for hours", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick({ schedule: schedule("0 18 * * *") })] });
    clock.step(6 * HOUR + 1);
    await clock.pass(5_000);
    expect(ledger(petit.store)).toEqual(["360 fired"]);
  });
});

describe("a clock that is set back", () => {
  test("fires no occurrence twice, and continues with new ones", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick()] });
    await clock.pass(10 * MINUTE);
    clock.step(-5 * MINUTE);
    await clock.pass(5 * MINUTE);
    expect(ledger(petit.store)).toHaveLength(10);
    expect(runsOf(petit.store)).toHaveLength(10);
    await clock.pass(5 * MINUTE);
    expect(ledger(petit.store)).toEqual(Array.from({ length: 15 }, (_, index) => `${index + 1} fired`));
  });

  test("to before the first occurrence continues immediately with new ones", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick()] });
    await clock.pass(3 * MINUTE);
    clock.step(-HOUR);
    await clock.pass(2 * MINUTE);
    expect(
      runsOf(petit.store)
        .slice(3)
        .map(({ scheduledFor }) => (Number(scheduledFor) - NOON) / MINUTE),
    ).toEqual([-56, -55]);
  });

  test("fires occurrences that a jump ahead had missed", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick({}, { catchup: "none" })] });
    await clock.pass(MINUTE);
    clock.step(HOUR);
    await clock.pass(30_000);
    expect(ledger(petit.store).filter((outcome) => outcome.includes("missed"))).toHaveLength(60);
    clock.step(-HOUR);
    await clock.passTo(NOON + 5 * MINUTE);
    expect(ledger(petit.store).slice(0, 6)).toEqual([
      "1 fired",
      "2 fired",
      "3 fired",
      "4 fired",
      "5 fired",
      "6 missed late",
    ]);
  });

  test("shows the newest run as the last one", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick()] });
    await clock.pass(MINUTE);
    clock.step(-HOUR);
    const { run } = await petit.run("tick");
    expect(petit.engine.findJob("tick")?.lastRun?.id).toBe(run.id);
  });
});

describe("a disabled job", () => {
  test("is accounted for, and fires no past occurrence when it is enabled", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick({ enabled: false })] });
    await clock.pass(2 * MINUTE);
    petit.files = filesOf([tick()]);
    await petit.engine.reload();
    await clock.pass(MINUTE);
    expect(ledger(petit.store)).toEqual(["1 skipped disabled", "2 skipped disabled", "3 fired"]);
  });

  test("has no missed occurrences while petit was not running", async () => {
    using life = lives([tick({ enabled: false })]);
    await life.live(async () => {});
    life.clock.step(2 * MINUTE);
    await life.live(async (petit) => expect(ledger(petit.store)).toEqual(["1 skipped disabled", "2 skipped disabled"]));
  });
});

describe("pause", () => {
  test("skips due occurrences, and resume fires no past ones", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick()] });
    await petit.engine.pause();
    expect(petit.engine.state).toBe("paused");
    await clock.pass(2 * MINUTE);
    await petit.engine.resume();
    expect(petit.engine.state).toBe("running");
    await clock.pass(MINUTE);
    expect(ledger(petit.store)).toEqual(["1 skipped paused", "2 skipped paused", "3 fired"]);
  });

  test("accepts manual triggers", async () => {
    await using petit = await startEngine({ jobs: [tick()] });
    await petit.engine.pause();
    expect((await petit.run("tick")).run.status).toBe("completed");
  });

  test("survives a restart, and skips the occurrences meanwhile", async () => {
    using life = lives([tick({}, { catchup: "all" })]);
    await life.live(async (petit) => petit.engine.pause());
    life.clock.step(2 * MINUTE);
    await life.live(async (petit) => {
      expect(petit.engine.state).toBe("paused");
      await life.clock.pass(MINUTE);
      expect(ledger(petit.store)).toEqual(["1 skipped paused", "2 skipped paused", "3 skipped paused"]);
      await petit.engine.resume();
    });
    await life.live(async (petit) => expect(petit.engine.state).toBe("running"));
  });

  test("and resume emit one event each, however often they are called", async () => {
    await using petit = await startEngine();
    await petit.engine.pause();
    await petit.engine.pause();
    await petit.engine.resume();
    await petit.engine.resume();
    expect(petit.store.events.after(0, 9).map(({ type, status }) => `${type} ${status}`)).toEqual([
      "scheduler.paused paused",
      "scheduler.resumed running",
    ]);
  });

  test("does not skip occurrences that came due right before it", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [tick()] });
    clock.step(MINUTE);
    await petit.engine.pause();
    await clock.pass(30_000);
    expect(ledger(petit.store)).toEqual(["1 fired"]);
  });
});
