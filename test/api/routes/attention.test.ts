import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { entryFields } from "../../support/attention-entry.ts";
import { ask, post, runToEnd, start } from "../../support/petit/api.ts";
import { parseMetrics } from "../../support/petit/metrics.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { receiver } from "../../support/receiver.ts";

const jobs = (url: string) => ({
  "jobs.yaml": `
id: etl
params: {fail: {default: "yes"}}
tasks:
  - {id: extract, type: shell, script: "echo extracted"}
  - id: load
    type: shell
    depends_on: [extract]
    retry: {max_attempts: 1}
    script: |
      echo "loading"
      if [ "$PETIT_PARAM_FAIL" = no ]; then exit 0; fi
      printf 'Traceback\\n\\033[31mValueError: no rows\\033[0m\\n\\n' >&2
      echo "bye"
      exit 3
  - id: cleanup
    type: shell
    depends_on: [load]
    condition: all_done
    script: for i in $(seq 300); do echo "removed $i"; done
---
id: quiet
tasks: [{id: only, type: shell, script: "echo 'to stdout'; exit 1"}]
---
id: sleeper
tasks: [{id: only, type: command, command: sleep, args: ["60"]}]
---
id: notifies
notify: [{type: webhook, url: "${url}/secret-path", on: [failure]}]
tasks: [{id: only, type: command, command: "false"}]
`,
});

let petit: Petit;
let hook: ReturnType<typeof receiver>;
beforeAll(async () => {
  hook = receiver(() => new Response("", { status: 503 }));
  petit = await startPetit({ jobs: jobs(hook.url), args: ["--no-watch"] });
});
afterAll(async () => {
  await petit[Symbol.asyncDispose]();
  await hook[Symbol.asyncDispose]();
});

type Item = { readonly kind: string; readonly job_id: string | null; readonly [field: string]: unknown };

const items = async (from: Petit = petit): Promise<readonly Item[]> => (await ask(from, "/api/attention")).body.items;

const itemOf = async (jobId: string): Promise<Item | undefined> =>
  (await items()).find(({ job_id, kind }) => job_id === jobId && kind !== "notifications_undelivered");

describe("GET /api/attention", () => {
  test("lists a failing job with the failed task and its last line of stderr, whatever a clean-up printed later", async () => {
    const first = await runToEnd(petit, "etl");
    const second = await runToEnd(petit, "etl");
    expect(await itemOf("etl")).toEqual({
      kind: "job_failing",
      severity: "error",
      since: first.ended_at,
      message: "job 'etl' failed 2 times in a row: task 'load' failed: exit code 3",
      ...entryFields("job_failing:etl"),
      job_id: "etl",
      run_id: second.id,
      count: 2,
      flapping: false,
      child_jobs: [],
      recent_runs: 2,
      recent_failures: 2,
      failure: {
        task_id: "load",
        item: null,
        attempt: 2,
        reason: "exit_code",
        exit_code: 3,
        signal: null,
        error: "exit code 3",
        cause: { seq: expect.any(Number), stream: "stderr", text: "ValueError: no rows", context: [], child: null },
        last_line: { seq: expect.any(Number), stream: "stderr", text: "ValueError: no rows" },
      },
    });
  });

  test("numbers the last line as the output does", async () => {
    const item = await itemOf("etl");
    const { last_line } = Object(item?.failure);
    const { body } = await ask(petit, `/api/runs/${item?.run_id}/lines?after=${last_line.seq - 1}&limit=1`);
    expect(body.lines[0]).toMatchObject({ seq: last_line.seq, task_id: "load", attempt: 2, stream: "stderr" });
    expect(body.lines[0].text).toContain("ValueError: no rows");
  });

  test("no longer lists a job after a completed run, and counts a streak anew after it", async () => {
    await runToEnd(petit, "etl", { fail: "no" });
    expect(await itemOf("etl")).toBeUndefined();
    const run = await runToEnd(petit, "etl");
    expect(await itemOf("etl")).toMatchObject({ count: 1, since: run.ended_at, recent_runs: 4, recent_failures: 3 });
  });

  test("marks a job as flapping whose results keep changing, also while it succeeds", async () => {
    for (const fail of ["no", "yes"]) await runToEnd(petit, "etl", { fail });
    expect(await itemOf("etl")).toMatchObject({ kind: "job_failing", flapping: true });
    await runToEnd(petit, "etl", { fail: "no" });
    expect(await itemOf("etl")).toMatchObject({ kind: "job_flapping", severity: "warning", recent_failures: 4 });
  });

  test("takes the last line of stdout if stderr is empty", async () => {
    await runToEnd(petit, "quiet");
    expect(await itemOf("quiet")).toMatchObject({ failure: { last_line: { stream: "stdout", text: "to stdout" } } });
  });

  test("ignores cancelled runs: a job that was failing still is", async () => {
    await runToEnd(petit, "etl");
    await post(petit, `/api/runs/${await start(petit, "sleeper")}/cancel`);
    expect(await itemOf("sleeper")).toBeUndefined();
    expect(await itemOf("etl")).toMatchObject({ kind: "job_failing" });
    const id = await start(petit, "etl");
    await post(petit, `/api/runs/${id}/cancel`);
    expect(await itemOf("etl")).toMatchObject({ kind: "job_failing" });
    await runToEnd(petit, "etl", { fail: "no" });
  });

  test("lists a receiver that can't be given its notifications, with the error and without its secret", async () => {
    await runToEnd(petit, "notifies");
    const find = async (): Promise<Item> => {
      for (;;) {
        const found = (await items()).find(({ kind }) => kind === "notifications_undelivered");
        if (found !== undefined) return found;
      }
    };
    expect(await find()).toMatchObject({
      severity: "error",
      job_id: "notifies",
      run_id: null,
      type: "webhook",
      count: 1,
      error: expect.stringContaining("503"),
      target: expect.not.stringContaining("secret-path"),
    });
  });

  test("lists a broken file until it is repaired, with the time when it was first read", async () => {
    const file = join(petit.jobsDir, "broken.yaml");
    writeFileSync(file, "id: broken\ntaks: []\n");
    await post(petit, "/api/jobs/reload");
    const [item] = (await items()).filter(({ kind }) => kind === "job_file_broken");
    expect(item).toMatchObject({ severity: "error", job_id: null, file: "broken.yaml", line: 2, problems: 2 });
    await post(petit, "/api/jobs/reload");
    expect((await items()).find(({ kind }) => kind === "job_file_broken")?.since).toBe(item?.since ?? 0);
    rmSync(file);
    await post(petit, "/api/jobs/reload");
    expect((await items()).some(({ kind }) => kind === "job_file_broken")).toBe(false);
  });

  test("has the errors first, counts all kinds, and honours the limit", async () => {
    const { body } = await ask(petit, "/api/attention");
    expect(body.count).toBe(body.items.length);
    expect(body.items.map(({ severity }: { severity: string }) => severity)).toEqual([
      ...Array(body.count - 1).fill("error"),
      "warning",
    ]);
    const limited = await ask(petit, "/api/attention?limit=1");
    expect([limited.body.count, limited.body.counts]).toEqual([1, body.counts]);
    expect((await ask(petit, "/api/attention?limit=0")).status).toBe(400);
  });

  test("agrees with the numbers of /api/stats and of the metrics", async () => {
    const { body } = await ask(petit, "/api/attention");
    expect((await ask(petit, "/api/stats")).body.attention).toEqual(body.counts);
    const metrics = parseMetrics(await (await petit.fetch("/metrics")).text());
    for (const [kind, count] of Object.entries(body.counts))
      expect([kind, metrics.value("petit_attention", { kind })]).toEqual([kind, Number(count)]);
  });

  test("answers the same after a restart", async () => {
    const results = async (from: Petit) =>
      (await items(from)).filter(({ kind }) => kind === "job_failing" || kind === "job_flapping");
    await using first = await startPetit({ jobs: jobs(hook.url), args: ["--no-watch"] });
    for (const fail of ["yes", "no", "yes", "no", "yes", "no"]) await runToEnd(first, "etl", { fail });
    for (let i = 0; i < 3; i++) await runToEnd(first, "quiet");
    const before = await results(first);
    expect(before.map(({ kind, job_id }) => `${job_id} ${kind}`)).toEqual(["quiet job_failing", "etl job_flapping"]);
    await first.stop();
    await using second = await startPetit({ dir: first.dir, jobsDir: first.jobsDir, args: ["--no-watch"] });
    expect(await results(second)).toEqual(before);
  });
});

describe("what people say about what needs attention", () => {
  const entryPath = (id: string, what: string) => `/api/attention/${encodeURIComponent(id)}/${what}`;
  const remove = (path: string) => ask(petit, path, { method: "DELETE" });

  test("is stored with the entry, and returned with it", async () => {
    await runToEnd(petit, "quiet");
    const id = "job_failing:quiet";
    const acknowledged = await post(petit, entryPath(id, "acknowledge"), { note: " looking into it ", owner: "mara" });
    expect([acknowledged.status, acknowledged.body]).toMatchObject([
      200,
      { id, acknowledged: { at: expect.any(Number), note: "looking into it" }, owner: "mara", note: "looking into it" },
    ]);
    const snoozed = await post(petit, entryPath(id, "snooze"), { for_ms: 60_000 });
    expect(snoozed.body).toMatchObject({ snoozed_until: expect.any(Number), acknowledged: expect.anything() });
    const { body } = await ask(petit, "/api/attention");
    expect([body.handled, body.items.at(-1).id]).toEqual([1, id]);
    expect((await remove(entryPath(id, "snooze"))).body).toMatchObject({ snoozed: null, owner: "mara" });
    expect((await remove(entryPath(id, "acknowledge"))).body).toMatchObject({ acknowledged: null });
    expect((await post(petit, entryPath(id, "note"), { note: "" })).body).toMatchObject({ note: null, owner: "mara" });
    expect((await remove(entryPath(id, "owner"))).body).toMatchObject({ owner: null });
  });

  test("accepts a note of 2,000 emoji, and one with line breaks", async () => {
    const path = entryPath("job_failing:quiet", "note");
    const emoji = "🎉".repeat(2000);
    expect((await post(petit, path, { note: emoji })).body.note).toBe(emoji);
    expect((await post(petit, path, { note: "one\n\ttwo" })).body.note).toBe("one\n\ttwo");
    await post(petit, path, { note: "" });
  });

  test("can be listed for one job, which may be unknown", async () => {
    const { body } = await ask(petit, "/api/attention?job=quiet");
    expect([body.count, body.items[0].id]).toEqual([1, "job_failing:quiet"]);
    expect((await ask(petit, "/api/attention?job=unknown")).body).toMatchObject({ items: [], count: 0 });
    expect((await ask(petit, "/api/attention?job=a%20b")).status).toBe(400);
  });

  test("speaks of an entry if its id is malformed", async () => {
    const { status, body } = await post(petit, "/api/attention/%ff/acknowledge", {});
    expect([status, body.error]).toEqual([404, expect.stringContaining("needs attention")]);
    expect(body.details).toMatchObject({ reason: "entry_not_found" });
  });

  test("finds an entry whose id has a slash and a space", async () => {
    mkdirSync(join(petit.jobsDir, "a b"));
    const file = join(petit.jobsDir, "a b", "broken.yaml");
    writeFileSync(file, "id: broken\ntaks: []\n");
    await post(petit, "/api/jobs/reload");
    const { body } = await post(petit, entryPath("job_file_broken:a b/broken.yaml", "acknowledge"), {});
    expect(body).toMatchObject({ file: "a b/broken.yaml", acknowledged: { note: null } });
    rmSync(join(petit.jobsDir, "a b"), { recursive: true });
    await post(petit, "/api/jobs/reload");
  });

  test.each<[string, string, object, number, string]>([
    ["job_failing:nothing", "acknowledge", {}, 404, "nothing with the id 'job_failing:nothing' needs attention"],
    [
      "job_failing:quiet",
      "snooze",
      {},
      400,
      "body field 'until': is missing; expected one of until, for_ms and until_change: true",
    ],
    ["job_failing:quiet", "snooze", { for_ms: 1, until_change: true }, 400, "is not the only one"],
    ["job_failing:quiet", "snooze", { until: 1 }, 400, "body field 'until': is not in the future"],
    ["job_failing:quiet", "snooze", { for_ms: 1e12 }, 400, "body field 'for_ms': is more than a year away"],
    ["job_failing:quiet", "acknowledge", { note: "n".repeat(2001) }, 400, "note"],
    ["job_failing:quiet", "owner", { owner: "two\nlines" }, 400, "owner"],
    ["job_failing:quiet", "note", {}, 400, "note"],
    ["job_failing:quiet", "note", { note: 5 }, 400, "note"],
    ["job_failing:quiet", "owner", { owner: 5 }, 400, "owner"],
    ["job_failing:quiet", "note", { note: "a\u001b[2Jb" }, 400, "contains the character U+001B"],
    ["job_failing:quiet", "acknowledge", { note: "a\u0007b" }, 400, "contains the character U+0007"],
    ["job_failing:quiet", "note", { note: "a\u202eb" }, 400, "contains the character U+202E"],
    ["job_failing:quiet", "owner", { owner: "a\u202eb" }, 400, "contains the character U+202E"],
    ["job_failing:quiet", "note", { note: "🎉".repeat(2001) }, 400, "has 2001 characters; expected at most 2000"],
  ])("says what is wrong with %s %s %o", async (id, what, body, status, message) => {
    const answer = await post(petit, entryPath(id, what), body);
    expect(answer.status).toBe(status);
    expect(answer.body.error ?? answer.body.message).toContain(message);
  });
});
