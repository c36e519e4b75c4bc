import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "../../../src/client/client.ts";
import { findBlockers } from "../../../src/client/why/blockers.ts";
import { readJobFacts } from "../../../src/client/why/job-facts.ts";
import { blockerText } from "../../../src/domain/words/blocker.ts";
import { ask, post, readEvents, runToEnd, start } from "../../support/petit/api.ts";
import { type AsPerson, createPerson } from "../../support/petit/people.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { eventually } from "../../support/torture/run.ts";

const jobOf = (id: string, tags: readonly string[], script = "true"): string =>
  `id: ${id}\ntags: [${tags.join(", ")}]\nmax_concurrency: 50\ntasks: [{id: only, type: shell, script: '${script}'}]\n`;

const LONG = "while true; do echo line; sleep 0.1; done";

let petit: Petit;
let admin: AsPerson;
let viewer: AsPerson;
let operator: AsPerson;

beforeAll(async () => {
  petit = await startPetit({
    jobs: {
      "own.yaml": jobOf("own", ["team"]),
      "other.yaml": jobOf("other", ["others"]),
      "moved.yaml": jobOf("moved", ["team"], LONG),
      "child.yaml": 'id: other_child\ntasks: [{id: breaks, type: shell, script: "echo error: SECRET_LINE; exit 3"}]\n',
      "starter.yaml": [
        "id: starter\ntags: [team]\ntasks:",
        "  - {id: one, type: job, job: other_child}",
        "  - {id: each, type: job, job: other_child, foreach: [a, b, c]}\n",
      ].join("\n"),
      "top.yaml": "id: top\ntags: [team]\ntasks: [{id: nested, type: job, job: starter}]\n",
      "gated.yaml":
        "id: gated\ntags: [team]\ndepends_on: [{job: other_child, condition: last_success}]\ntasks: [{id: a, type: shell, script: exit 0}]\n",
      "follower.yaml":
        "id: follower\ntags: [team]\ntriggers: [{type: run, job: other_child, on: [failed]}]\ntasks: [{id: a, type: shell, script: exit 0}]\n",
    },
  });
  admin = await createPerson(petit, "root", ["--role", "admin"]);
  viewer = await createPerson(petit, "viewer", ["--role", "viewer", "--tags", "team"]);
  operator = await createPerson(petit, "operator", ["--role", "operator", "--tags", "team"]);
});
afterAll(() => petit[Symbol.asyncDispose]());

type Received = {
  readonly id: string;
  readonly type: string;
  readonly job_id: string | null;
  readonly run_id: string | null;
};

/** Opens an event stream, and collects what it sends. */
const openEvents = async (person: AsPerson, lastEventId?: string) => {
  const ending = new AbortController();
  const headers: Record<string, string> = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  const response = await person.fetch("/api/events", { headers, signal: ending.signal });
  const received: Received[] = [];
  (async () => {
    for await (const { id, event, data } of readEvents(response))
      received.push({ job_id: null, run_id: null, ...JSON.parse(data), type: event, id });
  })().catch(() => {});
  return {
    received,
    /** Resolves when the end of a run was received. */
    untilEnd: (runId: string) =>
      eventually(`the end of run ${runId} is received`, async () =>
        received.some((event) => event.type === "run.finished" && event.run_id === runId) ? true : null,
      ),
    close: () => ending.abort(),
  };
};

const setTags = async (id: string, tags: readonly string[], script?: string): Promise<void> => {
  writeFileSync(join(petit.jobsDir, `${id}.yaml`), jobOf(id, tags, script));
  expect((await post(admin, "/api/jobs/reload")).status).toBe(200);
};

describe("the event stream of somebody who is limited to some jobs", () => {
  test("has the events of these jobs alone, without gaps, also when it is resumed", async () => {
    const [all, own] = [await openEvents(admin), await openEvents(viewer)];
    for (let round = 0; round < 30; round++) await Promise.all([start(admin, "other"), start(admin, "own")]);
    const { id: last } = await runToEnd(admin, "own");
    await Promise.all([all.untilEnd(last), own.untilEnd(last)]);
    all.close();
    own.close();
    const [ofAll, ofOwn] = [all.received, own.received];
    expect(ofAll.length).toBeGreaterThan(200);
    expect(ofOwn.filter(({ job_id: jobId }) => jobId !== "own")).toEqual([]);
    const end = Number(ofOwn.at(-1)?.id);
    const expected = ofAll.filter(({ job_id: jobId, id }) => jobId === "own" && Number(id) <= end).map(({ id }) => id);
    expect(ofOwn.map(({ id }) => id)).toEqual(expected);

    const middle = ofAll.find(({ job_id: jobId, id }) => jobId === "other" && Number(id) > Number(expected[9]));
    const resumed = await openEvents(viewer, middle?.id);
    await resumed.untilEnd(last);
    resumed.close();
    const rest = expected.filter((id) => Number(id) > Number(middle?.id));
    expect(resumed.received.map(({ id }) => id).slice(0, rest.length)).toEqual(rest);
  });

  test("gains and loses a job at once when its definition changes", async () => {
    const stream = await openEvents(viewer);
    const { id: early } = await runToEnd(admin, "other");
    // The stream has gone past the events of that run: what it sends is judged when it is sent.
    const { id: first } = await runToEnd(admin, "own");
    await stream.untilEnd(first);
    await setTags("other", ["team"]);
    const { id } = await runToEnd(admin, "other");
    await stream.untilEnd(id);
    const received = new Set(stream.received.map(({ run_id: runId }) => runId));
    expect([early, first, id].map((runId) => received.has(runId))).toEqual([false, true, true]);
    expect((await ask(viewer, `/api/runs/${id}`)).status).toBe(200);

    await setTags("other", ["others"]);
    const { id: gone } = await runToEnd(admin, "other");
    const { id: next } = await runToEnd(admin, "own");
    await stream.untilEnd(next);
    stream.close();
    expect(stream.received.map(({ run_id: runId }) => runId)).not.toContain(gone);
    expect((await ask(viewer, `/api/runs/${id}`)).status).toBe(404);
    expect((await ask(viewer, "/api/jobs")).body.jobs.map((each: { id: string }) => each.id)).not.toContain("other");
    const timeline = await ask(viewer, "/api/timeline");
    expect(JSON.stringify(timeline.body)).not.toContain('"other"');
  });
});

test("an answer that waits for a run does not have it if its job has become none of theirs", async () => {
  const waited = operator.fetch("/api/jobs/moved/trigger?wait=300", { method: "POST" });
  const runId = await eventually("the run is there", async () => {
    const { body } = await ask(admin, "/api/runs?job=moved&status=running");
    return body.runs[0]?.id ?? null;
  });
  await setTags("moved", ["others"], LONG);
  await post(admin, `/api/runs/${runId}/cancel`);
  const response = await waited;
  expect([response.status, await response.json()]).toEqual([
    404,
    { code: "NOT_FOUND", error: `run '${runId}' was not found`, details: { reason: "run_not_found", run_id: runId } },
  ]);
  await setTags("moved", ["team"], LONG);
});

test("an answer that waits for a run ends when its token is revoked", async () => {
  const person = await createPerson(petit, "leaver", ["--role", "operator"]);
  const waited = person.fetch("/api/jobs/moved/trigger?wait=300", { method: "POST" });
  const runId = await eventually("the run is there", async () => {
    const { body } = await ask(admin, "/api/runs?job=moved&status=running");
    return body.runs[0]?.id ?? null;
  });
  expect((await ask(admin, "/api/tokens/leaver", { method: "DELETE" })).status).toBe(200);
  const response = await waited;
  expect([response.status, await response.json()]).toEqual([
    401,
    { code: "UNAUTHORIZED", error: expect.stringContaining("the token 'leaver' was revoked") },
  ]);
  await post(admin, `/api/runs/${runId}/cancel`);
});

test("the output of a run that somebody follows ends within a second when its job is none of theirs any more", async () => {
  const runId = await start(admin, "moved");
  const response = await viewer.fetch(`/api/runs/${runId}/logs?follow=true`);
  const reader = response.body?.getReader();
  let text = "";
  while (!text.includes("line")) text += new TextDecoder().decode((await reader?.read())?.value);
  await setTags("moved", ["others"], LONG);
  const changedAt = performance.now();
  while ((await reader?.read())?.done !== true);
  expect(performance.now() - changedAt).toBeLessThan(1_000);
  await post(admin, `/api/runs/${runId}/cancel`);
});

test("a run with child runs of another job tells neither their ids nor why they failed", async () => {
  const { id } = await runToEnd(operator, "top");
  const children = (await ask(admin, "/api/runs?job=other_child&limit=100")).body.runs.map(
    (run: { id: string }) => run.id,
  );
  expect(children.length).toBeGreaterThan(3);
  const { runs } = (await ask(operator, "/api/runs?limit=100&failure=true")).body;
  const started = runs.find((run: { job_id: string }) => run.job_id === "starter").id;
  const paths = [
    "/api/runs?limit=100&failure=true",
    "/api/attention",
    "/api/attention/job_failing:top",
    "/api/review",
    "/api/timeline",
    ...[id, started].flatMap((runId) => [
      `/api/runs/${runId}`,
      `/api/runs/${runId}/tasks`,
      `/api/runs/${runId}/comparison`,
    ]),
    `/api/runs/${started}/tasks/each/items`,
  ];
  for (const path of paths) {
    const { status, body } = await ask(operator, path);
    // Whoever may know of a job knows its definition, and which job it starts.
    const text = JSON.stringify(body).replaceAll(/"runs_job":\{[^}]*\}/g, "");
    expect([path, status, children.filter((child: string) => text.includes(child))]).toEqual([path, 200, []]);
    expect([path, /SECRET_LINE|other_child/.exec(text)?.input.slice(0, 3_000) ?? null]).toEqual([path, null]);
  }
  // Somebody without a limit is told.
  expect(JSON.stringify((await ask(admin, `/api/runs/${id}`)).body)).toContain("SECRET_LINE");
});

test("a refusal names no gate of another job, and no run of another person's idempotency key", async () => {
  await runToEnd(admin, "other_child");
  const refused = await post(operator, "/api/jobs/gated/trigger");
  expect([refused.status, refused.body]).toEqual([
    409,
    { code: "CONFLICT", error: "dependency not satisfied: a gate of the job is shut" },
  ]);
  const headers = { "idempotency-key": "deploy-1" };
  await post(admin, "/api/jobs/other/trigger", {}, headers);
  const reused = await post(operator, "/api/jobs/own/trigger", {}, headers);
  expect([reused.status, reused.body]).toEqual([
    409,
    { code: "CONFLICT", error: "idempotency key 'deploy-1' was used for another request" },
  ]);
});

test("a delivery of the end of another job's run does not say which", async () => {
  await runToEnd(admin, "other_child");
  const deliveries = await eventually("the follower has a delivery", async () => {
    const { body } = await ask(viewer, "/api/deliveries");
    return body.count > 0 ? body.deliveries : null;
  });
  for (const { id } of deliveries) {
    const { body } = await ask(viewer, `/api/deliveries/${id}`);
    expect([body.job_id, body.event, body.provider_id]).toEqual(["follower", null, null]);
  }
  const { body } = await ask(admin, `/api/deliveries/${deliveries[0].id}`);
  expect([body.event.run.job_id, body.event.run.id]).toEqual(["other_child", body.provider_id]);
});

test("a change of another job looks like a mistake, and is in the audit log as denied", async () => {
  const { id: runId } = await runToEnd(admin, "other_child");
  for (const path of ["/api/jobs/other_child/pause", "/api/jobs/unknown/pause", `/api/runs/${runId}/retry`])
    expect((await post(operator, path)).status).toBe(404);
  const rows = await eventually("both are in the audit log", async () => {
    const { body } = await ask(admin, "/api/audit?who=operator&allowed=false");
    return body.entries.length > 1 ? body.entries : null;
  });
  expect(rows.map((row: Record<string, unknown>) => [row.action, row.on])).toEqual([
    ["run.retry", runId],
    ["job.pause", "other_child"],
  ]);
});

test("why says of a gate on another job only that it is shut, and nothing while it is open", async () => {
  const whyIn = async (person: AsPerson) => {
    const client = createClient({ base: petit.url, headers: () => ({ authorization: `Bearer ${person.token}` }) });
    const facts = await readJobFacts("gated", { client, health: Promise.resolve(null), past: 5, upcoming: 0 });
    const texts = findBlockers(facts, Date.now()).map((each) => blockerText(each, String).what);
    return { texts, gates: facts.gates.length };
  };
  const shut = "a gate is shut: it is on a job that you may not know of";
  await runToEnd(admin, "other_child");
  expect(await whyIn(viewer)).toEqual({ texts: [shut], gates: 0 });
  expect((await whyIn(admin)).texts).toEqual([expect.stringContaining("the last run of 'other_child' failed")]);
  writeFileSync(
    join(petit.jobsDir, "child.yaml"),
    'id: other_child\ntasks: [{id: breaks, type: shell, script: "exit 0"}]\n',
  );
  await post(admin, "/api/jobs/reload");
  await runToEnd(admin, "other_child");
  for (const person of [viewer, operator, admin]) expect((await whyIn(person)).texts).toEqual([]);
  expect((await ask(viewer, "/api/jobs/gated")).body.hidden_gate_shut).toBe(false);
  expect((await ask(admin, "/api/jobs/gated")).body.hidden_gate_shut).toBeUndefined();
});
