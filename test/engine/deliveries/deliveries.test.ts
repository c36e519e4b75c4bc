import { describe, expect, test } from "bun:test";
import type { Delivery } from "../../../src/domain/deliveries/delivery.ts";
import type { WebhookTrigger } from "../../../src/domain/deliveries/trigger.ts";
import type { Job } from "../../../src/domain/job.ts";
import { job, jobId, param, shell, webhook } from "../../support/engine/factories.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { filesOf, type StartedEngine, startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const environment = { HOOK_TOKEN: "a-long-token" };

const hooked = (id: string, trigger: Partial<WebhookTrigger> = {}, given: Partial<Omit<Job, "id">> = {}): Job =>
  job(id, { triggers: [webhook(trigger)], ...given });

type Sent = { readonly id?: string; readonly body?: unknown; readonly token?: string };

const send = async (
  { engine }: Pick<StartedEngine, "engine">,
  id: string,
  { token = "a-long-token", ...sent }: Sent = {},
) => {
  const headers = new Headers({ authorization: `Bearer ${token}` });
  if (sent.id !== undefined) headers.set("x-id", sent.id);
  const body = new TextEncoder().encode(JSON.stringify(sent.body ?? {}));
  return await engine.receiveWebhook(id, null, { headers, body });
};

/** Sends a webhook that must be accepted. */
const deliver = async (petit: Pick<StartedEngine, "engine">, id: string, sent: Sent = {}): Promise<Delivery> => {
  const result = await send(petit, id, sent);
  if (result.kind !== "accepted") throw new Error(`the webhook was ${result.kind}`);
  return result.delivery;
};

const list = ({ store }: Pick<StartedEngine, "store">, id: string) =>
  store.deliveries.list({ jobId: jobId(id), limit: 1_000 });

const mustHaveRun = ({ runId }: Delivery) => {
  if (runId === null) throw new Error("the delivery has no run");
  return runId;
};

describe("a webhook", () => {
  test("starts a run, to which it is linked", async () => {
    await using petit = await startEngine({ jobs: [hooked("deploy")], environment });
    const delivery = await deliver(petit, "deploy", { id: "1" });
    expect(delivery).toMatchObject({ outcome: "fired", reason: null, providerId: "1", eventType: "webhook" });
    const { run } = await petit.ended(mustHaveRun(delivery));
    expect(run).toMatchObject({ status: "completed", trigger: "webhook", deliveryId: delivery.id });
  });

  test("with an id that was accepted before finds the first delivery, also at the same time and after a restart", async () => {
    using dir = tempDir();
    const jobs = [hooked("deploy")];
    const first = await (async () => {
      await using petit = await startEngine({ jobs, environment, dir: dir.path });
      const results = await Promise.all(Array.from({ length: 5 }, () => send(petit, "deploy", { id: "1" })));
      expect(results.filter((each) => each.kind === "accepted" && each.isNew)).toHaveLength(1);
      const delivery = await deliver(petit, "deploy", { id: "1" });
      await petit.ended(mustHaveRun(delivery));
      return delivery;
    })();
    await using petit = await startEngine({ jobs, environment, dir: dir.path });
    expect(await deliver(petit, "deploy", { id: "1" })).toEqual(first);
    expect(list(petit, "deploy")).toHaveLength(1);
  });

  test("that petit signs as a test starts a run each time, also with the same body", async () => {
    const verification = { ...webhook().verification, scheme: "github" as const, idHeader: null };
    await using petit = await startEngine({ jobs: [hooked("deploy", { verification })], environment });
    const body = new TextEncoder().encode("{}");
    for (const _ of [1, 2]) {
      const result = await petit.engine.testWebhook("deploy", { name: null, body, eventType: null, by: "ada" });
      expect(result).toMatchObject({ kind: "accepted", isNew: true, delivery: { outcome: "fired" } });
      if (result.kind !== "accepted") continue;
      await petit.ended(mustHaveRun(result.delivery));
      expect(petit.store.runs.find(mustHaveRun(result.delivery))?.triggeredBy).toBe("ada");
    }
  });

  test("never stores its secret, also if its job asks for that header", async () => {
    const headers = ["authorization", "x-other"];
    await using petit = await startEngine({ jobs: [hooked("deploy", { headers })], environment });
    const delivery = await deliver(petit, "deploy", { id: "1" });
    await petit.ended(mustHaveRun(delivery));
    expect(petit.store.deliveries.findEvent(delivery.id)).not.toContain("a-long-token");
  });

  test("without an id is always new", async () => {
    await using petit = await startEngine({ jobs: [hooked("deploy")], environment });
    const one = await deliver(petit, "deploy");
    const two = await deliver(petit, "deploy");
    expect(one.id).not.toBe(two.id);
    await petit.ended(mustHaveRun(one));
    await petit.ended(mustHaveRun(two));
  });

  test.each([
    ["a wrong token", "deploy", "wrong"],
    ["a secret that is missing", "unset", "a-long-token"],
  ])("with %s is refused, counted, and stores nothing", async (_, id, token) => {
    const jobs = [hooked("deploy"), hooked("unset", { secrets: [{ env: "NOT_SET" }] })];
    await using petit = await startEngine({ jobs, environment });
    expect(await send(petit, id, { token })).toEqual({ kind: "refused" });
    expect(petit.engine.refusedWebhooks.get(jobId(id))).toBe(1);
    expect(list(petit, id)).toEqual([]);
  });

  test("counts only what it refused if one of two secrets can't be read", async () => {
    const secrets = [{ env: "NOT_SET" }, { env: "HOOK_TOKEN" }];
    await using petit = await startEngine({ jobs: [hooked("deploy", { secrets })], environment });
    const failing = async () => (await petit.engine.listAttention(9)).items.filter((item) => "fault" in item);
    await petit.ended(mustHaveRun(await deliver(petit, "deploy")));
    expect(await failing()).toEqual([]);
    expect(await send(petit, "deploy", { token: "wrong" })).toEqual({ kind: "refused" });
    await petit.ended(mustHaveRun(await deliver(petit, "deploy")));
    expect(await failing()).toMatchObject([{ fault: "secret_unreadable", count: 1 }]);
  });

  test("for a job without one, or without the job, is unknown", async () => {
    await using petit = await startEngine({ jobs: [job("plain")], environment });
    expect(await send(petit, "plain")).toEqual({ kind: "unknown" });
    expect(await send(petit, "nothing")).toEqual({ kind: "unknown" });
  });

  test("fails with a clear error if a variable or an argument gets a NUL from its event", async () => {
    const tasks = [
      shell("variable", "true", { environment: { TEXT: "${{ event.body.text }}" } }),
      shell("argument", "true", { args: ["a", "${{ event.body.text }}"] }),
    ];
    await using petit = await startEngine({ jobs: [hooked("deploy", {}, { tasks })], environment });
    const run = await petit.ended(mustHaveRun(await deliver(petit, "deploy", { body: { text: "a\0b" } })));
    const errorOf = (task: string) => run.attempts.find(({ taskId }) => taskId === task)?.error;
    expect(errorOf("variable")).toBe("the process could not be started: the variable TEXT contains a NUL character");
    expect(errorOf("argument")).toBe("the process could not be started: args[1] contains a NUL character");
  });

  test("gives the run params from its body, as data", async () => {
    const evil = "$(touch /tmp/never) ${{ config.x }} `id`";
    await using petit = await startEngine({
      jobs: [
        hooked(
          "deploy",
          { params: { commit: "${{ event.body.after }}" } },
          { params: { commit: param() }, tasks: [shell("only", 'printf %s "$PETIT_PARAM_COMMIT"')] },
        ),
      ],
      environment,
    });
    const { run, output } = await petit.ended(mustHaveRun(await deliver(petit, "deploy", { body: { after: evil } })));
    expect(run.params).toEqual({ commit: evil });
    expect(output({ task: "only" })).toBe(evil);
  });
});

test("a param whose template is null has its default; one with more than a template is given", async () => {
  const params = { a: "${{ event.body.missing }}", b: "x${{ event.body.missing }}", c: "${{ event.body.empty }}" };
  const own = { a: param({ default: "own" }), b: param({ default: "own" }), c: param({ default: "own" }) };
  await using petit = await startEngine({ jobs: [hooked("deploy", { params }, { params: own })], environment });
  const { run } = await petit.ended(mustHaveRun(await deliver(petit, "deploy", { body: { empty: "" } })));
  expect(run.params).toEqual({ a: "own", b: "x", c: "" });
});

describe("a delivery is skipped", () => {
  test.each([
    ["if the job is disabled", {}, { enabled: false }, "disabled"],
    ["if its type is not listed", { events: ["push"] }, {}, "event"],
    ["if the condition is false", { if: "event.body.go == true" }, {}, "condition_not_met"],
    ["if the condition can't be evaluated", { if: "fromJSON(event.body.text)" }, {}, "condition_not_met"],
    [
      "if its params don't fit",
      { params: { a: "${{ event.body.text }}" } },
      { params: { a: { ...param(), enum: ["x"] } } },
      "invalid_params",
    ],
    [
      "if a required param is null in the event",
      { params: { a: "${{ event.body.missing }}" } },
      { params: { a: { ...param(), required: true } } },
      "invalid_params",
    ],
    [
      "at a shut gate",
      {},
      { dependsOn: [{ jobId: jobId("never"), condition: "last_success", windowMs: null }] },
      "dependency",
    ],
  ] as const)("%s", async (_, trigger, given, reason) => {
    await using petit = await startEngine({
      jobs: [hooked("deploy", trigger, given as Partial<Job>), job("never")],
      environment,
    });
    expect(await deliver(petit, "deploy", { body: { text: "{" } })).toMatchObject({
      outcome: "skipped",
      reason,
      runId: null,
    });
    expect(petit.store.runs.list({ limit: 9 })).toEqual([]);
  });
});

describe("a delivery to a busy job", () => {
  test("waits for its turn, in order", async () => {
    using held = gate();
    await using petit = await startEngine({
      jobs: [hooked("deploy", {}, { maxConcurrency: 1, tasks: [shell("only", held.wait)] })],
      environment,
    });
    const first = await deliver(petit, "deploy");
    const [second, third] = [await deliver(petit, "deploy"), await deliver(petit, "deploy")];
    expect(second).toMatchObject({ outcome: "waiting", reason: "busy" });
    expect(petit.store.runs.find(mustHaveRun(third))).toMatchObject({ status: "pending" });
    held.open(3);
    const runs = await Promise.all([first, second, third].map((each) => petit.ended(mustHaveRun(each))));
    const starts = runs.map(({ run }) => run.startedAt ?? 0);
    expect(starts).toEqual(starts.toSorted());
    expect(list(petit, "deploy").map(({ outcome }) => outcome)).toEqual(["fired", "fired", "fired"]);
  });

  test("counts as fired when its pending run is cancelled", async () => {
    using held = gate();
    await using petit = await startEngine({
      jobs: [hooked("deploy", {}, { maxConcurrency: 1, tasks: [shell("only", held.wait)] })],
      environment,
    });
    const first = await deliver(petit, "deploy");
    const second = await deliver(petit, "deploy");
    await petit.engine.cancel(mustHaveRun(second));
    expect(petit.store.deliveries.find(second.id)).toMatchObject({ outcome: "fired", runId: second.runId });
    held.open();
    await petit.ended(mustHaveRun(first));
  });
});

describe("deliveries of a paused job", () => {
  test("are kept, and start in order after it resumes, also after a restart", async () => {
    using dir = tempDir();
    const jobs = [hooked("deploy", {}, { maxConcurrency: 1 })];
    const kept: string[] = [];
    await (async () => {
      await using petit = await startEngine({ jobs, environment, dir: dir.path });
      await petit.engine.pauseJob("deploy");
      for (let count = 0; count < 3; count++) {
        const delivery = await deliver(petit, "deploy");
        expect(delivery).toMatchObject({ outcome: "waiting", reason: "paused", runId: null });
        kept.push(delivery.id);
      }
    })();
    await using petit = await startEngine({ jobs, environment, dir: dir.path });
    await petit.engine.resumeJob("deploy");
    await petit.event("delivery", { status: "fired" });
    const runOf = async (id: string) => {
      for (;;) {
        const delivery = petit.store.deliveries.find(id);
        if (delivery?.runId != null) return await petit.ended(delivery.runId);
        await petit.event("run.finished");
      }
    };
    const runs = await Promise.all(kept.map(runOf));
    const starts = runs.map(({ run }) => run.startedAt ?? 0);
    expect(starts).toEqual(starts.toSorted());
  });

  test("are skipped if the trigger says so", async () => {
    await using petit = await startEngine({ jobs: [hooked("deploy", { onPause: "skip" })], environment });
    await petit.engine.pause();
    expect(await deliver(petit, "deploy")).toMatchObject({ outcome: "skipped", reason: "paused" });
  });

  test.each([
    ["job", async ({ engine }: StartedEngine) => await engine.pauseJob("deploy")],
    ["scheduler", async ({ engine }: StartedEngine) => await engine.pause()],
  ])("are skipped when the job goes while the %s is paused, also during a downtime", async (_, pause) => {
    using dir = tempDir();
    const jobs = [hooked("deploy"), hooked("other")];
    const given = { environment, dir: dir.path };
    const kept = await (async () => {
      await using petit = await startEngine({ ...given, jobs });
      await pause(petit);
      const first = await deliver(petit, "deploy");
      petit.files = filesOf([hooked("other")]);
      await petit.engine.reload();
      await petit.event("delivery", { status: "skipped" });
      expect(petit.store.deliveries.find(first.id)).toMatchObject({ outcome: "skipped", reason: "gone" });
      petit.files = filesOf(jobs);
      await petit.engine.reload();
      await pause(petit);
      return await deliver(petit, "deploy");
    })();
    expect(kept).toMatchObject({ outcome: "waiting", reason: "paused" });
    await using petit = await startEngine({ ...given, jobs: [hooked("other")] });
    await petit.event("delivery", { status: "skipped" });
    expect(petit.store.deliveries.find(kept.id)).toMatchObject({ outcome: "skipped", reason: "gone" });
  });

  test("are at most 1,000; the oldest are skipped", async () => {
    await using petit = await startEngine({ jobs: [hooked("deploy")], environment });
    await petit.engine.pause();
    const sent = await Promise.all(Array.from({ length: 1_003 }, () => deliver(petit, "deploy")));
    const outcomes = sent.map(({ id }) => petit.store.deliveries.find(id)?.reason);
    expect(outcomes.filter((reason) => reason === "too_many")).toHaveLength(3);
    expect(petit.store.deliveries.countPaused(jobId("deploy"))).toBe(1_000);
  });
});

describe("debounced deliveries", () => {
  const debounce = { key: "${{ event.body.ref }}", waitMs: 30_000, maxWaitMs: 60_000 };
  const jobs = [hooked("deploy", { debounce, params: { n: "${{ event.body.n }}" } }, { params: { n: param() } })];

  test("with the same key become one run, of the newest", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ jobs, environment, clock });
    const first = await deliver(petit, "deploy", { body: { ref: "main", n: 1 } });
    const other = await deliver(petit, "deploy", { body: { ref: "other", n: 9 } });
    await clock.pass(20_000);
    const second = await deliver(petit, "deploy", { body: { ref: "main", n: 2 } });
    expect(second).toMatchObject({ outcome: "waiting", reason: "debounce" });
    expect(petit.store.deliveries.find(first.id)).toMatchObject({ outcome: "merged", mergedInto: second.id });
    await clock.pass(10_000);
    expect(petit.store.deliveries.find(other.id)).toMatchObject({ outcome: "fired" });
    await clock.pass(20_000);
    const fired = petit.store.deliveries.find(second.id);
    expect(fired).toMatchObject({ outcome: "fired" });
    if (fired?.runId == null) throw new Error("no run");
    expect((await petit.ended(fired.runId)).run.params).toEqual({ n: "2" });
    expect(petit.store.deliveries.find(first.id)).toMatchObject({ outcome: "merged", runId: fired.runId });
  });

  test("start max_wait after the first at the latest, also if they come without end, and after a restart", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const firstAt = clock.now();
    await (async () => {
      await using petit = await startEngine({ jobs, environment, clock, dir: dir.path });
      for (let n = 0; n < 4; n++) {
        await deliver(petit, "deploy", { body: { ref: "main", n } });
        await clock.pass(10_000);
      }
    })();
    await using petit = await startEngine({ jobs, environment, clock, dir: dir.path });
    await deliver(petit, "deploy", { body: { ref: "main", n: 4 } });
    await clock.passTo(firstAt + 59_999);
    expect(petit.store.runs.list({ limit: 9 })).toEqual([]);
    await clock.pass(1);
    const [run, ...others] = petit.store.runs.list({ limit: 9 });
    expect(run?.params).toEqual({ n: "4" });
    expect(others).toEqual([]);
    if (run === undefined) throw new Error("there is no run");
    await petit.ended(run.id);
    expect<unknown>(list(petit, "deploy").map(({ outcome, runId }) => [outcome, runId])).toEqual([
      ["fired", run.id],
      ...Array.from({ length: 4 }, () => ["merged", run.id]),
    ]);
  });

  test.each([
    ["", false],
    [" while petit was down", true],
  ])("wait no longer because the clock was set back%s", async (_, isDown) => {
    using dir = tempDir();
    const clock = new FakeClock();
    const first = await startEngine({ jobs, environment, clock, dir: dir.path });
    const { id } = await deliver(first, "deploy", { body: { ref: "main", n: 1 } });
    if (isDown) await first[Symbol.asyncDispose]();
    clock.step(-3_600_000);
    await using second = isDown ? await startEngine({ jobs, environment, clock, dir: dir.path }) : null;
    const petit = second ?? first;
    await clock.pass(29_000);
    expect(petit.store.deliveries.find(id)).toMatchObject({ outcome: "waiting" });
    await clock.pass(1_000);
    const delivery = petit.store.deliveries.find(id);
    expect(delivery).toMatchObject({ outcome: "fired" });
    if (delivery !== null) await petit.ended(mustHaveRun(delivery));
    if (!isDown) await first[Symbol.asyncDispose]();
  });

  test("that a pause held back are debounced again afterwards, and become one run", async () => {
    const clock = new FakeClock();
    await using petit = await startEngine({ jobs, environment, clock });
    const send = (n: number) => deliver(petit, "deploy", { body: { ref: "main", n } });
    await send(1);
    await send(2);
    await petit.engine.pause();
    await send(3);
    await clock.pass(60_000);
    await petit.engine.resume();
    await clock.pass(10_000);
    const last = await send(4);
    await clock.pass(30_000);
    const fired = petit.store.deliveries.find(last.id);
    if (fired === null) throw new Error("the delivery is gone");
    const { run } = await petit.ended(mustHaveRun(fired));
    expect(run.params).toEqual({ n: "4" });
    expect<unknown>(list(petit, "deploy").map(({ outcome, runId }) => [outcome, runId])).toEqual([
      ["fired", run.id],
      ...Array.from({ length: 3 }, () => ["merged", run.id]),
    ]);
  });

  test("that were due while petit was down start at the next start", async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const id = await (async () => {
      await using petit = await startEngine({ jobs, environment, clock, dir: dir.path });
      return (await deliver(petit, "deploy", { body: { ref: "main", n: 1 } })).id;
    })();
    clock.step(3_600_000);
    await using petit = await startEngine({ jobs, environment, clock, dir: dir.path });
    await clock.pass(1);
    const delivery = petit.store.deliveries.find(id);
    expect(delivery).toMatchObject({ outcome: "fired" });
    if (delivery !== null) await petit.ended(mustHaveRun(delivery));
  });
});

test("many deliveries that a pause kept leave time for others between their runs", async () => {
  await using petit = await startEngine({
    jobs: [hooked("deploy", {}, { maxConcurrency: 1 }), job("other")],
    environment,
  });
  await petit.engine.pause();
  for (let id = 0; id < 60; id++) await deliver(petit, "deploy", { id: `${id}` });
  await petit.engine.resume();
  const { id } = await petit.trigger("other");
  expect(petit.store.deliveries.countPaused(jobId("deploy"))).toBeGreaterThan(0);
  await petit.ended(id);
  await waitFor(() => petit.store.deliveries.countPaused(jobId("deploy")) === 0);
  for (const { id } of petit.store.runs.listUnfinished().filter(({ status }) => status === "pending"))
    await petit.engine.cancel(id);
});

describe("a replay", () => {
  test("starts a run with the same event, linked to the first delivery, whatever became of that", async () => {
    const jobs = [
      hooked("deploy", { if: "event.body.go", params: { n: "${{ event.body.n }}" } }, { params: { n: param() } }),
    ];
    await using petit = await startEngine({ jobs, environment });
    const skipped = await deliver(petit, "deploy", { id: "1", body: { go: false, n: 7 } });
    const replayed = await petit.engine.replayDelivery(skipped.id, "ada");
    expect(replayed).toMatchObject({ outcome: "fired", replayOf: skipped.id, providerId: "1" });
    const { run } = await petit.ended(mustHaveRun(replayed));
    expect(run).toMatchObject({ params: { n: "7" }, triggeredBy: "ada", deliveryId: replayed.id });
    expect((await deliver(petit, "deploy", { id: "1" })).id).toBe(skipped.id);
  });

  test("or a retry of a run whose event was deleted is refused", async () => {
    await using petit = await startEngine({ jobs: [hooked("deploy")], environment });
    const delivery = await deliver(petit, "deploy");
    const { run } = await petit.ended(mustHaveRun(delivery));
    petit.store.deliveries.deleteEvents(jobId("deploy"), { before: Number.MAX_SAFE_INTEGER, keep: 0, limit: 9 });
    const details = { reason: "event_deleted", deliveryId: delivery.id };
    await expect(petit.engine.replayDelivery(delivery.id)).rejects.toMatchObject({ details });
    await expect(petit.engine.retry(run.id, { kind: "all" })).rejects.toMatchObject({ details });
  });

  test("of an unknown delivery is not found", async () => {
    await using petit = await startEngine({ jobs: [hooked("deploy")], environment });
    await expect(petit.engine.replayDelivery("nothing")).rejects.toMatchObject({ code: "not_found" });
  });
});
