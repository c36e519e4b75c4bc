import { expect, test } from "bun:test";
import type { JobId } from "../../../src/domain/ids.ts";
import { job, jobId, schedule } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { instantRuntime } from "../../support/model/runtime.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MINUTE = 60_000;
const EACH_MINUTE = job("tick", { schedule: schedule("* * * * *") });

test("a clock that is set back, and a stop before it has caught up, leave no gap in the ledger", async () => {
  using dir = tempDir();
  const clock = new FakeClock(NOON);
  const start = () => startEngine({ jobs: [EACH_MINUTE], clock, dir: dir.path, runtime: instantRuntime() });
  const first = await start();
  await clock.pass(10 * MINUTE);
  clock.step(-60 * MINUTE);
  await clock.pass(5 * MINUTE);
  await first.stop("leave");
  clock.step(10 * MINUTE);
  await using second = await start();
  await clock.pass(50 * MINUTE);
  const ledger = second.store.occurrences.list(jobId("tick"), { limit: 1_000 }).map(({ scheduledFor }) => scheduledFor);
  const first_ = NOON - 49 * MINUTE;
  expect([...ledger].reverse()).toEqual(Array.from({ length: 65 }, (_, index) => first_ + index * MINUTE));
});

test("an occurrence that is due before petit notices that the clock was set back is in the ledger", async () => {
  const clock = new FakeClock(NOON);
  await using petit = await startEngine({ jobs: [EACH_MINUTE], clock, runtime: instantRuntime() });
  await clock.pass(10 * MINUTE + 30_000);
  clock.step(-60 * MINUTE + 28_000);
  await clock.pass(MINUTE);
  const ledger = petit.store.occurrences.list(jobId("tick"), { limit: 1_000, before: NOON - 40 * MINUTE });
  expect(ledger.map(({ scheduledFor, outcome }) => [(NOON - scheduledFor) / MINUTE, outcome])).toEqual([[49, "fired"]]);
});

test("a clock that was set back while petit was not running leaves no gap in the ledger", async () => {
  using dir = tempDir();
  const clock = new FakeClock(NOON);
  const start = () => startEngine({ jobs: [EACH_MINUTE], clock, dir: dir.path, runtime: instantRuntime() });
  const first = await start();
  await clock.pass(10 * MINUTE);
  await first.stop("leave");
  clock.step(-60 * MINUTE);
  const second = await start();
  await clock.pass(MINUTE);
  await second.stop("leave");
  clock.step(3 * MINUTE);
  await using third = await start();
  const ledger = third.store.occurrences.list(jobId("tick"), { limit: 1_000, before: NOON - 40 * MINUTE });
  expect(ledger.map(({ scheduledFor, outcome }) => [(NOON - scheduledFor) / MINUTE, outcome])).toEqual([
    [46, "fired"],
    [47, "missed"],
    [48, "missed"],
    [49, "fired"],
  ]);
});

test("resume fires no past occurrences that a clock step had hidden", async () => {
  const clock = new FakeClock(NOON);
  await using started = await startEngine({ jobs: [EACH_MINUTE], clock, runtime: instantRuntime() });
  await started.engine.pause();
  clock.step(10 * MINUTE);
  await started.engine.resume();
  await clock.pass(10_000);
  const ledger = started.store.occurrences.list(jobId("tick"), { limit: 100 });
  expect(ledger.map(({ reason }) => reason)).toEqual(Array.from({ length: 10 }, () => "paused"));
});

test("an hour of suspension is one event, not one per occurrence", async () => {
  const clock = new FakeClock(NOON);
  await using started = await startEngine({ jobs: [EACH_MINUTE], clock, runtime: instantRuntime() });
  const emitted: (readonly [string | null, string | null, number | undefined])[] = [];
  started.engine.onEvent(({ type, status, reason, times }) => {
    if (type === "occurrence") emitted.push([status, reason, times]);
  });
  clock.step(60 * MINUTE);
  await clock.pass(10_000);
  expect(emitted).toEqual([
    ["fired", null, undefined],
    ["missed", "superseded", 59],
  ]);
});

test("missed occurrences of many jobs are decided in batches, oldest first, without blocking", async () => {
  using dir = tempDir();
  const clock = new FakeClock(NOON);
  const jobs = Array.from({ length: 40 }, (_, index) =>
    job(`tick-${index}`, { schedule: schedule(`${index} * * * * *`, { catchup: "none" }) }),
  );
  const start = () => startEngine({ jobs, clock, dir: dir.path, runtime: instantRuntime() });
  const first = await start();
  await first.stop("leave");
  clock.step(120 * MINUTE);
  await using second = await start();
  const missed = (index: number) => second.store.occurrences.list(jobId(`tick-${index}`), { limit: 1_000 }).length;
  expect(missed(1)).toBe(120);
  expect(missed(0)).toBe(0);
  await clock.pass(10);
  expect(jobs.map((_, index) => missed(index))).toEqual(jobs.map(() => 120));
});

test("a clock that is set back while a backlog is processed leaves no gap in the ledger", async () => {
  using dir = tempDir();
  const clock = new FakeClock(NOON);
  const jobs = Array.from({ length: 40 }, (_, index) =>
    job(`tick-${index}`, { schedule: schedule(`${index} * * * * *`, { catchup: "none" }) }),
  );
  const start = () => startEngine({ jobs, clock, dir: dir.path, runtime: instantRuntime() });
  const first = await start();
  await first.engine.pause();
  await first.stop("leave");
  clock.step(120 * MINUTE);
  await using second = await start();
  const ledger = ({ id }: { readonly id: JobId }) =>
    second.store.occurrences.list(id, { limit: 1_000 }).map(({ scheduledFor }) => scheduledFor);
  expect(jobs.filter((each) => ledger(each).length === 0).length).toBeGreaterThan(0);
  clock.step(-10 * MINUTE);
  await clock.pass(11 * MINUTE);
  const gaps = jobs.flatMap((each) => ledger(each).map((at, index, all) => (all[index - 1] ?? at + MINUTE) - at));
  expect(new Set(gaps)).toEqual(new Set([MINUTE]));
  expect(jobs.map((each) => ledger(each).length)).toEqual(jobs.map(() => 121));
});
