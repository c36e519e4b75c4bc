import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, petit } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

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

const why = (...args: readonly string[]): Promise<CommandResult> => petit(["why", ...args, "--url", running.url]);

/** Waits until a job has an occurrence with the given outcome or reason. */
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
  test("explains why a job ran, its outcome, and its next run", async () => {
    await inLedger("tick", { outcome: "fired" });
    const { status, stdout, stderr } = await why("tick");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^job {9}tick \(Tick Tock\): \* \* \* \* \* \*; all\.yaml:1\n/);
    expect(stdout).toMatch(/\nlast run {4}.*: it was due at .* UTC; it .*\(run [0-9a-f-]{36}\)\n/);
    expect(stdout).toMatch(/\nnext run {4}(now|in [0-9]+s), at \d{4}-.* UTC, then .*\n/);
    expect(stdout).toMatch(/\nblocked by {2}nothing\n/);
    expect(stdout).toMatch(/\nhistory {5}\d{4}-.*fired: run [0-9a-f-]{36}\n/);
  });

  test("explains which gate is shut now, and was shut", async () => {
    await inLedger("gated", { outcome: "skipped", reason: "dependency" });
    const before = (await why("gated")).stdout;
    expect(before).toContain("blocked by  a gate is shut: 'bad' has never run, but its last run must be completed\n");
    expect(before).toContain("skipped: a gate was shut: 'bad' had never run\n");
    await running.fetch("/api/jobs/bad/trigger?wait=10", { method: "POST" });
    const after = (await why("gated")).stdout;
    expect(after).toContain("a gate is shut: the last run of 'bad' failed");
    expect(after).toContain("skipped: a gate was shut: 'bad' had never run\n");
  });

  test("explains that max_concurrency is reached", async () => {
    await inLedger("slow", { outcome: "skipped", reason: "overlap" });
    const { stdout } = await why("slow");
    expect(stdout).toContain("blocked by  max_concurrency is reached: 1 of 1 allowed runs of the job is running\n");
    expect(stdout).toContain("skipped: an earlier run was still running (max_concurrency is 1)");
    expect(stdout).toMatch(/it has been running for /);
  });

  test("explains a disabled job, and a job without a schedule", async () => {
    await inLedger("off", { outcome: "skipped", reason: "disabled" });
    const off = (await why("off")).stdout;
    expect(off).toContain("last run    off has never run\nnext run    only when triggered: the job is disabled\n");
    expect(off).toContain("blocked by  the job is disabled");
    expect((await why("bad")).stdout).toContain("next run    only when triggered: the job has no schedule\n");
  });

  test("shows times in the zone of the schedule", async () => {
    expect((await why("yearly")).stdout).toMatch(
      /^job {9}yearly: @yearly in Europe\/Paris; .*\n.*\nnext run .*-01-01 00:00:00 GMT\+1/,
    );
  });

  test("explains a pause, during and after it", async () => {
    await running.fetch("/api/scheduler/pause", { method: "POST" });
    await inLedger("tick", { reason: "paused" });
    const paused = (await why("tick")).stdout;
    await running.fetch("/api/scheduler/resume", { method: "POST" });
    expect(paused).toMatch(/\nblocked by {2}the scheduler is paused since .* UTC or earlier: .*'petit resume'/);
    expect((await why("tick")).stdout).toContain("skipped: the scheduler or the job was paused");
  });

  test("explains that the last valid version of a broken file is used", async () => {
    writeFileSync(join(running.jobsDir, "all.yaml"), `${JOBS}typo: 1\n`);
    await running.fetch("/api/jobs/reload", { method: "POST" });
    const { stdout } = await why("bad");
    writeFileSync(join(running.jobsDir, "all.yaml"), JOBS);
    await running.fetch("/api/jobs/reload", { method: "POST" });
    expect(stdout).toMatch(
      /petit uses the job's last valid version, because its job file is broken: all\.yaml:\d+:1: typo/,
    );
  });

  test("prints one object with --json", async () => {
    await inLedger("gated", { reason: "dependency" });
    const { status, stdout, stderr } = await why("gated", "--json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const body = JSON.parse(stdout);
    expect(body).toMatchObject({
      job: { id: "gated", depends_on: [{ job_id: "bad" }] },
      last_run: null,
      in_its_way: [expect.stringContaining("a gate is shut: the last run of 'bad' failed")],
      gates: [{ job_id: "bad", condition: "last_success", window_ms: null, shut: expect.any(String) }],
      pending: 0,
      scheduler: "running",
      health: { status: "ok", reasons: [] },
    });
    expect(body.next.coming[0]).toBe(body.next.at);
    expect(body.next.coming).toHaveLength(3);
    expect(body.next.explanation).toMatch(/^(now|in \ds), at /);
    expect(body.occurrences.at(-1)).toEqual({
      scheduled_for: expect.any(Number),
      outcome: "skipped",
      reason: "dependency",
      run_id: null,
      explanation: expect.stringContaining("skipped: "),
    });
    expect(body.occurrences.map(({ outcome }: { readonly outcome: string }) => outcome)).not.toContain("due");
  });

  test("exits with 2 and a suggestion for an unknown job", async () => {
    const { status, stdout, stderr } = await why("tikc");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("job 'tikc' was not found; did you mean 'tick'?");
    expect(await why("../../etc")).toMatchObject({ status: 2, stdout: "" });
    expect(await why("nothing-like-it")).toMatchObject({ status: 2, stdout: "" });
  });

  test("exits with 3 if no petit answers", async () => {
    const { status, stdout, stderr } = await petit(["why", "tick", "--url", "http://127.0.0.1:9"]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toContain("no petit answers at http://127.0.0.1:9");
  });

  test("explains an occurrence that was missed while petit was down", async () => {
    const jobs = { "a.yaml": `id: tick\nschedule: {cron: "* * * * * *", catchup: none}\n${TASKS}` };
    await using first = await startPetit({ jobs });
    const due = async (): Promise<boolean> =>
      (await (await first.fetch("/api/jobs/tick/occurrences")).json()).occurrences.length > 0;
    expect(await until(due)).toBe(true);
    await first.kill();
    // petit has to be down at an occurrence.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await using second = await startPetit({ dir: first.dir });
    const { stdout } = await petit(["why", "tick", "--url", second.url]);
    expect(stdout).toContain("missed: petit was not running");
  });
});

const TASKS = "tasks: [{id: t, type: shell, script: 'true'}]\n";

/** Waits up to ten seconds for a condition, and returns whether it became true. */
const until = async (isTrue: () => Promise<boolean>): Promise<boolean> => {
  const deadline = Date.now() + 10_000;
  while (!(await isTrue())) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return true;
};
