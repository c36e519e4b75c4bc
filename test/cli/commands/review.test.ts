import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CommandResult, petit } from "../../support/cli.ts";
import { ask as request, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: breaks
name: Load all orders
tags: [etl]
tasks: [{id: load, type: shell, script: "echo 'error: no such table: orders' >&2; exit 1"}]
---
id: heals
tasks: [{id: only, type: shell, script: "test -e healed || { touch healed; exit 1; }"}]
---
id: other
tags: [nightly]
tasks: [{id: only, type: command, command: "true"}]
---
id: off
schedule: "0 3 1 1 *"
tasks: [{id: only, type: command, command: "true"}]
`;

let running: Petit;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch", "--timezone", "Pacific/Kiritimati"] });
  for (const job of ["breaks", "heals", "heals"]) await runToEnd(running, job);
  await running.fetch("/api/jobs/off/pause", { method: "POST" });
});
afterAll(() => running[Symbol.asyncDispose]());

const ask = (...args: readonly string[]): Promise<CommandResult> =>
  petit(["review", ...args], { environment: { PETIT_URL: running.url } });

describe("petit review", () => {
  test("answers what broke, what recovered, what did not run, what became slower, and who did what", async () => {
    const { status, stdout, stderr } = await ask("--since", "1h");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /^Failed, and still broken \(1\)\n {2}Load all orders \(breaks\) {2}1 failed run, \S+ at .*\n {4}load: error: no such table: orders$/m,
    );
    expect(stdout).toMatch(/^Failed, and recovered \(1\)\n {2}heals {2}1 failed run, .*; recovered by \S+ at /m);
    expect(stdout).toContain("Not completed in time\n  Every job with 'expect' has completed in time.");
    expect(stdout).toContain("Did not run\n  Each occurrence started a run.");
    expect(stdout).toContain("Became slower\n  No job took clearly longer than in the period before.");
    expect(stdout).toMatch(/^ {2}127\.0\.0\.1 {2}started heals 2 times, last at /m);
    expect(stdout).toMatch(/^ {2}127\.0\.0\.1 {2}paused off, at /m);
    expect(stdout).toContain("Due today\n");
  });

  test("pages through what it leaves out", async () => {
    const rows = (text: string): readonly string[] => {
      const part = text.split("\n\n").find((each) => each.startsWith("Who did what")) ?? "";
      return part
        .trim()
        .split("\n")
        .slice(1)
        .map((line) => line.trim());
    };
    const all = rows((await ask("--since", "1h")).stdout);
    expect(all.length).toBeGreaterThan(2);
    const { stdout } = await ask("--since", "1h", "--limit", "1");
    expect(stdout).toContain(`Who did what (${all.length})\n`);
    expect(rows(stdout)).toEqual([all[0] ?? "", `and ${all.length - 1} more, with --limit ${all.length}`]);
    const second = await ask("--since", "1h", "--limit", "1", "--offset", "1");
    expect(rows(second.stdout)[0]).toBe(all[1] ?? "");
    expect(second.stdout).toContain(`Who did what (${all.length})\n`);
    expect((await ask("--since", "1h", "--offset", "1000")).stdout).not.toContain("Who did what");
  });

  test("says since when a job is broken that failed before the period", async () => {
    const { stdout } = await ask("--since", new Date().toISOString());
    expect(stdout).toMatch(
      /^Failed, and still broken \(1\)\n {2}Load all orders \(breaks\) {2}1 failed run since .*, the last \S+ at .*\n {4}load: error: no such table: orders$/m,
    );
    expect(stdout).toContain("Failed, and recovered\n  No job failed and recovered.");
  });

  test("selects jobs by tag, and has the format of the API as JSON", async () => {
    const { stdout } = await ask("--since", "1h", "--tag", "etl", "--json");
    const review = JSON.parse(stdout);
    expect(review.broken.items.map((job: { job_id: string }) => job.job_id)).toEqual(["breaks"]);
    expect(review.recovered).toEqual({ items: [], left_out: 0 });
    expect(review.runs).toEqual({ completed: 0, failed: 1, cancelled: 0, interrupted: 0 });
  });

  test("names jobs, of which there must be one with the tags", async () => {
    const { body } = await request(running, "/api/review?since=1h");
    expect(body.broken.items).toMatchObject([{ job_id: "breaks", job_name: "Load all orders" }]);
    expect(body.people.items).toContainEqual(expect.objectContaining({ job_id: "heals", job_name: "heals" }));
    const unknown = await ask("--tag", "elt");
    expect(unknown).toMatchObject({ status: 2, stdout: "" });
    expect(unknown.stderr).toContain("no job has the tag 'elt'; did you mean 'etl'?");
    expect((await ask("--tag", "x")).stderr).toContain("no job has the tag 'x'; expected one of etl, nightly");
    expect((await ask("--tag", "etl,nightly")).stderr).toContain("no job has all of the tags 'etl', 'nightly'");
    const refused = await request(running, "/api/review?tag=elt");
    expect([refused.status, refused.body]).toMatchObject([
      404,
      {
        code: "NOT_FOUND",
        details: { reason: "no_job_has_tags", tags: ["elt"], suggestion: "etl", known: ["etl", "nightly"] },
      },
    ]);
  });

  test("reads days in the zone of the running petit, whatever the zone of the reader is", async () => {
    const environment = { PETIT_URL: running.url, TZ: "Pacific/Pago_Pago" };
    const { stdout } = await petit(["review", "--since", "friday", "--json"], { environment });
    const wall = new Intl.DateTimeFormat("en-US", {
      timeZone: "Pacific/Kiritimati",
      weekday: "long",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    expect(wall.format(JSON.parse(stdout).from)).toBe("Friday 00:00");
    const text = await petit(["review", "--since", "today"], { environment });
    expect(text.stdout).toMatch(/^\d{4}-\d\d-\d\d 00:00:00 GMT\+14 to now\n/);
    const own = await petit(["review", "--since", "today", "--timezone", "Asia/Tokyo"], { environment });
    expect(own.stdout).toMatch(/^\d{4}-\d\d-\d\d 19:00:00 GMT\+9 to now\n/);
  });

  test.each([
    [["--since", ""], "--since is ''; expected a duration such as 10m or 3d"],
    [["--since", "someday"], "--since is 'someday'; expected a duration such as 10m or 3d"],
    [["--limit", "1001"], "--limit is '1001'; expected a whole number from 1 to 1000"],
    [["--since", "1h", "--until", "2h"], "--since is '1h', which is not before '2h'"],
  ])("%j is refused", async (args, message) => {
    const { status, stderr } = await ask(...args);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("GET /api/review", () => {
  test.each(["friday", "today 00:00", "2w", "2026-01-01T10:00Z"])("reads since=%s", async (since) => {
    const { status, body } = await request(running, `/api/review?since=${encodeURIComponent(since)}`);
    expect([status, body.to > body.from]).toEqual([200, true]);
  });

  test("names the parameter that can't be read", async () => {
    const { status, body } = await request(running, "/api/review?since=1h&until=never");
    expect(status).toBe(400);
    expect(body.error).toContain("query parameter 'until': is 'never'; expected a duration");
  });
});
