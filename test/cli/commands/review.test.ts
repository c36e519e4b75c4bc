import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CommandResult, petit } from "../../support/cli.ts";
import { ask as request, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: breaks
tags: [etl]
tasks: [{id: load, type: shell, script: "echo 'error: no such table: orders' >&2; exit 1"}]
---
id: heals
tasks: [{id: only, type: shell, script: "test -e healed || { touch healed; exit 1; }"}]
---
id: off
schedule: "0 3 1 1 *"
tasks: [{id: only, type: command, command: "true"}]
`;

let running: Petit;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
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
      /^Failed, and still broken \(1\)\n {2}breaks {2}1 failed run, \S+ at .*\n {4}load: error: no such table: orders$/m,
    );
    expect(stdout).toMatch(/^Failed, and recovered \(1\)\n {2}heals {2}1 failed run, .*; recovered by \S+ at /m);
    expect(stdout).toContain("Did not run\n  Each occurrence started a run.");
    expect(stdout).toContain("Became slower\n  No job took clearly longer than in the period before.");
    expect(stdout).toMatch(/^ {2}127\.0\.0\.1 {2}started heals 2 times, last at /m);
    expect(stdout).toMatch(/^ {2}127\.0\.0\.1 {2}paused off, at /m);
    expect(stdout).toContain("Due today\n");
  });

  test("selects jobs by tag, and has the format of the API as JSON", async () => {
    const { stdout } = await ask("--since", "1h", "--tag", "etl", "--json");
    const review = JSON.parse(stdout);
    expect(review.broken.items.map((job: { job_id: string }) => job.job_id)).toEqual(["breaks"]);
    expect(review.recovered).toEqual({ items: [], left_out: 0 });
    expect(review.runs).toEqual({ completed: 0, failed: 1, cancelled: 0, interrupted: 0 });
  });

  test.each([
    [["--since", "someday"], "--since is 'someday'; expected a duration such as 10m or 3d"],
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
