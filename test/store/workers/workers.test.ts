import { expect, test } from "bun:test";
import type { WorkerGreeting } from "../../../src/store/workers/workers.ts";
import { memoryStore } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

const WORKER: WorkerGreeting = {
  name: "box7",
  instance: "i1",
  process: { id: "p1", file: "f1" },
  labels: ["gpu", "zone=eu"],
  slots: 2,
  version: "1.0.0",
  protocol: 1,
  address: "10.0.0.7",
  draining: false,
  leaving: false,
  clockDifferenceMs: 3_600_000,
  lostAfterMs: 300_000,
};

test("a worker is stored with its first and its last contact", () => {
  using store = memoryStore();
  expect(store.workers.find("box7")).toBeNull();
  store.workers.greet(WORKER, NOON);
  store.workers.greet({ ...WORKER, slots: 3, draining: true }, NOON + 10);
  const stored = { ...WORKER, slots: 3, draining: true, drained: false, firstSeenAt: NOON, lastContactAt: NOON + 10 };
  expect(store.workers.find("box7")).toEqual(stored);
  store.workers.greet({ ...WORKER, name: "a" }, NOON);
  expect(store.workers.list().map(({ name }) => name)).toEqual(["a", "box7"]);
});

test("a drained worker stays drained when it says hello, until it is resumed", () => {
  using store = memoryStore();
  expect(store.workers.setDrained("box7", true, { now: NOON, by: "ann" })).toBe(false);
  store.workers.greet(WORKER, NOON);
  expect(store.workers.setDrained("box7", true, { now: NOON, by: "ann" })).toBe(true);
  expect(store.workers.setDrained("box7", true, { now: NOON, by: "ann" })).toBe(true);
  store.workers.greet(WORKER, NOON + 10);
  expect(store.workers.find("box7")?.drained).toBe(true);
  store.workers.setDrained("box7", false, { now: NOON, by: null });
  expect(store.workers.find("box7")?.drained).toBe(false);
  expect(store.events.after(0, 10)).toMatchObject([
    { type: "worker", worker: "box7", status: "drained" },
    { type: "worker", worker: "box7", status: "resumed" },
  ]);
});

test("a database has an id of its own", () => {
  using one = memoryStore();
  using other = memoryStore();
  expect(one.identity.getToken()).toMatch(/^[0-9a-f]{32}$/);
  expect(one.identity.getToken()).toBe(one.identity.getToken());
  expect(one.identity.getToken()).not.toBe(other.identity.getToken());
});
