import { describe, expect, test } from "bun:test";
import { type KnownData, staleBy } from "../../src/client/stale-data.ts";
import { EVENT_TYPES, type EventType } from "../../src/domain/event.ts";

const NOTHING: KnownData = { isAsking: () => false, hasWorkers: false };

const staleAfter = (type: EventType, known: KnownData = NOTHING): readonly string[] =>
  staleBy({ type, seq: 1, at: 1, job_id: "etl", run_id: "r1", task_id: "load" }, known);

describe("an event", () => {
  test.each(EVENT_TYPES.map((type) => [type]))("%s makes something stale", (type) => {
    expect(staleAfter(type)).not.toEqual([]);
  });

  test("about a task makes its run stale, and with workers what can wait for one", () => {
    expect(staleAfter("task.started")).toEqual(["run-tasks r1", "run-items r1", "artifacts r1"]);
    const known = { ...NOTHING, hasWorkers: true };
    expect(staleAfter("item.finished", known)).toEqual(expect.arrayContaining(["attention", "workers", "runs"]));
    expect(staleAfter("run.started", known)).not.toContain("workers");
  });

  test("that ends a task that waited for approval makes what needs attention stale", () => {
    const known: KnownData = { ...NOTHING, isAsking: (runId, taskId) => runId === "r1" && taskId === "load" };
    expect(staleAfter("task.finished", known)).toContain("attention");
    expect(staleAfter("task.started", known)).not.toContain("attention");
  });

  test("about a run makes its job stale, and what lists runs", () => {
    const expected = ["run r1", "job etl", "runs", "jobs", "attention"];
    expect(staleAfter("run.finished")).toEqual(expect.arrayContaining(expected));
  });
});
