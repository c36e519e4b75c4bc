import { describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { newRunId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import { type Bytes, bytesField, textField, wholeField } from "../../../src/engine/traces/protobuf.ts";
import { Tracer, type TraceTarget } from "../../../src/engine/traces/tracer.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { command, job, shell, taskId } from "../../support/engine/factories.ts";
import { FakeClock, NOON } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { type Collector, startCollector } from "../../support/otlp/collector.ts";
import type { DecodedSpan } from "../../support/otlp/decode.ts";
import { recordingLog } from "../../support/recording-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOUR = 3_600_000;

const jobsOf = (text: string): readonly Job[] => {
  const { jobs, problems } = readJobFile({ file: "j.yaml", folder: "/", text });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return jobs;
};

const to = (url: string): TraceTarget => ({
  url: `${url}/v1/traces`,
  headers: { "X-Key": "Bearer k3y-0123" },
  source: { version: "1.2.3", attributes: { "service.name": "petit" } },
});

/** Returns the tree of a trace, each span with its number of children's levels as indentation, as `name(error)`. */
const treeOf = (spans: readonly DecodedSpan[], parentId = "", depth = 0): readonly string[] =>
  spans
    .filter((span) => span.parentId === parentId)
    .flatMap((span) => [
      `${"  ".repeat(depth)}${span.name}${"petit.item.key" in span.attributes ? ` [${span.attributes["petit.item.key"]}]` : ""}: ${
        span.attributes["cicd.pipeline.result"] ?? span.attributes["cicd.pipeline.task.run.result"]
      }${span.status.code === 2 ? ` (${span.status.message})` : ""}`,
      ...treeOf(spans, span.spanId, depth + 1),
    ]);

const named = (spans: readonly DecodedSpan[], name: string): DecodedSpan => {
  const [found, ...others] = spans.filter((span) => span.name === name);
  if (found === undefined || others.length > 0) throw new Error(`there are ${others.length} other spans '${name}'`);
  return found;
};

describe("a trace", () => {
  test("has a span for the run, each task, each item and each attempt, with what went wrong", async () => {
    await using collector = startCollector();
    const jobs = jobsOf(`id: etl
tasks:
  - {id: first, type: shell, script: 'exit 0'}
  - {id: each, type: shell, foreach: [a, b], depends_on: [first], retry: {max_attempts: 1, delay: 1ms},
     script: 'test "$PETIT_ITEM" = a || { echo "Error: no table" >&2; exit 3; }'}
  - {id: never, type: shell, script: 'true', depends_on: [each]}
`);
    await using petit = await startEngine({ jobs, traces: to(collector.url) });
    const { run, tasks } = await petit.run("etl");
    const spans = await collector.traceOf(run.id);
    expect(treeOf(spans)).toEqual([
      "etl: failure (task 'each' failed: 1 of 2 items failed, first 'b': exit code 3)",
      "  first: success",
      "    first attempt: success",
      "  each: failure (1 of 2 items failed, first 'b': exit code 3)",
      "    each [a]: success",
      "      each attempt: success",
      "    each [b]: failure (exit code 3)",
      "      each attempt: failure (exit code 3: Error: no table)",
      "      each attempt: failure (exit code 3: Error: no table)",
      "  never: skip",
    ]);
    expect(named(spans, "etl")).toMatchObject({
      kind: 2,
      startedAt: run.createdAt,
      endedAt: run.endedAt,
      events: [{ name: "started", at: run.startedAt }],
      attributes: {
        "cicd.pipeline.run.id": run.id,
        "error.type": "items_failed",
        "petit.run.status": "failed",
        "petit.run.trigger": "manual",
      },
    });
    expect(named(spans, "first")).toMatchObject({
      kind: 1,
      startedAt: tasks.first?.startedAt,
      endedAt: tasks.first?.endedAt,
      attributes: { "cicd.pipeline.task.name": "first", "petit.task.status": "completed" },
    });
    const attempts = spans.filter(
      ({ name, attributes }) => name === "each attempt" && attributes["petit.item.index"] === 1,
    );
    expect(attempts.map(({ attributes }) => attributes)).toMatchObject([
      { "petit.attempt.number": 1, "process.exit.code": 3, "error.type": "exit_code" },
      { "petit.attempt.number": 2, "process.exit.code": 3, "error.type": "exit_code" },
    ]);
    const [request] = collector.requests;
    expect(request).toMatchObject({ path: "/v1/traces", scope: { name: "petit", version: "1.2.3" } });
    expect(request?.resource).toEqual({ "service.name": "petit" });
    expect([request?.headers.get("content-type"), request?.headers.get("x-key")]).toEqual([
      "application/x-protobuf",
      "Bearer k3y-0123",
    ]);
  });

  test("of a parent and that of its child run are linked, in both directions; a retry is linked to the first run", async () => {
    await using collector = startCollector();
    const jobs = jobsOf(`id: parent
tasks: [{id: call, type: job, job: child}]
---
id: child
tasks: [{id: work, type: shell, script: 'exit 1'}]
`);
    await using petit = await startEngine({ jobs, traces: to(collector.url) });
    const { run, attempts } = await petit.run("parent");
    const childId = attempts[0]?.childRunId ?? "";
    const [ofParent, ofChild] = [await collector.traceOf(run.id), await collector.traceOf(childId)];
    const [attempt, child] = [named(ofParent, "call attempt"), named(ofChild, "child")];
    expect(child.traceId).not.toBe(attempt.traceId);
    expect(attempt.links).toEqual([
      {
        traceId: child.traceId,
        spanId: child.spanId,
        attributes: { "petit.link": "child", "cicd.pipeline.run.id": childId },
      },
    ]);
    expect(child.links).toEqual([
      {
        traceId: attempt.traceId,
        spanId: attempt.spanId,
        attributes: { "petit.link": "parent", "cicd.pipeline.run.id": run.id },
      },
    ]);
    const again = await petit.engine.retry(run.id);
    await petit.ended(again.id);
    const { traceId, spanId } = named(ofParent, "parent");
    expect(named(await collector.traceOf(again.id), "parent").links).toMatchObject([{ traceId, spanId }]);
  });

  test("of what was cancelled has no error, and neither has a run that never started", async () => {
    await using collector = startCollector();
    const jobs = [job("slow", { queue: "one", tasks: [command("wait", "sleep", { args: ["600"] })] })];
    await using petit = await startEngine({
      jobs,
      traces: to(collector.url),
      settings: { queues: new Map([["one", 1]]) },
    });
    const running = await petit.trigger("slow");
    await petit.event("task.started", { runId: running.id });
    const waiting = await petit.trigger("slow");
    await petit.engine.cancel(waiting.id);
    await petit.engine.cancel(running.id);
    expect(treeOf(await collector.traceOf(running.id))).toEqual([
      "slow: cancellation",
      "  wait: cancellation",
      "    wait attempt: cancellation",
    ]);
    const never = await collector.traceOf(waiting.id);
    expect(treeOf(never)).toEqual(["slow: cancellation", "  wait: skip"]);
    expect(named(never, "slow").events).toEqual([]);
  });

  test("has no secret", async () => {
    await using collector = startCollector();
    const jobs = jobsOf(`id: leak
environment: {KEY: {env: SECRET_KEY}}
tasks: [{id: t, type: shell, script: 'echo "Error: bad key $KEY" >&2; echo "x=$KEY" >> "$PETIT_OUTPUT"; exit 1'}]
`);
    const environment = { PATH: process.env.PATH ?? "", HOME: "/", SECRET_KEY: "s3cr3t-0123456789" };
    await using petit = await startEngine({ jobs, environment, traces: to(collector.url) });
    const { run } = await petit.run("leak");
    const text = JSON.stringify(await collector.traceOf(run.id));
    expect(text).toContain("Error: bad key ***");
    expect(text).not.toContain("s3cr3t");
  });

  test("of a run in which petit was restarted has the attempts of both processes", async () => {
    await using collector = startCollector();
    using dir = tempDir();
    using held = gate();
    const jobs = [job("long", { tasks: [shell("before", "true"), shell("during", held.wait, { after: ["before"] })] })];
    const options = { jobs, dir: dir.path, traces: to(collector.url) };
    const first = await startEngine(options);
    const run = await first.trigger("long");
    await held.reached();
    await first.stop("leave");
    expect(collector.spans).toEqual([]);
    await using second = await startEngine(options);
    held.open();
    await second.ended(run.id);
    expect(treeOf(await collector.traceOf(run.id))).toEqual([
      "long: success",
      "  before: success",
      "    before attempt: success",
      "  during: success",
      "    during attempt: success",
    ]);
  });
});

test("a receiver that has failed for 5 minutes needs attention until it accepts spans", async () => {
  let isAway = true;
  await using collector = startCollector();
  const [clock, log, real] = [new FakeClock(), recordingLog(), openRuntime()];
  const request: typeof real.request = async (url, options) => {
    if (isAway) throw Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    return await real.request(url, options);
  };
  const runtime = { ...real, request };
  await using petit = await startEngine({ jobs: [job("j")], clock, log, runtime, traces: to(collector.url) });
  const attention = async () => (await petit.engine.listAttention(10)).items;
  await clock.passUntil(petit.run("j"));
  await clock.passUntil(log.holds("traces can't be sent"));
  await clock.pass(4 * 60_000);
  expect(await attention()).toEqual([]);
  await clock.pass(60_000);
  const error = "can't be reached (ECONNREFUSED)";
  const item = { kind: "traces_failing", id: "traces_failing:petit", error, dropped: 0 };
  expect(await attention()).toMatchObject([{ ...item, url: `${collector.url}/…` }]);
  isAway = false;
  await clock.passUntil(log.holds("traces can be sent again"));
  expect(await attention()).toEqual([]);
});

test("petit without a receiver says nothing of traces", async () => {
  await using petit = await startEngine({ jobs: [job("plain")] });
  await petit.run("plain");
  expect(petit.engine.traces).toBeNull();
});

type TracingOptions = {
  readonly respond?: Parameters<typeof startCollector>[0];
  /** Returns true while no connection to the receiver is possible. */
  readonly isAway?: () => boolean;
  readonly wrap?: (store: Store) => Store;
};

/** A tracer over an empty database. */
const tracing = ({ respond, isAway = () => false, wrap = (store) => store }: TracingOptions = {}) => {
  const parts = new AsyncDisposableStack();
  const collector = parts.use(startCollector(respond));
  const [clock, log, runtime] = [new FakeClock(), recordingLog(), openRuntime()];
  const store = parts.use(openStore({ path: ":memory:", runtime }));
  const tries: number[] = [];
  const request: typeof runtime.request = async (url, options) => {
    tries.push(clock.now());
    if (isAway()) throw Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    return await runtime.request(url, options);
  };
  const target = to(collector.url);
  const tracer = parts.use(new Tracer({ target, store: wrap(store), clock, log, runtime: { request } }));
  return { collector, clock, log, store, tracer, tries, [Symbol.asyncDispose]: () => parts.disposeAsync() };
};

/** Stores a run that has ended, with a task of so many items. It has two spans more than items. */
const addRun = (store: Store, items: number): string => {
  const definition = job("many", { tasks: [command("each", "true")] });
  const versionId = store.jobs.save([definition], NOON).get(definition.id)?.versionId ?? 0;
  const run = store.runs.start({
    id: newRunId(NOON),
    job: definition,
    versionId,
    status: "running",
    trigger: "manual",
    params: {},
    now: NOON,
    scheduledFor: null,
    ledger: null,
    retry: null,
    idempotency: null,
  });
  const stored = Array.from({ length: items }, (_, index) => ({
    index,
    key: `item ${index}`,
    value: index,
    outputs: {},
    exitCode: 0,
    childRunId: null,
  }));
  store.runs.startItems(run, taskId("each"), stored, NOON);
  const outcome = { status: "completed", reason: null, error: null, exitCode: 0, outputs: {} } as const;
  store.runs.finishTask(run, { taskId: taskId("each"), item: null }, { outcome, now: NOON });
  store.runs.finish(run.id, { status: "completed", reason: null, error: null }, NOON);
  return run.id;
};

/** An answer of a receiver that did not take some of the spans. */
const partialSuccess = (rejected: number, text: string): Bytes =>
  bytesField(1, ...(rejected === 0 ? [] : [wholeField(1, rejected)]), textField(2, text));

const received = ({ collector }: { readonly collector: Collector }, count: number) =>
  collector.until((spans) => (spans.length >= count ? spans : undefined));

describe("spans", () => {
  test("of a large run are sent in batches, each span once, with other work in between", async () => {
    await using all = tracing();
    const { collector, clock, store, tracer } = all;
    addRun(store, 25_000);
    await clock.passUntil(received(all, 25_002));
    expect(Math.max(...collector.requests.map(({ spans }) => spans.length))).toBeLessThanOrEqual(512);
    expect(new Set(collector.spans.map(({ spanId }) => spanId)).size).toBe(25_002);
    await waitFor(() => tracer.state.sent === 25_002);
    expect(tracer.state).toMatchObject({ dropped: 0, waiting: 0, failing: null });
  });

  test("wait for others for a second, and are sent together", async () => {
    await using all = tracing();
    const { collector, clock, store, tracer } = all;
    for (let run = 0; run < 3; run++) addRun(store, 1);
    await clock.pass(900);
    expect(collector.asked).toBe(0);
    await clock.passUntil(received(all, 9));
    expect(collector.asked).toBe(1);
    await waitFor(() => tracer.state.sent === 9);
    expect(clock.timers).toEqual([]);
  });

  test("are repeated while the receiver is away, less and less often, and none is lost or sent twice", async () => {
    let isAway = true;
    await using all = tracing({ isAway: () => isAway });
    const { collector, clock, store, tracer, tries, log } = all;
    addRun(store, 1_000);
    await clock.passUntil(log.holds("traces can't be sent"));
    await clock.pass(HOUR);
    addRun(store, 1);
    await clock.pass(HOUR);
    const error = "can't be reached (ECONNREFUSED)";
    expect(tracer.state).toMatchObject({ sent: 0, dropped: 0, waiting: 1_005, failing: { error } });
    const delays = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
    expect(delays.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1_000));
    expect(tries.length).toBeWithin(120, 130);
    isAway = false;
    await clock.passUntil(received(all, 1_005));
    expect(new Set(collector.spans.map(({ spanId }) => spanId)).size).toBe(1_005);
    await clock.passUntil(log.holds("traces can be sent again"));
    await waitFor(() => tracer.state.sent === 1_005);
    expect(tracer.state).toMatchObject({ dropped: 0, waiting: 0, failing: null });
    expect(log.text().match(/can't be sent/g)).toHaveLength(1);
  });

  test("are bounded while the receiver is away for an hour: later ones are dropped and counted, the first ones arrive", async () => {
    let isAway = true;
    await using all = tracing({ isAway: () => isAway });
    const { clock, store, tracer, log } = all;
    addRun(store, 10_000);
    await clock.passUntil(log.holds("traces can't be sent"));
    for (let minute = 0; minute < 60; minute++) {
      addRun(store, 300);
      await clock.pass(60_000);
    }
    const count = 10_002 + 60 * 302;
    await waitFor(() => tracer.state.waiting + tracer.state.dropped === count);
    const { waiting, dropped } = tracer.state;
    expect(waiting).toBeWithin(15_000, 20_001);
    expect(log.text().match(/spans are dropped/g)).toHaveLength(1);
    isAway = false;
    const spans = await clock.passUntil(received(all, waiting));
    expect(spans.filter(({ attributes }) => "cicd.pipeline.name" in attributes).length).toBeGreaterThan(5);
    await clock.passUntil(log.holds("traces can be sent again", `"dropped_spans":${dropped}`));
    addRun(store, 1);
    await clock.passUntil(received(all, waiting + 3));
    await waitFor(() => tracer.state.sent === waiting + 3);
    expect(tracer.state).toMatchObject({ dropped, waiting: 0 });
  });

  test("that the receiver refuses are dropped, and later ones are sent", async () => {
    await using all = tracing({ respond: (index) => new Response("", { status: index === 0 ? 400 : 200 }) });
    const { clock, store, tracer, log } = all;
    addRun(store, 1);
    await clock.passUntil(log.holds("traces can't be sent", "answered 400"));
    expect(tracer.state).toMatchObject({ sent: 0, dropped: 3, waiting: 0, failing: { error: "answered 400" } });
    addRun(store, 2);
    await clock.passUntil(received(all, 4));
    await waitFor(() => tracer.state.sent === 4);
    expect(tracer.state).toMatchObject({ dropped: 3, failing: null });
  });

  test("that the receiver rejects in an answer of success are counted and said once, and not sent again", async () => {
    const says = (rejected: number, message: string) => new Response(partialSuccess(rejected, message));
    const answers = [
      says(2, "no service.name for key\u001b[31m k3y-0123"),
      says(200_000, ""),
      new Response(""),
      says(0, "deprecated"),
    ];
    const odd = [new Response("<html>"), new Response("\n\xff"), new Response("x".repeat(20_000))];
    await using all = tracing({ respond: (index) => [...answers, ...odd][index] ?? new Response("") });
    const { collector, clock, store, tracer, log } = all;
    for (let batch = 1; batch <= 8; batch++) {
      addRun(store, 1);
      await clock.passUntil(received(all, batch * 3));
      await waitFor(() => tracer.state.sent + tracer.state.dropped === batch * 3);
    }
    expect(collector.asked).toBe(8);
    expect(tracer.state).toMatchObject({ sent: 19, dropped: 5, waiting: 0, failing: null });
    const lines = log
      .text()
      .split("\n")
      .filter((line) => line.includes("the receiver of traces"));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('"rejected_spans":2');
    expect(lines[0]).toContain("no service.name for key\\\\u{1b}[31m ***");
    expect(lines[1]).toContain("the receiver of traces warns");
  });

  test("wait as long as the receiver asks for, up to 5 minutes", async () => {
    const headers = { "Retry-After": "86400" };
    await using all = tracing({
      respond: (index) => new Response("", index === 0 ? { status: 429, headers } : { status: 200 }),
    });
    const { collector, clock, store, log } = all;
    addRun(store, 1);
    await clock.passUntil(log.holds("answered 429"));
    await clock.pass(295_000);
    expect(collector.asked).toBe(1);
    await clock.passUntil(received(all, 3));
    expect(collector.asked).toBe(2);
  });

  test("that wait are sent before petit ends, without the delay", async () => {
    await using all = tracing();
    const { collector, store, tracer } = all;
    addRun(store, 1_000);
    await tracer.drain();
    expect(collector.spans).toHaveLength(1_002);
  });

  test("delay the end of petit by a second at most if the receiver does not answer, and not at all while it is away", async () => {
    const answers: (() => void)[] = [];
    const respond = () =>
      new Promise<Response>((resolve) => answers.push(() => resolve(new Response("", { status: 503 }))));
    const drainMs = async ({ clock, tracer }: ReturnType<typeof tracing>): Promise<number> => {
      const before = clock.monotonic();
      await clock.passUntil(tracer.drain());
      return clock.monotonic() - before;
    };
    await using silent = tracing({ respond });
    addRun(silent.store, 1);
    expect(await drainMs(silent)).toBeWithin(1_000, 1_100);
    await using away = tracing({ isAway: () => true });
    addRun(away.store, 1);
    await away.clock.passUntil(away.log.holds("traces can't be sent"));
    addRun(away.store, 1);
    expect(await drainMs(away)).toBeLessThan(100);
    expect(away.tries.length).toBe(1);
    for (const answer of answers) answer();
  });

  test("of a run that can't be read are dropped, and the next ones are sent", async () => {
    let isBroken = true;
    const getDefinition = (store: Store, versionId: number) => {
      if (isBroken) throw new Error("no such definition");
      return store.jobs.getDefinition(versionId);
    };
    await using all = tracing({
      wrap: (store) => ({
        ...store,
        jobs: { ...store.jobs, getDefinition: (versionId) => getDefinition(store, versionId) },
      }),
    });
    const { clock, store, tracer, log } = all;
    addRun(store, 1);
    await clock.passUntil(log.holds("cannot read the trace of a run", "no such definition"));
    isBroken = false;
    addRun(store, 1);
    await clock.passUntil(received(all, 3));
    await waitFor(() => tracer.state.sent === 3);
    expect(tracer.state.dropped).toBe(1);
  });
});
