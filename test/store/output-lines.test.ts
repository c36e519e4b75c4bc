import { describe, expect, test } from "bun:test";
import type { Attempt } from "../../src/domain/task-run.ts";
import { command, job, taskId } from "../support/engine/factories.ts";
import { memoryStore, startRun } from "../support/engine/factories-store.ts";
import { NOON } from "../support/engine/fake-clock.ts";

/** Stores a run whose two tasks print in turn: lines 1 to 3, 4 to 5 (stderr), 6, 7 to 10. */
const filled = () => {
  const store = memoryStore();
  const run = startRun(store, { job: job("two", { tasks: [command("a", "true"), command("b", "true")] }) });
  const [a, b] = ["a", "b"].map((id) => store.runs.startAttempt(run, { taskId: taskId(id), item: null }, NOON)) as [
    Attempt,
    Attempt,
  ];
  const write = (attempt: Attempt, lines: number, stream: "stdout" | "stderr" = "stdout") =>
    store.output.append(attempt, [{ stream, at: NOON, lines, bytes: Buffer.from("x\n".repeat(lines)) }], {
      stdout: 0,
      stderr: 0,
    });
  write(a, 3);
  write(b, 2, "stderr");
  write(b, 1);
  write(a, 4);
  return { store, runId: run.id, a };
};

const a = taskId("a");
const b = taskId("b");

describe("the lines of a run", () => {
  test("have a newest number, or 0 if there are none", () => {
    const { store } = filled();
    const { store: other, runId } = filled();
    expect(other.output.getNewestSeq(runId)).toBe(10);
    expect(store.output.getNewestSeq(startRun(store).id)).toBe(0);
  });

  test.each([
    [{ fromSeq: 1, untilSeq: 11 }, 10],
    [{ fromSeq: 2, untilSeq: 9 }, 7],
    [{ fromSeq: 2, untilSeq: 3 }, 1],
    [{ fromSeq: 11, untilSeq: 99 }, 0],
    [{ fromSeq: 1, untilSeq: 11, taskId: a }, 7],
    [{ fromSeq: 3, untilSeq: 8, taskId: a }, 2],
    [{ fromSeq: 1, untilSeq: 11, taskId: b, stream: "stderr" as const }, 2],
    [{ fromSeq: 1, untilSeq: 11, attempt: 2 }, 0],
  ])("are counted with %j", (query, lines) => {
    const { store, runId } = filled();
    expect(store.output.countLines({ runId, limit: 100, ...query })).toEqual({ lines, nextSeq: null });
  });

  test("are counted in steps, each continuing after the previous one", () => {
    const { store, runId } = filled();
    const query = { runId, untilSeq: 11, limit: 2, taskId: a };
    expect(store.output.countLines({ ...query, fromSeq: 1 })).toEqual({ lines: 3, nextSeq: 6 });
    expect(store.output.countLines({ ...query, fromSeq: 6 })).toEqual({ lines: 4, nextSeq: 11 });
    expect(store.output.countLines({ ...query, fromSeq: 11 })).toEqual({ lines: 0, nextSeq: null });
  });

  test.each([
    [{ fromSeq: 1, skip: 0 }, 1],
    [{ fromSeq: 1, skip: 4 }, 5],
    [{ fromSeq: 3, skip: 1 }, 4],
    [{ fromSeq: 1, skip: 10 }, null],
    [{ fromSeq: 1, skip: 3, taskId: a }, 7],
    [{ fromSeq: 2, skip: 5, taskId: a }, 10],
    [{ fromSeq: 1, skip: 0, stream: "stderr" as const }, 4],
    [{ fromSeq: 1, skip: 5, limit: 2 }, null],
  ])("are found with %j", (query, seq) => {
    const { store, runId } = filled();
    expect(store.output.findLineSeq({ runId, limit: 100, ...query })).toBe(seq);
  });

  test("have positions without gaps if some were dropped", () => {
    const { store, runId, a } = filled();
    store.output.drop(a, [1], { seq: 1, stream: "stdout", at: NOON, text: "dropped\n", dropped: 6 });
    expect(store.output.countLines({ runId, fromSeq: 1, untilSeq: 11, limit: 100 }).lines).toBe(8);
    expect(store.output.findLineSeq({ runId, fromSeq: 1, skip: 1, limit: 100 })).toBe(4);
  });
});
