import { describe, expect, test } from "bun:test";
import type { AttentionEntry } from "../../../src/domain/inbox/entry.ts";
import { markVersion } from "../../../src/domain/inbox/mark.ts";
import { NO_MARK } from "../../support/attention-entry.ts";
import { childJob, items, job, jobId, retry, shell } from "../../support/engine/factories.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { filesOf, type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { receiver } from "../../support/receiver.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MINUTE = 60_000;
const ID = "job_failing:load";

/** Fails as the param says, or completes with `fine`. */
const SCRIPT = `case "$PETIT_PARAM_HOW" in
  fine) ;;
  refused) echo "Error: connection to 10.0.0.$$ refused" >&2; exit 1 ;;
  full) echo "Error: no space left on device" >&2; exit 1 ;;
esac`;

const load = (fields: Parameters<typeof job>[1] = {}) =>
  job("load", {
    params: { how: { description: null, default: "refused", required: false, pattern: null, enum: null } },
    tasks: [shell("copy", SCRIPT)],
    ...fields,
  });

const entryOf = async ({ engine }: StartedEngine, id = ID): Promise<AttentionEntry | null> =>
  (await engine.listAttention(100)).items.find((entry) => entry.id === id) ?? null;

const run = (petit: StartedEngine, how: "fine" | "refused" | "full") => petit.run("load", { how });

const acknowledge = ({ engine }: StartedEngine, note?: string) =>
  engine.changeAttention(ID, { kind: "acknowledge", ...(note !== undefined && { note }) }, "mara");

const eventsOf = (received: readonly { readonly body: string }[]): readonly string[] =>
  received.map(({ body }) => JSON.parse(body).event);

describe("an acknowledgement", () => {
  test("says who, when and why, is counted at the end of the list, and emits an event", async () => {
    const clock = new FakeClock();
    const other = job("other", { tasks: [shell("only", "exit 1")] });
    await using petit = await startEngine({ clock, jobs: [load(), other] });
    await petit.run("other");
    await run(petit, "refused");
    await clock.pass(1_000);
    const entry = await acknowledge(petit, "the provider is down");
    expect(entry).toMatchObject({
      id: ID,
      acknowledged: { at: clock.now(), by: "mara" },
      note: "the provider is down",
    });
    const { items, counts, handled } = await petit.engine.listAttention(100);
    expect(items.map(({ id }) => id)).toEqual(["job_failing:other", ID]);
    expect([counts.job_failing, handled]).toEqual([2, 1]);
    expect(await petit.event("attention.changed")).toMatchObject({
      jobId: "load",
      entry: ID,
      status: "acknowledged",
      by: "mara",
    });
    expect(petit.store.events.after(0, 1_000).find(({ type }) => type === "attention.changed")).toMatchObject({
      by: "mara",
    });
    await petit.engine.changeAttention(ID, { kind: "unacknowledge" }, "otto");
    expect(await entryOf(petit)).toMatchObject({ acknowledged: null, note: "the provider is down" });
  });

  test("keeps failures of the same cause quiet, but not the recovery, nor what fails after it", async () => {
    await using hook = receiver();
    const notify = [
      {
        type: "webhook",
        url: hook.url,
        on: ["failure", "recovery"],
        headers: {},
        secret: null,
        timeoutMs: 10_000,
      } as const,
    ];
    const output = { ...webhook(hook.url), on: ["output"] as const };
    await using petit = await startEngine({ jobs: [load({ notify: [...notify, output] })] });
    await run(petit, "refused");
    await hook.first(2);
    await acknowledge(petit);
    await run(petit, "refused");
    await run(petit, "refused");
    expect(notified(petit)).toBe(2);
    expect(await entryOf(petit)).toMatchObject({ acknowledged: { by: "mara" }, count: 3 });
    await run(petit, "fine");
    expect(petit.store.attentionMarks.list()).toEqual([]);
    await run(petit, "refused");
    const events = eventsOf(await hook.first(5));
    expect(events.filter((event) => event !== "output")).toEqual(["failure", "recovery", "failure"]);
    expect(await entryOf(petit)).toMatchObject({ acknowledged: null, count: 1 });
  });

  test("ends when another cause fails, and says so once more", async () => {
    await using hook = receiver();
    const notify = [
      { type: "webhook", url: hook.url, on: ["failure"], headers: {}, secret: null, timeoutMs: 10_000 } as const,
    ];
    await using petit = await startEngine({ jobs: [load({ notify })] });
    await run(petit, "refused");
    await petit.engine.changeAttention(ID, { kind: "acknowledge", owner: "mara" }, "mara");
    await run(petit, "full");
    expect(eventsOf(await hook.first(2))).toEqual(["failure", "failure"]);
    expect(await entryOf(petit)).toMatchObject({ acknowledged: null, owner: "mara" });
    expect(await petit.event("attention.changed", { status: "worse" })).toMatchObject({ entry: ID });
    await run(petit, "refused");
    expect(await entryOf(petit)).toMatchObject({ acknowledged: null });
  });

  test("ends when the streak has doubled", async () => {
    await using petit = await startEngine({ jobs: [load()] });
    for (let i = 0; i < 3; i++) await run(petit, "refused");
    await acknowledge(petit);
    await run(petit, "refused");
    await run(petit, "refused");
    expect(await entryOf(petit)).toMatchObject({ acknowledged: { by: "mara" }, count: 5 });
    await run(petit, "refused");
    expect(await entryOf(petit)).toMatchObject({ acknowledged: null, count: 6 });
  });

  test("survives a restart, and a moment without the job file, but not the job", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    {
      await using petit = await startEngine({ dir: dir.path, clock, jobs: [load()] });
      await run(petit, "refused");
      await acknowledge(petit);
      await petit.stop("drain");
    }
    await using petit = await startEngine({ dir: dir.path, clock, jobs: [load()] });
    expect(await entryOf(petit)).toMatchObject({ acknowledged: { by: "mara" } });
    petit.files = filesOf([]);
    await petit.engine.reload();
    expect(await entryOf(petit)).toBeNull();
    petit.files = filesOf([load()]);
    await petit.engine.reload();
    expect(await entryOf(petit)).toMatchObject({ acknowledged: { by: "mara" } });
    petit.files = filesOf([]);
    await petit.engine.reload();
    expect(await entryOf(petit)).toBeNull();
    await clock.pass(11 * MINUTE);
    expect(await entryOf(petit)).toBeNull();
    expect(petit.store.attentionMarks.list()).toEqual([]);
  });

  test("moves with a job that is renamed", async () => {
    await using petit = await startEngine({ jobs: [load()] });
    await run(petit, "refused");
    await acknowledge(petit);
    petit.files = filesOf([{ ...load(), id: jobId("import"), formerly: [jobId("load")] }]);
    await petit.engine.reload();
    expect(await entryOf(petit, "job_failing:import")).toMatchObject({ acknowledged: { by: "mara" } });
  });

  test("of something that does not need attention is refused", async () => {
    await using petit = await startEngine({ jobs: [load()] });
    expect(acknowledge(petit)).rejects.toMatchObject({ code: "not_found", details: { reason: "entry_not_found" } });
  });

  test("by two people at once holds for the later one, and both are told of it", async () => {
    await using petit = await startEngine({ jobs: [load()] });
    await run(petit, "refused");
    const { engine } = petit;
    const both = ["mara", "otto"].map((by) => engine.changeAttention(ID, { kind: "acknowledge" }, by));
    await Promise.all(both);
    const by = petit.store.events
      .after(0, 1_000)
      .flatMap((event) => (event.type === "attention.changed" ? event.by : []));
    expect(new Set(by)).toEqual(new Set(["mara", "otto"]));
    expect((await entryOf(petit))?.acknowledged?.by).toBe(by.at(-1) ?? null);
  });
});

/** A job whose runs fail with the tasks and the lines that a param names: `t=line u=line`. */
const tasksOf = (fields: Parameters<typeof job>[1] = {}) =>
  job("load", {
    params: { how: { description: null, default: "", required: false, pattern: null, enum: null } },
    tasks: ["t", "u"].map((task) =>
      shell(
        task,
        `case "$PETIT_PARAM_HOW" in *${task}=refused*) echo "Error: connection refused" >&2; exit 1 ;; *${task}=full*) echo "Error: disk full" >&2; exit 1 ;; *${task}=1*) exit 1 ;; *${task}=7*) exit 7 ;; *${task}=segv*) kill -SEGV $$ ;; esac`,
      ),
    ),
    ...fields,
  });

const webhook = (url: string) =>
  ({ type: "webhook", url, on: ["failure"], headers: {}, secret: null, timeoutMs: 10_000 }) as const;

const notified = ({ store }: StartedEngine): number => store.notifications.list({ limit: 100 }).length;

describe("what counts as worse", () => {
  test.each([
    ["another task beside the first", "t=refused", "t=refused u=refused", true],
    ["another task before the first", "u=refused", "t=refused u=refused", true],
    ["another cause of one of two tasks", "t=refused u=refused", "t=refused u=full", true],
    ["one of two tasks", "t=refused u=full", "u=full", false],
    ["another exit code without a line", "t=1", "t=7", true],
    ["a signal instead of an exit code", "t=7", "t=segv", true],
    ["the same exit code", "t=7", "t=7", false],
  ])("%s: %s, then %s", async (_name, first, second, isWorse) => {
    await using hook = receiver();
    await using petit = await startEngine({ jobs: [tasksOf({ notify: [webhook(hook.url)] })] });
    await petit.run("load", { how: first });
    await acknowledge(petit);
    await petit.run("load", { how: second });
    expect((await entryOf(petit))?.acknowledged === null).toBe(isWorse);
    expect(notified(petit)).toBe(isWorse ? 2 : 1);
  });

  test.each([
    ["alpha=refused", "alpha=full beta=full", true],
    ["alpha=refused", "alpha=refused beta=full", true],
    ["alpha=refused beta=full", "beta=full", false],
    ["alpha=refused", "alpha=refused beta=refused", false],
  ])("of items: %s, then %s", async (first, second, isWorse) => {
    const each = shell(
      "each",
      `case "$PETIT_PARAM_HOW" in *$PETIT_ITEM=refused*) echo "Error: item $PETIT_ITEM: connection refused" >&2; exit 1 ;; *$PETIT_ITEM=full*) echo "Error: item $PETIT_ITEM: disk full" >&2; exit 1 ;; esac`,
      { items: items(["alpha", "beta"]) },
    );
    await using petit = await startEngine({ jobs: [tasksOf({ tasks: [each] })] });
    await petit.run("load", { how: first });
    await acknowledge(petit);
    await petit.run("load", { how: second });
    expect((await entryOf(petit))?.acknowledged === null).toBe(isWorse);
  });
});

test("an acknowledgement of what petit finds anew after a start survives kill -9 and a start during which it is not found yet", async () => {
  using dir = tempDir();
  const clock = new FakeClock();
  const id = "open_to_users:petit";
  let since = clock.now();
  let isFound = true;
  const start = () =>
    startEngine({ dir: dir.path, clock, jobs: [load()], openAccess: () => (isFound ? { since, accounts: 1 } : null) });
  {
    await using petit = await start();
    await clock.pass(MINUTE);
    await petit.engine.changeAttention(id, { kind: "acknowledge", owner: "mara" }, "mara");
    await petit.stop("leave");
  }
  await clock.pass(60 * MINUTE);
  since = clock.now();
  isFound = false;
  await using petit = await start();
  expect(await entryOf(petit, id)).toBeNull();
  await clock.pass(9 * MINUTE);
  isFound = true;
  expect(await entryOf(petit, id)).toMatchObject({ acknowledged: { by: "mara" }, owner: "mara", since });
  isFound = false;
  await clock.pass(12 * MINUTE);
  expect(petit.store.attentionMarks.list()).toEqual([]);
});

describe("an acknowledgement of a job that runs another one", () => {
  const jobs = (url: string) => [
    job("load", { tasks: [childJob("call", "inner", { retry: retry(2, { delayMs: 0 }) })], notify: [webhook(url)] }),
    { ...load({ notify: [webhook(url)] }), id: jobId("inner") },
  ];
  const marksOf = (petit: StartedEngine) =>
    petit.store.attentionMarks
      .list()
      .map((mark) => [mark.entryId, mark.acknowledged !== null || mark.snoozed !== null]);

  test.each([{ kind: "acknowledge" } as const, { kind: "snooze", until: null } as const])(
    "or a snooze of it (%o) quiets the failures of both, until one gets worse",
    async (change) => {
      await using hook = receiver();
      await using petit = await startEngine({ jobs: jobs(hook.url) });
      await petit.run("load");
      const before = notified(petit);
      expect((await petit.engine.listAttention(10)).items.map(({ id }) => id)).toEqual([ID]);
      await petit.engine.changeAttention(ID, change, "mara");
      expect(marksOf(petit)).toEqual([
        ["job_failing:inner", true],
        [ID, true],
      ]);
      await petit.run("load");
      await petit.run("load");
      await entryOf(petit);
      expect(notified(petit)).toBe(before);
      expect(marksOf(petit)).toEqual([
        ["job_failing:inner", true],
        [ID, true],
      ]);
      await petit.run("load");
      expect(notified(petit)).toBeGreaterThan(before);
      expect((await entryOf(petit))?.acknowledged).toBeNull();
    },
  );

  test("does not quiet a failure of the other one on its own", async () => {
    await using hook = receiver();
    await using petit = await startEngine({ jobs: jobs(hook.url) });
    await petit.run("load");
    await acknowledge(petit);
    await petit.run("load");
    const before = notified(petit);
    await petit.run("inner");
    expect(notified(petit)).toBe(before + 1);
    expect(await entryOf(petit, "job_failing:inner")).toMatchObject({ acknowledged: null });
    expect(await entryOf(petit)).toMatchObject({ acknowledged: { by: "mara" } });
    await petit.engine.changeAttention("job_failing:inner", { kind: "acknowledge" }, "otto");
    await petit.run("inner");
    expect(notified(petit)).toBe(before + 1);
    expect(await entryOf(petit, "job_failing:inner")).toMatchObject({ acknowledged: { by: "otto" } });
  });

  test("is taken back for both", async () => {
    await using hook = receiver();
    await using petit = await startEngine({ jobs: jobs(hook.url) });
    await petit.run("load");
    await acknowledge(petit);
    await petit.engine.changeAttention(ID, { kind: "unacknowledge" }, "mara");
    expect(petit.store.attentionMarks.list()).toEqual([]);
  });
});

test("further late runs and approvals of an acknowledged entry notify nobody, until there are twice as many", async () => {
  const clock = new FakeClock();
  await using hook = receiver();
  const asks = { program: { type: "approval", prompt: null, onTimeout: "reject" } } as const;
  const target = { ...webhook(hook.url), on: ["late", "approval"] as const, timeoutMs: 24 * 60 * MINUTE };
  const slow = job("slow", {
    tasks: [shell("ok", "true", asks)],
    warnAfterMs: MINUTE,
    maxConcurrency: 9,
    notify: [target],
  });
  await using petit = await startEngine({ clock, jobs: [slow] });
  const late = async () => {
    const { id: runId } = await petit.trigger("slow");
    await petit.event("approval", { runId });
    await clock.pass(MINUTE + 1);
    await petit.event("run.late", { runId });
    return runId;
  };
  const counts = () => {
    const events = petit.store.notifications.list({ limit: 100 }).map(({ event }) => event);
    return [events.filter((event) => event === "late").length, events.filter((event) => event === "approval").length];
  };
  const first = await late();
  expect(counts()).toEqual([1, 1]);
  for (const id of ["run_late:slow:warn_after", `approval_needed:${first}:ok`])
    await petit.engine.changeAttention(id, { kind: "acknowledge" }, "mara");
  await late();
  await late();
  expect(counts()).toEqual([1, 1]);
  await late();
  expect(counts()).toEqual([2, 1]);
});

test("further missed occurrences of an acknowledged job notify nobody, until there are twice as many", async () => {
  using dir = tempDir();
  const clock = new FakeClock();
  await using hook = receiver();
  const schedule = {
    expressions: ["* * * * *"],
    timezone: "UTC",
    catchup: "none",
    catchupWindowMs: 0,
    jitterMs: 0,
  } as const;
  const jobs = [load({ schedule, notify: [{ ...webhook(hook.url), on: ["missed"] }] })];
  const missedAfter = async (minutes: number, work: (petit: StartedEngine) => unknown = () => undefined) => {
    clock.step(minutes * MINUTE);
    await using petit = await startEngine({ dir: dir.path, clock, jobs });
    if (minutes > 0.5) await petit.event("occurrence", { jobId: jobId("load") });
    await work(petit);
    const sent = notified(petit);
    await petit.stop("leave");
    return sent;
  };
  expect(await missedAfter(0.5)).toBe(0);
  expect(
    await missedAfter(60, (petit) =>
      petit.engine.changeAttention("not_run_as_expected:load", { kind: "acknowledge" }, "mara"),
    ),
  ).toBe(1);
  expect(await missedAfter(30)).toBe(1);
  expect(await missedAfter(60)).toBe(2);
});

test("an acknowledged late run moves with a job that is renamed", async () => {
  const clock = new FakeClock();
  const asks = { program: { type: "approval", prompt: null, onTimeout: "reject" } } as const;
  const slow = job("slow", { tasks: [shell("ok", "true", asks)], warnAfterMs: MINUTE });
  await using petit = await startEngine({ clock, jobs: [slow] });
  await petit.trigger("slow");
  await clock.pass(MINUTE + 1);
  await petit.event("run.late");
  await petit.engine.changeAttention("run_late:slow:warn_after", { kind: "acknowledge" }, "mara");
  petit.files = filesOf([{ ...slow, id: jobId("slower"), formerly: [jobId("slow")] }]);
  await petit.engine.reload();
  expect(petit.store.attentionMarks.list()).toMatchObject([{ entryId: "run_late:slower:warn_after", jobId: "slower" }]);
});

describe("a change that expects a version of the mark", () => {
  test("is refused if others have changed it since, with who has", async () => {
    await using petit = await startEngine({ jobs: [load()] });
    await run(petit, "refused");
    const versionOf = async (): Promise<string> => markVersion((await entryOf(petit)) ?? NO_MARK);
    const expected = await versionOf();
    const both = ["mara", "otto"].map((by) =>
      petit.engine.changeAttention(ID, { kind: "acknowledge", owner: by, expected }, by),
    );
    const [first, second] = await Promise.allSettled(both);
    expect(first).toMatchObject({ status: "fulfilled", value: { owner: "mara" } });
    expect(second).toMatchObject({
      status: "rejected",
      reason: { code: "conflict", details: { reason: "mark_changed", acknowledged: { by: "mara" }, owner: "mara" } },
    });
    await petit.engine.changeAttention(ID, { kind: "acknowledge", owner: "otto", expected: await versionOf() }, "otto");
    expect(await entryOf(petit)).toMatchObject({ acknowledged: { by: "otto" }, owner: "otto" });
    await petit.engine.changeAttention(ID, { kind: "note", note: "as before" }, "mara");
    expect(await entryOf(petit)).toMatchObject({ note: "as before" });
  });
});

describe("a snooze", () => {
  test("does not change what an acknowledgement compares with", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [load()] });
    for (let i = 0; i < 2; i++) await run(petit, "refused");
    await acknowledge(petit);
    await run(petit, "refused");
    await petit.engine.changeAttention(ID, { kind: "snooze", until: clock.now() + MINUTE }, "mara");
    await clock.pass(2 * MINUTE);
    expect(await entryOf(petit)).toMatchObject({ acknowledged: { by: "mara" }, snoozed: null, count: 3 });
    await run(petit, "refused");
    expect(await entryOf(petit)).toMatchObject({ acknowledged: null, count: 4 });
  });

  test("of what is acknowledged lasts until it has failed twice as often as when it was snoozed", async () => {
    await using petit = await startEngine({ jobs: [load()] });
    for (let i = 0; i < 2; i++) await run(petit, "refused");
    await acknowledge(petit);
    await run(petit, "refused");
    await petit.engine.changeAttention(ID, { kind: "snooze", until: null }, "mara");
    await run(petit, "refused");
    await run(petit, "refused");
    expect(await entryOf(petit)).toMatchObject({ snoozed: { by: "mara" }, count: 5 });
    await run(petit, "refused");
    expect(await entryOf(petit)).toMatchObject({ acknowledged: null, snoozed: null, count: 6 });
  });

  test("that is over is an event, though nobody asks", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [load()] });
    await run(petit, "refused");
    const until = clock.now() + 5 * MINUTE + 7;
    await petit.engine.changeAttention(ID, { kind: "snooze", until, note: "later" }, "mara");
    await clock.pass(5 * MINUTE + 7);
    expect(await petit.event("attention.changed", { status: "expired" })).toMatchObject({ entry: ID, at: until });
    expect(petit.store.attentionMarks.list()).toMatchObject([{ snoozed: null, note: "later" }]);
  });

  test("is over at its time", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ clock, jobs: [load()] });
    await run(petit, "refused");
    await petit.engine.changeAttention(ID, { kind: "snooze", until: clock.now() + 60 * MINUTE }, "mara");
    await clock.pass(59 * MINUTE);
    expect(await entryOf(petit)).toMatchObject({ snoozed: { by: "mara" } });
    await clock.pass(2 * MINUTE);
    expect(await entryOf(petit)).toMatchObject({ snoozed: null });
  });

  test("without a time lasts until another cause fails", async () => {
    await using petit = await startEngine({ jobs: [load()] });
    await run(petit, "refused");
    await petit.engine.changeAttention(ID, { kind: "snooze", until: null }, "mara");
    await run(petit, "refused");
    expect(await entryOf(petit)).toMatchObject({ snoozed: { until: null } });
    await run(petit, "full");
    expect(await entryOf(petit)).toMatchObject({ snoozed: null });
  });

  test("of a job that is paused ends with a later pause", async () => {
    const clock = new FakeClock();
    const schedule = {
      expressions: ["* * * * *"],
      timezone: "UTC",
      catchup: "none",
      catchupWindowMs: 0,
      jitterMs: 0,
    } as const;
    await using petit = await startEngine({
      clock,
      jobs: [job("often", { schedule, tasks: [shell("only", "true")] })],
    });
    const id = "not_run_as_expected:often";
    await petit.engine.pauseJob("often");
    await clock.pass(3 * MINUTE);
    await petit.engine.changeAttention(id, { kind: "snooze", until: null }, "mara");
    await clock.pass(30 * MINUTE);
    expect(await entryOf(petit, id)).toMatchObject({ snoozed: { by: "mara" }, urgency: "low" });
    await petit.engine.resumeJob("often");
    await clock.pass(2 * MINUTE);
    await petit.engine.pauseJob("often");
    await clock.pass(3 * MINUTE);
    expect(await entryOf(petit, id)).toMatchObject({ snoozed: null });
  });
});
