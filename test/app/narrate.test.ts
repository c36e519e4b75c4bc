import { describe, expect, test } from "bun:test";
import { narrate } from "../../src/app/narrate.ts";
import type { Event, EventType } from "../../src/domain/event.ts";
import { newRunId, parseJobId, parseTaskId } from "../../src/domain/ids.ts";
import type { Log } from "../../src/lib/log.ts";

const RUN = newRunId(0);

const event = (type: EventType, over: Partial<Event> = {}): Event => ({
  seq: 1,
  at: 1_000,
  type,
  jobId: parseJobId("nightly"),
  runId: RUN,
  taskId: null,
  status: null,
  reason: null,
  ...over,
});

/** What is logged of these events. */
const linesOf = (events: readonly Event[]): readonly string[] => {
  const lines: string[] = [];
  const write = (level: string) => (_: unknown, message: string) => void lines.push(`${level} ${message}`);
  const log: Log = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  let tell = (_: Event): void => {};
  using _ = narrate(
    {
      onEvent: (listener) => {
        tell = listener;
        return () => {};
      },
    },
    log,
  );
  for (const each of events) tell(each);
  return lines;
};

describe("narrate", () => {
  test("tells of a run's start and end, with the time between", () => {
    const finished = event("run.finished", { at: 2_500, status: "completed" });
    expect(linesOf([event("run.started", { status: "running" }), finished])).toEqual([
      "info nightly started",
      "info nightly completed in 1s500ms",
    ]);
  });

  test("tells of an end whose start was not seen", () => {
    const finished = event("run.finished", { status: "failed", reason: "exit_code" });
    expect(linesOf([finished])).toEqual(["warn nightly failed: exit_code"]);
  });

  test("tells of occurrences that came to nothing, and not of those that fired", () => {
    const skipped = event("occurrence", { runId: null, status: "skipped", reason: "overlap" });
    const fired = event("occurrence", { status: "fired" });
    expect(linesOf([skipped, fired])).toEqual(["warn an occurrence of nightly was skipped: overlap"]);
    expect(linesOf([{ ...skipped, times: 3_599 }])).toEqual(["warn 3599 occurrences of nightly were skipped: overlap"]);
  });

  test("makes little of occurrences that somebody decided to skip", () => {
    const skipped = event("occurrence", { runId: null, status: "skipped", reason: "disabled" });
    expect(linesOf([skipped])).toEqual(["debug an occurrence of nightly was skipped: disabled"]);
  });

  test("tells of tasks to those who debug", () => {
    const task = { taskId: parseTaskId("extract"), status: "failed", reason: "signal" };
    expect(linesOf([event("task.finished", task)])).toEqual(["debug nightly/extract failed: signal"]);
  });

  test("tells of a pause and its end", () => {
    const moved = [event("scheduler.paused"), event("scheduler.resumed"), event("jobs.reloaded")];
    expect(linesOf(moved)).toEqual(["info the scheduler was paused", "info the scheduler was resumed"]);
  });
});
