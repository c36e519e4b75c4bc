import { describe, expect, test } from "bun:test";
import { post, start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

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

const QUEUED = {
  "jobs.yaml": `
id: vacuum
queue: db
tasks: [{id: only, type: command, command: sleep, args: ["600"]}]
---
id: reindex
name: Rebuild indexes
queue: db
tasks: [{id: only, type: command, command: "true"}]
`,
};

describe.skipIf(CHROMIUM === null)("runs that wait in a queue", () => {
  test("name the queue or limit that they wait for in every view, and start when a place is free", async () => {
    await using petit = await startPetit({ jobs: QUEUED, args: ["--queue", "db=1"] });
    const first = await start(petit, "vacuum");
    const second = await start(petit, "reindex");
    await using web = await openWeb({ url: petit.url, viewport: { width: 390, height: 844 } });
    const { page } = web;
    const place = "a place in queue 'db' (1 of 1 is taken)";
    for (const path of ["/", "/runs", `/runs/${second}`]) {
      await web.open(path);
      await page.getByText(new RegExp(`wait(s|ing) for ${RegExp.escape(place)}`, "i")).waitFor();
      await becomes(() => page.evaluate("document.documentElement.scrollWidth"), 390);
      expect(await web.axe()).toEqual([]);
    }
    await web.open("/jobs/reindex");
    await page.getByText("Queue 'db' has no free place: 1 of 1 is taken, and 1 run waits for one.").waitFor();
    await web.open(`/runs/${second}`);
    await post(petit, `/api/runs/${first}/cancel`);
    await page.locator("[data-run-status=completed]").waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});
