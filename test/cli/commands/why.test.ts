import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ended, petit } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit.ts";

const JOBS = `id: tick
name: Tick Tock
schedule: "* * * * * *"
tasks: [{id: t, type: shell, script: 'true'}]
---
id: bad
tasks: [{id: t, type: shell, script: exit 3}]
---
id: gated
schedule: "* * * * * *"
depends_on: [bad]
tasks: [{id: t, type: shell, script: 'true'}]
---
id: slow
schedule: "* * * * * *"
max_concurrency: 1
tasks: [{id: t, type: command, command: sleep, args: ["60"]}]
---
id: off
enabled: false
schedule: "* * * * * *"
tasks: [{id: t, type: shell, script: 'true'}]
---
id: yearly
schedule: {cron: "@yearly", timezone: Europe/Paris}
tasks: [{id: t, type: shell, script: 'true'}]
`;

let running: Petit;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const why = (...args: readonly string[]): Promise<Ended> => petit(["why", ...args, "--url", running.url]);

/** Waits until the ledger of a job has an occurrence like that. */
const inLedger = async (
  job: string,
  wanted: { readonly outcome?: string; readonly reason?: string },
): Promise<void> => {
  const found = await until(async () => {
    const { occurrences } = await (await running.fetch(`/api/jobs/${job}/occurrences`)).json();
    return occurrences.some((each: Record<string, unknown>) =>
      Object.entries(wanted).every(([key, value]) => each[key] === value),
    );
  });
  expect(found).toBe(true);
};

describe("petit why", () => {
  test("tells why a job ran, what came of it, and when it will run again", async () => {
    await inLedger("tick", { outcome: "fired" });
    const { status, stdout, stderr } = await why("tick");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^job {9}tick \(Tick Tock\): \* \* \* \* \* \*; all\.yaml:1\n/);
    expect(stdout).toMatch(/\nran last {4}.*: it was due at .* UTC; it .*\(run [0-9a-f-]{36}\)\n/);
    expect(stdout).toMatch(/\nruns next {3}(now|in [0-9]+s), at \d{4}-.* UTC, then .*\n/);
    expect(stdout).toMatch(/\nin its way {2}nothing\n/);
    expect(stdout).toMatch(/\nlately {6}\d{4}-.*fired: run [0-9a-f-]{36}\n/);
  });

  test("tells which gate is shut, and was", async () => {
    await inLedger("gated", { outcome: "skipped", reason: "dependency" });
    const before = (await why("gated")).stdout;
    expect(before).toContain("in its way  a gate is shut: 'bad' has never run, but its last run must be completed\n");
    expect(before).toContain("skipped: a gate was shut: 'bad' had never run\n");
    await running.fetch("/api/jobs/bad/trigger?wait=10", { method: "POST" });
    const after = (await why("gated")).stdout;
    expect(after).toContain("a gate is shut: the last run of 'bad' failed");
    expect(after).toContain("skipped: a gate was shut: 'bad' had never run\n");
  });

  test("tells that an earlier run is in the way", async () => {
    await inLedger("slow", { outcome: "skipped", reason: "overlap" });
    const { stdout } = await why("slow");
    expect(stdout).toContain("in its way  1 run of 1 at once (max_concurrency) goes on\n");
    expect(stdout).toContain("skipped: an earlier run was still running (max_concurrency is 1)");
    expect(stdout).toMatch(/it has been running for /);
  });

  test("tells of a job that is disabled, and of one without a schedule", async () => {
    await inLedger("off", { outcome: "skipped", reason: "disabled" });
    const off = (await why("off")).stdout;
    expect(off).toContain("ran last    off has never run\nruns next   when somebody triggers it: it is disabled\n");
    expect(off).toContain("in its way  it is disabled");
    expect((await why("bad")).stdout).toContain("runs next   when somebody triggers it: it has no schedule\n");
  });

  test("tells the times in the zone of the schedule", async () => {
    expect((await why("yearly")).stdout).toMatch(
      /^job {9}yearly: @yearly in Europe\/Paris; .*\n.*\nruns next .*-01-01 00:00:00 GMT\+1/,
    );
  });

  test("tells of a pause, while it lasts and afterwards", async () => {
    await running.fetch("/api/scheduler/pause", { method: "POST" });
    await inLedger("tick", { reason: "paused" });
    const paused = (await why("tick")).stdout;
    await running.fetch("/api/scheduler/resume", { method: "POST" });
    expect(paused).toMatch(/\nin its way {2}the scheduler is paused, at least since .* UTC: .*'petit resume'/);
    expect((await why("tick")).stdout).toContain("skipped: the scheduler was paused");
  });

  test("tells that the last good version of its file counts", async () => {
    writeFileSync(join(running.jobsDir, "all.yaml"), `${JOBS}typo: 1\n`);
    await running.fetch("/api/jobs/reload", { method: "POST" });
    const { stdout } = await why("bad");
    writeFileSync(join(running.jobsDir, "all.yaml"), JOBS);
    await running.fetch("/api/jobs/reload", { method: "POST" });
    expect(stdout).toMatch(/its last good version counts, since its job file is broken: all\.yaml:\d+:1: typo/);
  });

  test("gives all of it as one object with --json", async () => {
    await inLedger("gated", { reason: "dependency" });
    const { status, stdout, stderr } = await why("gated", "--json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({
      job: { id: "gated", depends_on: [{ job_id: "bad" }] },
      last_run: null,
      in_its_way: [expect.stringContaining("a gate is shut: the last run of 'bad' failed")],
      gates: [{ job_id: "bad", condition: "last_success", window_ms: null, shut: expect.any(String) }],
      pending: 0,
      scheduler: "running",
      health: { status: "ok", reasons: [] },
    });
    expect(told.next.coming[0]).toBe(told.next.at);
    expect(told.next.coming).toHaveLength(3);
    expect(told.next.explanation).toMatch(/^(now|in \ds), at /);
    expect(told.occurrences.at(-1)).toEqual({
      scheduled_for: expect.any(Number),
      outcome: "skipped",
      reason: "dependency",
      run_id: null,
      explanation: expect.stringContaining("skipped: "),
    });
    expect(told.occurrences.map(({ outcome }: { readonly outcome: string }) => outcome)).not.toContain("due");
  });

  test("refuses a job that isn't there with 2 and a suggestion", async () => {
    const { status, stdout, stderr } = await why("tikc");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("job 'tikc' was not found; did you mean 'tick'?");
    expect(await why("../../etc")).toMatchObject({ status: 2, stdout: "" });
    expect(await why("nothing-like-it")).toMatchObject({ status: 2, stdout: "" });
  });

  test("is status 3 where no petit answers", async () => {
    const { status, stdout, stderr } = await petit(["why", "tick", "--url", "http://127.0.0.1:9"]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toContain("no petit answers at http://127.0.0.1:9");
  });

  test("tells of what was missed while petit was down", async () => {
    const jobs = { "a.yaml": `id: tick\nschedule: {cron: "* * * * * *", catchup: none}\n${TASKS}` };
    await using first = await startPetit({ jobs });
    const due = async (): Promise<boolean> =>
      (await (await first.fetch("/api/jobs/tick/occurrences")).json()).occurrences.length > 0;
    expect(await until(due)).toBe(true);
    await first.kill();
    // It has to be away while it is due.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await using second = await startPetit({ dir: first.dir });
    const { stdout } = await petit(["why", "tick", "--url", second.url]);
    expect(stdout).toContain("missed: petit was not running");
  });
});

const TASKS = "tasks: [{id: t, type: shell, script: 'true'}]\n";

/** Whether it became true within ten seconds. */
const until = async (isTrue: () => Promise<boolean>): Promise<boolean> => {
  const deadline = Date.now() + 10_000;
  while (!(await isTrue())) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return true;
};
