import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `
id: import
name: Import orders
tasks:
  - {id: fetch, type: command, command: "true"}
  - {id: load, type: shell, script: 'echo "UniqueViolation: duplicate key" >&2; exit 3', depends_on: [fetch]}
  - {id: tidy, type: shell, depends_on: [load], condition: all_done, script: 'for i in $(seq 300); do echo "removed $i"; done'}
---
id: fickle
params: {works: {default: "no"}}
tasks: [{id: check, type: shell, script: '[ "$PETIT_PARAM_WORKS" = yes ] || { echo "connect ECONNREFUSED" >&2; exit 7; }'}]
---
id: hooked
notify: [{type: webhook, url: "http://127.0.0.1:1/hook"}]
tasks: [{id: only, type: command, command: "false"}]
`,
  "fine.yaml": "id: fine\ntasks: [{id: only, type: command, command: 'true'}]\n",
};

/** Other kinds than a test can produce quickly. */
const SLOW_KINDS = [
  {
    kind: "job_stale",
    severity: "error",
    since: 1_767_225_600_000,
    message: "stale",
    job_id: "import",
    run_id: null,
    success_within_ms: 93_600_000,
    last_success_at: 1_767_117_600_000,
    waited_ms: 108_000_000,
  },
  {
    kind: "run_stuck",
    severity: "warning",
    since: 1_767_225_600_000,
    message: "stuck",
    job_id: "import",
    run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
    task_id: "load",
    elapsed_ms: 7_380_000,
    usual_ms: 245_000,
  },
  {
    kind: "run_late",
    severity: "warning",
    since: 1_767_225_600_000,
    message: "late",
    job_id: "import",
    run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f61",
    count: 3,
    waited_ms: 725_000,
    waits_for: { code: "queue", queue: "db", limit: 2, running: 2, ahead: 0 },
  },
  {
    kind: "notifications_undelivered",
    severity: "error",
    since: 1_767_225_600_000,
    message: "undelivered",
    job_id: "import",
    run_id: null,
    type: "webhook",
    target: "https://chat.example.com/***",
    count: 2,
    error: "connection refused",
  },
  {
    kind: "lost_processes",
    severity: "warning",
    since: 1_767_225_600_000,
    message: "process 4711 of job 'import' still runs",
    job_id: null,
    run_id: null,
    count: 1,
    processes: [{ pid: 4_711, job_id: "import", run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f62" }],
  },
  {
    kind: "of_the_future",
    severity: "error",
    since: 1_767_225_600_000,
    message: "a new kind of problem",
    job_id: null,
    run_id: null,
  },
];

const COUNTS = {
  job_failing: 0,
  job_flapping: 0,
  job_stale: 1,
  run_stuck: 1,
  run_late: 1,
  approval_needed: 0,
  notifications_undelivered: 1,
  lost_processes: 1,
  job_file_broken: 0,
};

describe.skipIf(CHROMIUM === null)("what needs attention", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));
  const item = (page: Page, kind: string) => page.locator(`[data-kind="${kind}"]`);

  test("is one quiet line while nothing does", async () => {
    await using petit = await startPetit({ jobs: { "fine.yaml": JOBS["fine.yaml"] } });
    await using web = await openWeb(petit);
    await web.open("/");
    await web.page.getByText("Nothing needs attention.").waitFor();
    expect(await web.page.locator(".attention").count()).toBe(0);
  }, 60_000);

  test("appears with count, task and last error line when a job fails, and disappears when it works again", async () => {
    const { petit, web, page } = running();
    await web.open("/");
    await page.getByText("Nothing needs attention.").waitFor();
    await runToEnd(petit, "fickle");
    await runToEnd(petit, "fickle");
    const row = item(page, "job_failing").filter({ hasText: "fickle" });
    await row.getByText("failed 2 times in a row").waitFor();
    await row.filter({ hasText: /since .*check.*exit code 7.*connect ECONNREFUSED/ }).waitFor();
    await runToEnd(petit, "fickle", { works: "yes" });
    await row.waitFor({ state: "detached" });
    await page.getByText("Nothing needs attention.").waitFor();
  }, 60_000);

  test.each([
    { width: 1440, height: 900 },
    { width: 1024, height: 768 },
    { width: 390, height: 844 },
  ])(
    "leads with one click and no scrolling to the line that explains, at $width px",
    async (viewport) => {
      const { petit } = running();
      const { id } = await runToEnd(petit, "import");
      await using web = await openWeb({ url: petit.url, viewport });
      const { page } = web;
      await page.addInitScript("localStorage.setItem('petit.welcomed', 'yes')");
      await web.open("/");
      const row = item(page, "job_failing").filter({ hasText: "Import orders" });
      await row.getByText("UniqueViolation: duplicate key").waitFor();
      await row.getByRole("link", { name: "Log of import" }).click();
      await page.waitForURL(`**/runs/${id}?task=load#L1`);
      const line = page.locator(".run-failure").getByText("UniqueViolation: duplicate key");
      await line.waitFor();
      const box = await line.boundingBox();
      expect((box?.y ?? viewport.height) + (box?.height ?? 0)).toBeLessThan(viewport.height);
      expect(await page.evaluate("scrollY")).toBe(0);
      expect(web.complaints()).toEqual([]);
    },
    60_000,
  );

  test("offers to retry the failed run", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "import");
    await web.open("/");
    await page.getByRole("button", { name: "Retry import" }).click();
    await page.getByRole("dialog", { name: `Retry Import orders, run ${id.slice(-8)}` }).waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Retry" }).click();
    await page.waitForURL((url) => url.pathname.startsWith("/runs/") && !url.pathname.endsWith(id));
    expect((await ask(petit, `/api/runs/${id}`)).body.retried_by).toHaveLength(1);
  }, 60_000);

  test("includes broken files, and leads to their problems", async () => {
    const { petit, web, page } = running();
    const file = join(petit.jobsDir, "typo.yaml");
    writeFileSync(file, "id: typo\ntasks: [{id: only, type: comand, command: x}]\n");
    await post(petit, "/api/jobs/reload");
    await web.open("/");
    const row = item(page, "job_file_broken");
    expect(await row.textContent()).toMatch(/typo\.yaml:2:\d+.*problem.*comand/);
    await row.getByRole("link", { name: "Problems" }).click();
    await page.waitForURL("**/system#problems");
    await page.locator("#problems").getByText("comand").first().waitFor();
    rmSync(file);
    await post(petit, "/api/jobs/reload");
  }, 60_000);

  test("includes notifications that could not be delivered, and leads to them", async () => {
    const { petit, web, page } = running();
    await runToEnd(petit, "hooked");
    await web.open("/");
    const row = item(page, "notifications_undelivered");
    await row.getByText("1 notification not delivered").waitFor();
    expect(await row.textContent()).toMatch(/hooked.*since .*webhook http:\/\/127\.0\.0\.1:1/);
    await row.getByRole("link", { name: "Notifications" }).click();
    await page.waitForURL("**/system#notifications");
    await page.locator("#notifications").getByText("hooked").first().waitFor();
  }, 90_000);

  test("includes stuck and late runs, undelivered notifications, and kinds that the page does not know", async () => {
    const { petit } = running();
    await using web = await openWeb(petit);
    const { page } = web;
    await page.route("**/api/attention", (route) =>
      route.fulfill({ json: { items: SLOW_KINDS, count: SLOW_KINDS.length, counts: COUNTS } }),
    );
    await web.open("/");
    await item(page, "run_stuck").getByText("has been running for 2h 03m, usually 4m 05s").waitFor();
    await item(page, "run_stuck").getByRole("link", { name: "Log of import" }).waitFor();
    await item(page, "run_stuck").getByRole("button", { name: "Cancel import" }).waitFor();
    await item(page, "job_stale")
      .getByText("no run has completed for 1d 06h, although one is expected within 1d2h")
      .waitFor();
    await item(page, "run_late").getByText("3 runs waiting, the first for 12m 05s").waitFor();
    await item(page, "run_late").getByText("waits for a place in queue 'db' (2 of 2 are taken)").waitFor();
    await item(page, "notifications_undelivered").getByText("2 notifications not delivered").waitFor();
    await item(page, "lost_processes").getByText("does not know 1 process group that still runs").waitFor();
    await item(page, "lost_processes").getByText("process 4711 of job 'import' still runs").waitFor();
    await item(page, "of_the_future").getByText("a new kind of problem").waitFor();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await web.axe()).toEqual([]);
    }
    await becomes(() => page.evaluate("document.documentElement.scrollWidth"), 1280);
    await page.setViewportSize({ width: 375, height: 740 });
    await becomes(() => page.evaluate("document.documentElement.scrollWidth"), 375);
    expect(await web.axe()).toEqual([]);
  }, 60_000);
});

describe.skipIf(CHROMIUM === null)("failed runs by job", () => {
  const prepare = async (petit: Petit): Promise<void> => {
    for (let index = 0; index < 3; index++) await runToEnd(petit, "import");
    // Failures and successes in turn.
    for (let index = 0; index < 6; index++) {
      await runToEnd(petit, "fickle", { works: index % 2 === 0 ? "no" : "yes" });
    }
  };
  const running = sharedWeb(() => startPetit({ jobs: JOBS }), prepare);

  test("fold the runs of a job, say how the job does now, and show the last error line", async () => {
    const { web, page } = running();
    await web.open("/runs?status=failed&group=job&within=24h");
    await page.getByText("6 runs of 2 jobs in the last 24 hours").waitFor();
    const [failing, fickle] = [page.locator("[data-job-group=import]"), page.locator("[data-job-group=fickle]")];
    await failing.getByText("still failing").waitFor();
    await failing.getByText("UniqueViolation: duplicate key").waitFor();
    await fickle.getByText("on and off: 3 of the last 6").waitFor();
    expect(await page.locator(".run-table").count()).toBe(0);
    expect(await web.axe()).toEqual([]);
    await fickle.getByRole("button", { name: "3 runs of fickle" }).click();
    await becomes(() => fickle.locator("tbody tr").count(), 3);
    expect(await web.axe()).toEqual([]);
    await failing.getByRole("link", { name: "Log of Import orders" }).click();
    await page.waitForURL("**/runs/*-*");
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});
