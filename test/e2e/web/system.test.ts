import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { type SharedWeb, sharedWeb } from "../../support/web/shared.ts";
import { becomes } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `
id: hello
schedule: "@hourly"
notify: [{type: webhook, url: "http://127.0.0.1:1/hook", on: [success]}]
tasks: [{id: only, type: command, command: "true"}]
`,
};

const BROKEN = `id: broken\nschedule: "61 * * * *"\ntaks: []\n`;

describe.skipIf(CHROMIUM === null)("the view of the system", () => {
  const running = sharedWeb(() =>
    startPetit({ jobs: JOBS, args: ["--max-jobs", "7", "--no-watch"], env: { PETIT_LOG_LEVEL: "debug" } }),
  );
  const opened = async (): Promise<SharedWeb> => {
    const shared = running();
    const { web } = shared;
    await web.open("/system");
    await web.page.locator("[data-connection=connected]").waitFor();
    return shared;
  };

  test("shows the facts of petit, and the source of each setting", async () => {
    const { petit, web } = await opened();
    const text = await web.page.locator("main").textContent();
    expect(text).toContain(petit.dbPath);
    expect(text).toContain(petit.jobsDir);
    expect(text).toContain((await ask(petit, "/api/health")).body.version);
    const setting = async (name: string): Promise<readonly string[]> =>
      web.page
        .getByRole("row", { name: new RegExp(`^${name} `) })
        .getByRole("cell")
        .allTextContents();
    expect((await setting("max_jobs")).slice(1, 3)).toEqual(["7", "--max-jobs"]);
    expect((await setting("log_level")).slice(1, 3)).toEqual(["debug", "PETIT_LOG_LEVEL"]);
    expect((await setting("max_tasks")).slice(1, 3)).toEqual(["4", "default"]);
  }, 60_000);

  test("shows the problems of job files with their positions after a reload", async () => {
    const { petit, web } = await opened();
    const { page } = web;
    await page.locator("[data-health=ok]").waitFor();
    writeFileSync(join(petit.jobsDir, "broken.yaml"), BROKEN);
    await page.getByRole("button", { name: "Reload job files" }).click();
    await page.locator("[data-health=degraded]").waitFor();
    const { problems } = (await ask(petit, "/api/system")).body;
    expect(problems.length).toBeGreaterThan(1);
    const table = page.getByRole("table", { name: "Problems in job files" });
    for (const { file, line, column, message } of problems) {
      const row = table.getByRole("row").filter({ hasText: `${file}:${line}:${column}` });
      expect(await row.textContent()).toContain(message);
    }
    await page.getByRole("link", { name: "Degraded" }).waitFor();
    expect(await web.axe()).toEqual([]);
    rmSync(join(petit.jobsDir, "broken.yaml"));
    await page.getByRole("button", { name: "Reload job files" }).click();
    await page.locator("[data-health=ok]").waitFor();
    await becomes(() => table.count(), 0);
  }, 60_000);

  test("pauses the scheduler, and shows when another client resumes it", async () => {
    const { petit, web } = await opened();
    const { page } = web;
    await page.getByRole("button", { name: "Pause the scheduler" }).click();
    await page.getByRole("heading", { name: "The scheduler is paused" }).waitFor();
    await page.locator('[data-scheduler=paused][title="Paused by 127.0.0.1"]').waitFor();
    await page.getByText(/^Paused since .* by 127\.0\.0\.1\.$/).waitFor();
    expect((await ask(petit, "/api/scheduler/state")).body.state).toBe("paused");
    expect(await web.axe()).toEqual([]);
    await petit.fetch("/api/scheduler/resume", { method: "POST" });
    await page.getByRole("heading", { name: "The scheduler is running" }).waitFor();
    await page.locator("[data-scheduler]").waitFor({ state: "detached" });
  }, 60_000);

  test("shows undelivered notifications", async () => {
    const { petit, web } = await opened();
    const { page } = web;
    const { id } = await runToEnd(petit, "hello");
    await page.locator(`main a[href="/runs/${id}"]`).waitFor();
    const row = page.getByRole("row").filter({ has: page.locator(`a[href="/runs/${id}"]`) });
    expect(await row.textContent()).toMatch(/waiting\s*success\s*hello\s*webhook http:\/\/127\.0\.0\.1/);
    expect(await web.axe()).toEqual([]);
  }, 60_000);

  test("explains why petit refused an action", async () => {
    const { web } = await opened();
    const { page } = web;
    await page.route("**/api/scheduler/pause", (route) =>
      route.fulfill({ status: 503, json: { error: "petit is stopping", code: "SERVICE_UNAVAILABLE" } }),
    );
    await page.getByRole("button", { name: "Pause the scheduler" }).click();
    const notice = page.getByRole("region", { name: "Notices" });
    await notice.getByText("petit is stopping.").waitFor();
    expect(await notice.textContent()).toContain("The scheduler was not changed");
    expect(await web.axe()).toEqual([]);
    await notice.getByRole("button", { name: "Dismiss" }).click();
    await notice.getByText("petit is stopping.").waitFor({ state: "detached" });
    await page.unroute("**/api/scheduler/pause");
  }, 60_000);
});
