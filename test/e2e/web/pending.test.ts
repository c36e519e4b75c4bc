import { describe, expect, test } from "bun:test";
import { start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `
id: first
tasks: [{id: only, type: command, command: sleep, args: ["600"]}]
---
id: ticking
schedule: "@every 1s"
max_concurrency: 1
on_overlap: queue
tasks: [{id: only, type: command, command: sleep, args: ["600"]}]
`,
};

describe.skipIf(CHROMIUM === null)("runs that wait for a slot", () => {
  test("are counted beside running runs and shown as queued", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await start(petit, "first");
    await using web = await openWeb(petit);
    const { page } = web;
    await web.open("/");
    const waiting = page.getByRole("region", { name: /^Running/ }).getByRole("link", { name: /^\d+ waiting$/ });
    await waiting.waitFor();
    expect(await web.axe()).toEqual([]);
    await waiting.click();
    await page.waitForURL("**/runs?status=pending");
    await page
      .getByRole("cell", { name: /^queued \d\d:\d\d:\d\d$/ })
      .first()
      .waitFor();
    await page.locator("tbody [data-row]").first().click();
    await page.locator("[data-run-status=pending]").getByText("Queued").waitFor();
    await web.open("/jobs/ticking");
    await page.getByText("No run has ended yet").waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});
