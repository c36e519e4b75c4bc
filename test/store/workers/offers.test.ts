import { describe, expect, test } from "bun:test";
import type { Event } from "../../../src/domain/event.ts";
import type { Store } from "../../../src/store/store.ts";
import type { OfferKey, StoredClaim, StoredOffer } from "../../../src/store/workers/offers.ts";
import { job } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

const CLAIM: StoredClaim = {
  worker: "box7",
  instance: "i1",
  process: { id: "p1", file: "f1" },
  nonce: "n1",
  at: NOON + 5,
};

const OUTCOME = { status: "failed", reason: "worker_lost", error: "lost", exitCode: null, signal: null } as const;

/** Stores a run with an attempt that is offered to workers. */
const offered = (store: Store) => {
  const definition = job("hello");
  const run = startRun(store, { job: definition });
  const [task] = definition.tasks;
  if (task === undefined) throw new Error("a job without tasks");
  const node = { taskId: task.id, item: null };
  const attempt = store.runs.offerAttempt(run, node, { labels: ["gpu"], now: NOON });
  const key: OfferKey = { attemptId: attempt.id, epoch: 1 };
  return { run, node, attempt, key };
};

const eventsOf = (store: Store): readonly Event["type"][] => store.events.after(0, 100).map(({ type }) => type);

describe("an offered attempt", () => {
  test("leaves its task pending until it is claimed", () => {
    using store = memoryStore();
    const { run, attempt, key } = offered(store);
    const open: StoredOffer = {
      attemptId: attempt.id,
      epoch: 1,
      state: "offered",
      labels: ["gpu"],
      offeredAt: NOON,
      claim: null,
      storedOffset: 0,
      isRestored: false,
    };
    expect(store.offers.find(attempt.id)).toEqual(open);
    expect(store.runs.listTaskRuns(run.id)).toMatchObject([{ status: "pending", attempts: 1, startedAt: null }]);
    expect(eventsOf(store)).not.toContain("task.started");
    expect(store.offers.claim(key, CLAIM)).toBe(true);
    store.runs.claimAttempt(run, attempt, { worker: "box7", now: NOON + 5 });
    expect(store.runs.listTaskRuns(run.id)).toMatchObject([{ status: "running", attempts: 1, startedAt: NOON + 5 }]);
    expect(store.runs.listAttempts(run.id)).toMatchObject([{ worker: "box7", startedAt: NOON + 5 }]);
    expect(eventsOf(store)).toContain("task.started");
  });

  test("is claimed once, and only in its epoch", () => {
    using store = memoryStore();
    const { key } = offered(store);
    expect(store.offers.claim({ ...key, epoch: 2 }, CLAIM)).toBe(false);
    expect(store.offers.claim(key, CLAIM)).toBe(true);
    expect(store.offers.claim(key, { ...CLAIM, worker: "box8" })).toBe(false);
    expect(store.offers.find(key.attemptId)?.claim).toEqual(CLAIM);
  });

  test("that is offered again has a new epoch and no claim", () => {
    using store = memoryStore();
    const { key } = offered(store);
    store.offers.claim(key, CLAIM);
    expect(store.offers.offerAgain(key, NOON + 9)).toBe(true);
    expect(store.offers.find(key.attemptId)).toMatchObject({ epoch: 2, state: "offered", claim: null });
    expect(store.offers.claim(key, CLAIM)).toBe(false);
  });

  test("is lost if its end is stored with that reason", () => {
    using store = memoryStore();
    const { run, node, attempt, key } = offered(store);
    store.offers.claim(key, CLAIM);
    store.runs.claimAttempt(run, attempt, { worker: "box7", now: NOON + 5 });
    store.runs.finishAttempt(attempt.id, OUTCOME, { now: NOON + 9, retryAt: null });
    store.runs.finishTask(run, node, { outcome: { ...OUTCOME, outputs: {} }, now: NOON + 9 });
    expect(store.offers.find(attempt.id)?.state).toBe("lost");
    expect(store.runs.listTaskRuns(run.id)).toMatchObject([{ status: "failed", reason: "worker_lost" }]);
  });

  test("stores how much of its output there is, and never less", () => {
    using store = memoryStore();
    const { key } = offered(store);
    expect(store.offers.setStoredOffset(key, 10)).toBe(false);
    store.offers.claim(key, CLAIM);
    expect(store.offers.setStoredOffset(key, 10)).toBe(true);
    expect(store.offers.setStoredOffset(key, 9)).toBe(false);
    expect(store.offers.find(key.attemptId)?.storedOffset).toBe(10);
  });

  test("that nobody claimed takes no time, and may be retried", () => {
    using store = memoryStore();
    const { run, attempt } = offered(store);
    const outcome = { ...OUTCOME, reason: "spawn_failed" } as const;
    store.runs.finishAttempt(attempt.id, outcome, { now: NOON + 9, retryAt: NOON + 20 });
    expect(store.runs.listAttempts(run.id)).toMatchObject([{ startedAt: NOON + 9, endedAt: NOON + 9, worker: null }]);
    expect(store.runs.listTaskRuns(run.id)).toMatchObject([{ status: "running", retryAt: NOON + 20 }]);
    expect(store.offers.find(attempt.id)?.state).toBe("withdrawn");
  });

  test("keeps a note once", () => {
    using store = memoryStore();
    const { run, attempt } = offered(store);
    const note = { attemptId: attempt.id, at: NOON, worker: "box7", epoch: 1, code: "late_outcome", detail: { a: 1 } };
    store.notes.add({ ...note, code: "late_outcome" });
    store.notes.add({ ...note, code: "late_outcome", at: NOON + 1 });
    expect(store.notes.list(run.id)).toEqual([{ ...note, code: "late_outcome" }]);
  });

  test("is deleted with its run", () => {
    using store = memoryStore();
    const { run, node, attempt } = offered(store);
    store.notes.add({ attemptId: attempt.id, at: NOON, worker: "w", epoch: 1, code: "late_outcome", detail: {} });
    const outcome = { status: "completed", reason: null, error: null, exitCode: 0, signal: null } as const;
    store.runs.finishAttempt(attempt.id, outcome, { now: NOON, retryAt: null });
    store.runs.finishTask(run, node, { outcome: { ...outcome, outputs: {} }, now: NOON });
    store.runs.finish(run.id, outcome, NOON);
    const bounds = { limit: 1, untilMs: 1, clock: { monotonic: () => 0 } };
    store.runs.deleteExpired(run.jobId, { beyond: "either", upTo: Number.MAX_SAFE_INTEGER, age: null }, bounds);
    expect(store.offers.find(attempt.id)).toBeNull();
  });
});
