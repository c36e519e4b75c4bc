import { describe, expect, test } from "bun:test";
import { job, param, shell } from "../../support/engine/factories.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const DAY = 24 * 3_600_000;
const jobs = [job("hello", { params: { a: param(), b: param() } }), job("other")];

describe("an idempotency key", () => {
  test("returns the same run for the same request", async () => {
    await using petit = await startEngine({ jobs });
    const first = await petit.trigger("hello", { idempotencyKey: "k", params: { a: "1", b: "2" } });
    const again = await petit.trigger("hello", { idempotencyKey: "k", params: { b: "2", a: "1" } });
    expect(again.id).toBe(first.id);
    await petit.ended(first.id);
    const later = await petit.trigger("hello", { idempotencyKey: "k", params: { a: "1", b: "2" } });
    expect(later).toMatchObject({ id: first.id, status: "completed" });
    expect(petit.store.runs.list({ limit: 9 })).toHaveLength(1);
  });

  test("creates one run for concurrent requests", async () => {
    await using petit = await startEngine({ jobs });
    const runs = await Promise.all(Array.from({ length: 8 }, () => petit.trigger("hello", { idempotencyKey: "k" })));
    expect(new Set(runs.map(({ id }) => id)).size).toBe(1);
    expect(petit.store.runs.list({ limit: 9 })).toHaveLength(1);
  });

  test.each([
    ["other params", "hello", { a: "2" }],
    ["no params", "hello", {}],
    ["another job", "other", {}],
  ])("is refused for %s", async (_, id, params) => {
    await using petit = await startEngine({ jobs });
    await petit.trigger("hello", { idempotencyKey: "k", params: { a: "1" } });
    await expect(
      petit.trigger(id, { idempotencyKey: "k", params: params as Record<string, string> }),
    ).rejects.toMatchObject({
      code: "conflict",
      message: "idempotency key 'k' was used for another request",
    });
  });

  test("is distinct from other keys", async () => {
    await using petit = await startEngine({ jobs });
    const [one, two] = [
      await petit.trigger("hello", { idempotencyKey: "1" }),
      await petit.trigger("hello", { idempotencyKey: "2" }),
    ];
    expect(one.id).not.toBe(two.id);
  });

  test("still refers to its run after that was deleted", async () => {
    await using petit = await startEngine({ jobs });
    const { id, jobId } = await petit.trigger("hello", { idempotencyKey: "k" });
    await petit.ended(id);
    const bounds = { limit: 1, untilMs: 1_000, clock: new FakeClock() };
    expect(
      petit.store.runs.deleteExpired(jobId, { beyond: "either", upTo: Number.MAX_SAFE_INTEGER, age: null }, bounds)
        .runs,
    ).toBe(1);
    expect(await petit.engine.trigger("hello", { idempotencyKey: "k" })).toEqual({ id, jobId });
  });

  test("is remembered for 24 hours, across restarts", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const trigger = async () => {
      await using petit = await startEngine({ clock, dir: dir.path, jobs });
      const run = await petit.trigger("hello", { idempotencyKey: "k" });
      await petit.ended(run.id);
      return run.id;
    };
    const first = await trigger();
    clock.step(DAY - 60_000);
    expect(await trigger()).toBe(first);
    clock.step(60_000);
    expect(await trigger()).not.toBe(first);
  });

  test("is not used up by a refused request", async () => {
    using door = gate();
    const one = job("one", { maxConcurrency: 1, tasks: [shell("t", door.wait)] });
    await using petit = await startEngine({ jobs: [one] });
    const { id } = await petit.trigger("one");
    await expect(petit.trigger("one", { idempotencyKey: "k" })).rejects.toMatchObject({ code: "limit_reached" });
    door.open(2);
    await petit.ended(id);
    expect((await petit.trigger("one", { idempotencyKey: "k" })).id).not.toBe(id);
  });
});
