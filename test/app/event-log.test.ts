import { describe, expect, test } from "bun:test";
import { logEvents } from "../../src/app/event-log.ts";
import type { Event, EventType } from "../../src/domain/event.ts";
import { newRunId, parseJobId, parseTaskId } from "../../src/domain/ids.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Store } from "../../src/store/store.ts";
import { job, shell, taskId } from "../support/engine/factories.ts";
import { memoryStore, startRun } from "../support/engine/factories-store.ts";
import { NOON } from "../support/engine/fake-clock.ts";

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
  const store = memoryStore();
  return linesWith({ store, onEvent: (listener) => tell(events, listener) });
};

const tell = (events: readonly Event[], listener: (event: Event) => void): (() => void) => {
  for (const each of events) listener(each);
  return () => {};
};

const linesWith = (engine: Parameters<typeof logEvents>[0], work: () => void = () => {}): readonly string[] => {
  const lines: string[] = [];
  const write = (level: string) => (_: unknown, message: string) => void lines.push(`${level} ${message}`);
  const log: Log = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  using _ = logEvents(engine, log);
  work();
  return lines;
};

/** What is logged of what becomes of a store. */
const linesOfStore = (work: (store: Store) => void): readonly string[] => {
  const store = memoryStore();
  const onEvent = (listener: (event: Event) => void) => store.events.subscribe((events) => events.forEach(listener));
  return linesWith({ store, onEvent }, () => work(store)).filter((line) => !line.startsWith("debug"));
};

describe("logEvents", () => {
  test("logs the start and end of a run with its duration", () => {
    const lines = linesOfStore((store) => {
      const { id } = startRun(store, { job: job("nightly") });
      store.runs.finish(id, { status: "completed", reason: null, error: null }, NOON + 1_500);
    });
    expect(lines).toEqual(["info nightly started", "info nightly completed in 1s500ms"]);
  });

  test.each([
    [{ reason: "exit_code", exitCode: 3 }, "task 'extract': exit code 3"],
    [{ reason: "timeout", exitCode: null }, "task 'extract': timeout"],
  ] as const)(
    "tells which task a run failed of, and why: %o, but nothing that it wrote",
    ({ reason, exitCode }, said) => {
      const lines = linesOfStore((store) => {
        const run = startRun(store, { job: job("nightly", { tasks: [shell("extract", "exit 3")] }) });
        const [error, now] = ["it said s3cret", NOON + 1_000];
        const attempt = store.runs.startAttempt(run, { taskId: taskId("extract"), item: null }, NOON);
        store.runs.finishAttempt(
          attempt.id,
          { status: "failed", reason, error, exitCode, signal: null },
          { now, retryAt: null },
        );
        const outcome = { status: "failed", reason, exitCode, error, outputs: {} } as const;
        store.runs.finishTask(run, { taskId: taskId("extract"), item: null }, { outcome, now });
        store.runs.finish(run.id, { status: "failed", reason, error }, now);
      });
      expect(lines.at(-1)).toBe(`warn nightly failed in 1s: ${said}`);
    },
  );

  test("logs the end of a run that was deleted meanwhile", () => {
    const finished = event("run.finished", { status: "failed", reason: "exit_code" });
    expect(linesOf([finished])).toEqual(["warn nightly failed: exit_code"]);
  });

  test("logs a cancelled run once", () => {
    const lines = linesOfStore((store) => {
      const { id } = startRun(store, { job: job("nightly") });
      store.runs.finish(id, { status: "cancelled", reason: "cancelled", error: "cancelled" }, NOON + 1_000);
    });
    expect(lines.at(-1)).toBe("warn nightly cancelled in 1s");
  });

  test("logs skipped and missed occurrences, but not fired ones", () => {
    const skipped = event("occurrence", { runId: null, status: "skipped", reason: "overlap" });
    const fired = event("occurrence", { status: "fired" });
    expect(linesOf([skipped, fired])).toEqual(["warn an occurrence of nightly was skipped: overlap"]);
    expect(linesOf([{ ...skipped, times: 3_599 }])).toEqual(["warn 3599 occurrences of nightly were skipped: overlap"]);
  });

  test("logs occurrences that a user skipped at level debug", () => {
    const skipped = event("occurrence", { runId: null, status: "skipped", reason: "disabled" });
    expect(linesOf([skipped])).toEqual(["debug an occurrence of nightly was skipped: disabled"]);
  });

  test("logs tasks at level debug", () => {
    const task = { taskId: parseTaskId("extract"), status: "failed", reason: "signal" };
    expect(linesOf([event("task.finished", task)])).toEqual(["debug nightly/extract failed: signal"]);
  });

  test("logs pause and resume", () => {
    const moved = [event("scheduler.paused"), event("scheduler.resumed"), event("jobs.reloaded")];
    expect(linesOf(moved)).toEqual(["info the scheduler was paused", "info the scheduler was resumed"]);
    expect(linesOf([event("clock.set_back")])).toEqual([
      "warn the clock was set back: schedules are planned anew from there",
    ]);
    const byAda = [event("scheduler.resumed", { by: "ada" }), event("job.paused", { by: "ada" }), event("job.resumed")];
    expect(linesOf(byAda)).toEqual([
      "info the scheduler was resumed by ada",
      "info nightly was paused by ada",
      "info nightly was resumed",
    ]);
  });
});
