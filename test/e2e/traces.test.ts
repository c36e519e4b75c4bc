import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { formatSigningKey, generateSigningKey } from "../../src/lib/wire/signing.ts";
import { petit as runPetit } from "../support/cli.ts";
import { serveHttp } from "../support/engine/test-server.ts";
import { hasNats, startNats } from "../support/nats/server.ts";
import { startCollector } from "../support/otlp/collector.ts";
import type { DecodedSpan } from "../support/otlp/decode.ts";
import { ask, post, runToEnd } from "../support/petit/api.ts";
import { startPetit } from "../support/petit/petit.ts";
import { hasSshd, startSshd } from "../support/ssh/sshd.ts";
import { tempDir } from "../support/temp-dir.ts";
import { eventually } from "../support/torture/run.ts";
import { startWorkerProcess } from "../support/workers/worker-process.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

/** Programs that don't print it say so. */
const SHOW = 'echo "<$TRACEPARENT>"';

const attemptsOf = (spans: readonly DecodedSpan[], taskId: string): readonly DecodedSpan[] =>
  spans.filter(({ name }) => name === `${taskId} attempt`);

const parentsOf = (spans: readonly DecodedSpan[]): string[] =>
  spans.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`).toSorted();

test.skipIf(!hasNats("2.15") || !hasSshd)(
  "a run with items, a child run, a request, a worker and another machine is a trace that each of them continues",
  async () => {
    using dir = tempDir();
    using home = tempDir();
    await using collector = startCollector();
    const requested: string[] = [];
    await using server = await serveHttp((request, response) => {
      requested.push(String(request.headers.traceparent));
      response.end();
    });
    await using sshd = await startSshd(home.path);
    await using nats = await startNats();
    const key = generateSigningKey();
    writeFileSync(dir.file("key"), formatSigningKey(key), { mode: 0o600 });
    const jobs = `id: parent
tasks:
  - {id: items, type: shell, foreach: [a, b], script: '${SHOW}'}
  - {id: child, type: job, job: child}
  - {id: request, type: http, url: "${server.origin}"}
  - {id: worker, type: shell, runs_on: [gpu], script: '${SHOW}'}
  - {id: machine, ${sshd.task}, script: '${SHOW}'}
---
id: child
tasks: [{id: work, type: shell, script: '${SHOW}'}]
`;
    await using petit = await startPetit({
      jobs: { "jobs.yaml": jobs },
      args: ["--otlp-endpoint", collector.url, "--nats", nats.url, "--nats-signing-key", dir.file("key")],
      env: { OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b" },
    });
    await using _worker = startWorkerProcess({
      dir: home.path,
      nats: nats.url,
      trust: key.publicKey,
      name: "box7",
      args: ["--label", "gpu"],
    });
    const run = await runToEnd(petit, "parent");
    expect(run.status).toBe("completed");
    const spans = await collector.traceOf(run.id);
    const child = attemptsOf(spans, "child")[0]?.links[0];
    const ofChild = await collector.traceOf(String(child?.attributes["cicd.pipeline.run.id"]));

    const printed = async (runId: string): Promise<readonly string[]> => {
      const text = await (await petit.fetch(`/api/runs/${runId}/logs`)).text();
      return [...text.matchAll(/<(00-[^>]+)>/g)].map(([, value]) => value ?? "").toSorted();
    };
    const shown = ["items", "worker", "machine"].flatMap((id) => attemptsOf(spans, id));
    expect(shown).toHaveLength(4);
    expect(await printed(run.id)).toEqual(parentsOf(shown));
    expect(await printed(String(child?.attributes["cicd.pipeline.run.id"]))).toEqual(
      parentsOf(attemptsOf(ofChild, "work")),
    );
    expect(requested).toEqual(parentsOf(attemptsOf(spans, "request")));

    expect(attemptsOf(spans, "worker")[0]?.attributes["petit.worker"]).toBe("box7");
    expect(ofChild.find(({ parentId }) => parentId === "")).toMatchObject({
      traceId: child?.traceId,
      spanId: child?.spanId,
    });
    expect(collector.requests[0]?.headers.get("x-key")).toBe("a b");
    expect(collector.requests[0]?.resource).toMatchObject({ "service.name": "petit" });
    const sent = `\npetit_spans_sent_total ${collector.spans.length}\n`;
    const metrics = await eventually("all spans are counted", async () => {
      const text = await (await petit.fetch("/metrics")).text();
      return text.includes(sent) ? text : null;
    });
    expect(metrics).toContain("\npetit_spans_dropped_total 0\n");
  },
);

test("a trace goes on from a request and a command into runs, also after a kill -9", async () => {
  const outside = { traceId: "0af7651916cd43dd8448eb211c80319c", parentId: "b7ad6b7169203331", traceState: "a=b" };
  const traceparent = `00-${outside.traceId}-${outside.parentId}-01`;
  using dir = tempDir();
  await using collector = startCollector();
  const args = ["--otlp-endpoint", collector.url];
  const jobs = {
    "jobs.yaml": "id: slow\ntasks: [{id: only, type: shell, script: 'until [ -e go ]; do sleep 0.05; done'}]\n",
  };
  const first = await startPetit({ jobs, dir: dir.path, args });
  const headers = { traceparent, tracestate: "a=b" };
  const { body } = await post(first, "/api/jobs/slow/trigger", {}, headers);
  const ignored = await post(first, "/api/jobs/slow/trigger", {}, { traceparent: "00-0-0-00" });
  expect(ignored.status).toBe(200);
  const command = await runPetit(["trigger", "slow", "--url", first.url], {
    environment: { TRACEPARENT: traceparent, TRACESTATE: "a=b" },
  });
  expect(command.status).toBe(0);
  await first.kill();
  await using second = await startPetit({ dir: dir.path, args });
  writeFileSync(dir.file("go"), "");
  const runs = (await ask(second, "/api/runs")).body.runs.map(({ id }: { id: string }) => id);
  expect(runs).toHaveLength(3);
  for (const id of runs) {
    const root = (await collector.traceOf(id)).find(({ attributes }) => attributes["cicd.pipeline.run.id"] === id);
    if (id === ignored.body.run_id) expect(root?.parentId).toBe("");
    else expect(root).toMatchObject(outside);
  }
  expect(runs).toContain(body.run_id);
});
