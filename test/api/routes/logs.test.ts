import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, readEvents, runToEnd, start, take } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = {
  "jobs.yaml": `
id: bytes
tasks: [{id: only, type: shell, script: 'printf "a\\\\377\\\\000\\\\342\\\\202\\\\r\\\\n\\\\033[31mred\\\\n\\\\nlast"'}]
---
id: two
tasks:
  - {id: one, type: shell, script: "echo one-out; echo one-err >&2"}
  - {id: two, type: shell, script: "echo two-out; exit 1", depends_on: [one], retry: {max_attempts: 1}}
---
id: many
tasks: [{id: only, type: shell, script: "seq 1 20000"}]
---
id: quiet
tasks: [{id: only, type: command, command: "true"}]
---
id: steps
tasks:
  - id: only
    type: shell
    script: |
      echo ready
      for n in 1 2 3; do
        until [ -e "$GATES/$n" ]; do sleep 0.02; done
        echo "step $n"
      done
---
id: long
tasks: [{id: only, type: shell, script: "head -c 3000000 /dev/zero | tr '\\\\0' x; echo; echo end"}]
`,
};

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS, env: { GATES: "." } });
});
afterAll(() => petit[Symbol.asyncDispose]());

const logs = (runId: string, query = "", headers: HeadersInit = {}, signal: AbortSignal | null = null) =>
  petit.fetch(`/api/runs/${runId}/logs${query}`, { headers, signal });
const text = async (runId: string, query = ""): Promise<string> => await (await logs(runId, query)).text();
const NDJSON = { accept: "application/x-ndjson" };
const SSE = { accept: "text/event-stream" };
const records = async (runId: string, query = "", headers: HeadersInit = {}) =>
  (await (await logs(runId, query, { ...NDJSON, ...headers })).text())
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

/** Makes the job `steps` print line number `step`. */
const open = (step: number): void => writeFileSync(join(petit.dir, String(step)), "");

describe("the log of a run as text", () => {
  test("has exactly the bytes that were written", async () => {
    const run = await runToEnd(petit, "bytes");
    const response = await logs(run.id);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toStartWith("text/plain");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    const expected = Buffer.from("a\xff\x00\xe2\x82\r\n\x1b[31mred\n\nlast", "latin1");
    expect(Buffer.from(await response.arrayBuffer()).equals(expected)).toBe(true);
  });

  test("is empty without output", async () => {
    const run = await runToEnd(petit, "quiet");
    for (const query of ["", "?tail=5", "?tail=0", "?timestamps=true", "?follow=true"])
      expect(await text(run.id, query)).toBe("");
    expect(await records(run.id)).toEqual([]);
  });

  test("can be limited to what was read since a time, also the last lines of it", async () => {
    const run = await runToEnd(petit, "two");
    const all = await records(run.id);
    const at = all.at(-1).at;
    const later = all.filter((record) => record.at >= at).map((record) => `${record.text}\n`);
    expect(later.length).toBeLessThan(all.length);
    expect(await text(run.id, `?since=${at}`)).toBe(later.join(""));
    expect(await text(run.id, `?since=${at}&tail=1`)).toBe(later.at(-1) ?? "");
    expect(await text(run.id, `?since=${at + 1}`)).toBe("");
    const page = await ask(petit, `/api/runs/${run.id}/lines?since=${at}`);
    expect(page.body).toMatchObject({ count: later.length, total: later.length, offset: 0 });
  });

  test("can be limited to a task, a stream or an attempt", async () => {
    const run = await runToEnd(petit, "two");
    expect(await text(run.id, "?task=one&stream=stdout")).toBe("one-out\n");
    expect(await text(run.id, "?task=one&stream=stderr")).toBe("one-err\n");
    expect(await text(run.id, "?stream=stderr")).toBe("one-err\n");
    expect(await text(run.id, "?task=two")).toBe("two-out\ntwo-out\n");
    expect(await text(run.id, "?task=two&attempt=2")).toBe("two-out\n");
    expect(await text(run.id, "?task=two&attempt=3")).toBe("");
    expect((await text(run.id, "?task=one")).split("\n").sort()).toEqual(["", "one-err", "one-out"]);
  });

  test("can be limited to the last lines", async () => {
    const run = await runToEnd(petit, "many");
    const whole = await text(run.id);
    expect(whole).toBe(Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join(""));
    expect(await text(run.id, "?tail=3")).toBe("19998\n19999\n20000\n");
    expect(await text(run.id, "?tail=0")).toBe("");
    expect(await text(run.id, "?tail=1")).toBe("20000\n");
    expect((await text(run.id, "?tail=12345")).split("\n").length - 1).toBe(12_345);
    expect(await text(run.id, "?tail=20000")).toBe(whole);
    expect(await text(run.id, "?tail=1000000")).toBe(whole);
  });

  test("has the time before each line if requested", async () => {
    const run = await runToEnd(petit, "two");
    const stamped = await text(run.id, "?task=one&stream=stdout&timestamps=true");
    expect(stamped).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z one-out\n$/);
    const at = Date.parse(stamped.slice(0, 24));
    expect(at).toBeGreaterThanOrEqual(run.started_at);
    expect(at).toBeLessThanOrEqual(run.ended_at);
    expect(await text(run.id, "?task=one&stream=stdout&timestamps=1")).toBe(stamped);
    expect(await text(run.id, "?task=one&stream=stdout&timestamps=false")).toBe("one-out\n");
  });

  test("keeps a line of 3 MB whole", async () => {
    const run = await runToEnd(petit, "long");
    expect(await text(run.id)).toBe(`${"x".repeat(3_000_000)}\nend\n`);
    expect((await text(run.id, "?timestamps=true")).length).toBe(3_000_000 + 5 + 2 * 25);
  });

  test.each([
    "tail=-1",
    "tail=x",
    "tail=",
    "tail=1.5",
    "attempt=0",
    "attempt=x",
    "stream=out",
    "since=now",
    "since=-1",
    "follow=maybe",
    "follow=",
    "follow",
    "timestamps=",
    "timestamps=2",
    "taks=one",
  ])("is 400 for ?%s", async (query) => {
    const run = await runToEnd(petit, "quiet");
    const { status, body } = await ask(petit, `/api/runs/${run.id}/logs?${query}`);
    expect(status).toBe(400);
    const name = query.split("=")[0] ?? "";
    const details = { reason: "invalid_value", in: "query", name, problem: expect.any(String) };
    expect(body).toEqual({ error: expect.stringContaining(name), code: "INVALID_REQUEST", details });
  });

  test.each(["none", "..%2fonly", "%00", ""])("is 404 for a task that is not in the run: %p", async (task) => {
    const run = await runToEnd(petit, "quiet");
    expect(await ask(petit, `/api/runs/${run.id}/logs?task=${task}`)).toMatchObject({
      status: 404,
      body: { code: "NOT_FOUND" },
    });
  });
});

describe("the log of a run as records", () => {
  test("has one JSON object per line, numbered from 1", async () => {
    const run = await runToEnd(petit, "two");
    const response = await logs(run.id, "", NDJSON);
    expect(response.headers.get("content-type")).toStartWith("application/x-ndjson");
    const lines = (await response.text()).trimEnd().split("\n");
    const all = lines.map((line) => JSON.parse(line));
    expect(all.map((record) => record.seq)).toEqual([1, 2, 3, 4]);
    for (const record of all) {
      expect(Object.keys(record).sort()).toEqual(["at", "attempt", "seq", "stream", "task_id", "text"]);
      expect(record.at).toBeGreaterThanOrEqual(run.started_at);
    }
    expect(all.filter((record) => record.task_id === "two").map(({ attempt, text }) => [attempt, text])).toEqual([
      [1, "two-out"],
      [2, "two-out"],
    ]);
    expect(all.find((record) => record.stream === "stderr")).toMatchObject({
      task_id: "one",
      attempt: 1,
      text: "one-err",
    });
  });

  test("continues after the line in Last-Event-ID", async () => {
    const run = await runToEnd(petit, "many");
    const rest = await records(run.id, "", { "last-event-id": "19990" });
    expect(rest.map((record) => record.seq)).toEqual(Array.from({ length: 10 }, (_, index) => 19_991 + index));
    expect(rest[0].text).toBe("19991");
    expect(await records(run.id, "", { "last-event-id": "20000" })).toEqual([]);
    expect(await records(run.id, "", { "last-event-id": "99999999" })).toEqual([]);
    expect(await records(run.id, "?tail=5", { "last-event-id": "19998" })).toHaveLength(2);
  });

  test("as server-sent events has the number of the line as id", async () => {
    const run = await runToEnd(petit, "many");
    const response = await logs(run.id, "?tail=2", SSE);
    expect(response.headers.get("content-type")).toStartWith("text/event-stream");
    const events = await take(readEvents(response), 2);
    expect(events.map(({ id, data }) => [id, JSON.parse(data).text])).toEqual([
      ["19999", "19999"],
      ["20000", "20000"],
    ]);
    const resumed = await logs(run.id, "", { ...SSE, "last-event-id": "19999" });
    expect((await Array.fromAsync(readEvents(resumed))).map((event) => event.id)).toEqual(["20000"]);
  });
});

describe("following a run", () => {
  test("sends lines as they are written, until the end, and can be resumed", async () => {
    const runId = await start(petit, "steps");
    const asText = (async () => await text(runId, "?follow=true"))();
    const leaving = new AbortController();
    const early = readEvents(await logs(runId, "?follow=true", SSE, leaving.signal));
    const first = await early.next();
    expect(JSON.parse(first.value?.data ?? "")).toMatchObject({ seq: 1, text: "ready" });
    open(1);
    const second = await early.next();
    expect(JSON.parse(second.value?.data ?? "")).toMatchObject({ seq: 2, text: "step 1" });
    leaving.abort();
    open(2);
    const resumed = await logs(runId, "?follow=true", { ...SSE, "last-event-id": "2" });
    const late = readEvents(resumed);
    expect(JSON.parse((await late.next()).value?.data ?? "")).toMatchObject({ seq: 3, text: "step 2" });
    expect((await ask(petit, `/api/runs/${runId}`)).body.status).toBe("running");
    open(3);
    expect((await Array.fromAsync(late)).map((event) => event.id)).toEqual(["4"]);
    expect(await asText).toBe("ready\nstep 1\nstep 2\nstep 3\n");
    expect((await ask(petit, `/api/runs/${runId}`)).body.status).toBe("completed");
    expect(existsSync(join(petit.dir, "3"))).toBe(true);
  });

  test("an ended run sends all of its output, and ends", async () => {
    const run = await runToEnd(petit, "many");
    expect(await text(run.id, "?follow=true")).toBe(await text(run.id));
    expect(await records(run.id, "?follow=true&tail=1")).toMatchObject([{ text: "20000" }]);
  });

  test("sends 20 readers the same", async () => {
    const runId = await start(petit, "many");
    const read = await Promise.all(Array.from({ length: 20 }, () => text(runId, "?follow=true")));
    const whole = await text(runId);
    expect(whole.split("\n")).toHaveLength(20_001);
    for (const each of read) expect(each).toBe(whole);
  });

  test("does not stop petit from stopping", async () => {
    await using other = await startPetit({
      jobs: { "jobs.yaml": "id: slow\ntasks: [{id: a, type: command, command: sleep, args: ['3']}]" },
      args: ["--on-shutdown", "leave"],
    });
    const runId = await start(other, "slow");
    const following = other
      .fetch(`/api/runs/${runId}/logs?follow=true`, { headers: SSE })
      .then((response) => response.text());
    const events = await other.fetch("/api/events");
    expect(await other.stop()).toBe(0);
    expect(await following).toContain(": petit");
    expect(await events.text()).toContain(": petit");
  });
});
