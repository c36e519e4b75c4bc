import { describe, expect, test } from "bun:test";
import type { WebhookTrigger } from "../../../src/domain/deliveries/trigger.ts";
import type { RunId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import type { TraceParent } from "../../../src/lib/wire/trace-parent.ts";
import { job, shell, webhook } from "../../support/engine/factories.ts";
import { gate } from "../../support/engine/gate.ts";
import { type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { type Collector, startCollector } from "../../support/otlp/collector.ts";
import type { DecodedSpan } from "../../support/otlp/decode.ts";
import { tempDir } from "../../support/temp-dir.ts";

const OUTSIDE: TraceParent = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  isSampled: true,
  state: "congo=t61rcWkgMzE",
};

const SHOW = 'echo "$TRACEPARENT $TRACESTATE"';

const environment = { PATH: process.env.PATH ?? "", HOME: "/", HOOK_TOKEN: "a-long-token" };

const start = (jobs: readonly Job[], collector: Collector | null, dir?: string) =>
  startEngine({
    jobs,
    environment,
    ...(dir !== undefined && { dir }),
    traces:
      collector === null
        ? null
        : { url: `${collector.url}/v1/traces`, headers: {}, source: { version: "1", attributes: {} } },
  });

const rootOf = (spans: readonly DecodedSpan[]): DecodedSpan | undefined =>
  spans.find(({ events }) => events.length > 0);

/** The parts of the span of a run that say what it continues. */
const CONTINUED = { traceId: OUTSIDE.traceId, parentId: OUTSIDE.spanId, traceState: "congo=t61rcWkgMzE", flags: 0x301 };

/** Sends a webhook with the headers of a span. Returns the id of its delivery. */
const deliver = async ({ engine }: Pick<StartedEngine, "engine">, id: string): Promise<string> => {
  const headers = new Headers({
    authorization: "Bearer a-long-token",
    traceparent: `00-${OUTSIDE.traceId}-${OUTSIDE.spanId}-01`,
    tracestate: OUTSIDE.state ?? "",
  });
  const result = await engine.receiveWebhook(id, null, { headers, body: new TextEncoder().encode("{}") });
  if (result.kind !== "accepted") throw new Error(`the webhook was ${result.kind}`);
  return result.delivery.id;
};

const hooked = (trigger: Partial<WebhookTrigger> = {}): Job =>
  job("hooked", { triggers: [webhook({ verification: { ...webhook().verification, idHeader: null }, ...trigger })] });

const runOf = ({ store }: Pick<StartedEngine, "store">, deliveryId: string): RunId => {
  const runId = store.deliveries.find(deliveryId)?.runId ?? null;
  if (runId === null) throw new Error("the delivery has no run");
  return runId;
};

describe("a run that was triggered within a trace", () => {
  test("is a span of that trace, and its attempts continue it with its state", async () => {
    await using collector = startCollector();
    await using petit = await start([job("j", { tasks: [shell("t", SHOW)] })], collector);
    const { id } = await petit.trigger("j", { trace: OUTSIDE });
    const { output } = await petit.ended(id);
    const spans = await collector.traceOf(id);
    expect(rootOf(spans)).toMatchObject(CONTINUED);
    const [attempt] = spans.filter(({ name }) => name === "t attempt");
    expect(output()).toBe(`00-${OUTSIDE.traceId}-${attempt?.spanId}-01 ${OUTSIDE.state}\n`);
    expect(spans).toHaveLength(3);
  });

  test("still is after a restart", async () => {
    await using collector = startCollector();
    using dir = tempDir();
    using held = gate();
    const jobs = [job("j", { tasks: [shell("t", `${held.wait}; ${SHOW}`)] })];
    const first = await start(jobs, collector, dir.path);
    const { id } = await first.trigger("j", { trace: OUTSIDE });
    await held.reached();
    await first.stop("leave");
    await using second = await start(jobs, collector, dir.path);
    held.open();
    await second.ended(id);
    expect(rootOf(await collector.traceOf(id))).toMatchObject(CONTINUED);
  });

  test("is not sent if the trace is not recorded, nor are its child runs, and its attempts pass that on", async () => {
    await using collector = startCollector();
    const text = `id: parent\ntasks: [{id: call, type: job, job: child}]\n---\nid: child\ntasks: [{id: t, type: shell, script: '${SHOW}'}]\n`;
    await using petit = await start(readJobFile({ file: "j.yaml", folder: "/", text }).jobs, collector);
    const silent = await petit.trigger("parent", { trace: { ...OUTSIDE, isSampled: false } });
    const { attempts } = await petit.ended(silent.id);
    const childId = attempts[0]?.childRunId;
    if (childId === undefined || childId === null) throw new Error("there is no child run");
    expect(petit.read(childId).output()).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00 \n$/);
    const { run } = await petit.run("parent");
    await collector.traceOf(run.id);
    expect(new Set(collector.spans.map(({ attributes }) => attributes["cicd.pipeline.run.id"])).has(silent.id)).toBe(
      false,
    );
    expect(collector.spans).toHaveLength(6);
  });

  test("does not hand its trace to a retry, whose span has a link to it", async () => {
    await using collector = startCollector();
    await using petit = await start([job("j", { tasks: [shell("t", "exit 1")] })], collector);
    const first = await petit.trigger("j", { trace: OUTSIDE });
    await petit.ended(first.id);
    const again = await petit.engine.retry(first.id);
    await petit.ended(again.id);
    const [of, ofAgain] = [rootOf(await collector.traceOf(first.id)), rootOf(await collector.traceOf(again.id))];
    expect(ofAgain).toMatchObject({
      parentId: "",
      links: [{ traceId: OUTSIDE.traceId, spanId: of?.spanId, attributes: { "petit.link": "retry_of" } }],
    });
    expect(ofAgain?.traceId).not.toBe(OUTSIDE.traceId);
  });
});

describe("a run of a webhook", () => {
  test("continues the trace of its sender", async () => {
    await using collector = startCollector();
    await using petit = await start([hooked()], collector);
    const runId = runOf(petit, await deliver(petit, "hooked"));
    await petit.ended(runId);
    expect(rootOf(await collector.traceOf(runId))).toMatchObject(CONTINUED);
  });

  test("continues it also if it starts later, after a restart", async () => {
    await using collector = startCollector();
    using dir = tempDir();
    const jobs = [hooked()];
    const first = await start(jobs, collector, dir.path);
    await first.engine.pauseJob("hooked");
    const deliveryId = await deliver(first, "hooked");
    await first.stop("leave");
    await using second = await start(jobs, collector, dir.path);
    await second.engine.resumeJob("hooked");
    await second.event("run.finished");
    const runId = runOf(second, deliveryId);
    expect(rootOf(await collector.traceOf(runId))).toMatchObject(CONTINUED);
    const replayed = await second.engine.replayDelivery(deliveryId);
    const again = runOf(second, replayed.id);
    await second.ended(again);
    expect(rootOf(await collector.traceOf(again))?.parentId).toBe("");
  });

  test("has nothing of a trace if petit sends none", async () => {
    await using petit = await start([hooked()], null);
    const deliveryId = await deliver(petit, "hooked");
    const runId = runOf(petit, deliveryId);
    await petit.ended(runId);
    expect(petit.store.deliveries.findEvent(deliveryId)).not.toContain(OUTSIDE.traceId);
    expect(petit.store.runs.findTraceParent(runId)).toBeNull();
    const triggered = await petit.trigger("hooked", { trace: OUTSIDE });
    await petit.ended(triggered.id);
    expect(petit.store.runs.findTraceParent(triggered.id)).toBeNull();
  });
});
