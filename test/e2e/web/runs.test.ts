import { describe, expect, test } from "bun:test";
import type { Locator } from "playwright-core";
import { ask, post, runToEnd, start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const CAUSE =
  "decimal.InvalidOperation: row 48213: price 12,90 is not a number in file /srv/ledgers/emea/2026-11/29/invoices.csv";

const JOBS = {
  "jobs.yaml": `
id: good
tasks: [{id: only, type: command, command: "true"}]
---
id: bad
tasks: [{id: only, type: command, command: "false"}]
---
id: told
params: {region: {default: none}}
tasks: [{id: only, type: command, command: "true"}]
---
id: loud
name: Loud job
tasks: [{id: load, type: shell, script: "echo begin; echo 'Error: no such table' >&2; exit 3"}]
---
id: lengthy
name: Reconcile the ledgers of all the subsidiaries with the central warehouse
params: {day: {default: "2026-01-01"}, shop: {default: northern-europe-and-the-baltics}}
tasks: [{id: reconcile_with_the_central_warehouse, type: shell, script: "echo '${CAUSE}' >&2; exit 1"}]
---
id: long
tasks: [{id: only, type: command, command: sleep, args: ["600"]}]
`,
};

const PAGE = 50;

/** Returns the elements of a row of which a part is hidden, or beyond the page. */
const cutTexts = (row: Locator): Promise<readonly string[]> =>
  row.evaluate((element) =>
    [...element.querySelectorAll("td, td *")]
      .filter((each) => {
        const { left, right } = each.getBoundingClientRect();
        const isCut = each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX === "hidden";
        return isCut || left < 0 || right > innerWidth;
      })
      .map((each) => each.outerHTML),
  );

describe.skipIf(CHROMIUM === null)("the list of runs", () => {
  const running = sharedWeb(
    () => startPetit({ jobs: JOBS }),
    async (petit) => {
      for (let index = 0; index < PAGE; index++) await runToEnd(petit, "good");
      const bad = await runToEnd(petit, "bad");
      await post(petit, `/api/runs/${bad.id}/retry`);
      await runToEnd(petit, "bad");
    },
  );
  const count = async (rows: number): Promise<void> => {
    await running().web.page.waitForFunction(
      (expected) => document.querySelectorAll("main [data-row]").length === expected,
      rows,
    );
  };

  test("filters by status, job and trigger, and stores the filter in the URL", async () => {
    const { web } = running();
    const { page } = web;
    await web.open("/runs");
    await count(PAGE);
    await page.getByLabel("Status").selectOption("failed");
    await page.waitForURL("**/runs?status=failed");
    await count(3);
    expect(await page.locator("tbody").textContent()).toMatch(/exit.code/);
    await page.getByLabel("Trigger").selectOption("retry");
    await page.waitForURL("**/runs?status=failed&trigger=retry");
    await count(1);
    await page.goBack();
    await count(3);
    await page.getByLabel("Job", { exact: true }).fill("good");
    await page.waitForURL("**/runs?status=failed&job=good");
    await page.getByRole("button", { name: "Show all runs" }).click();
    await count(PAGE);
    await web.open("/runs?job=bad");
    await count(3);
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("pages to older runs, and back to the newest", async () => {
    const { web } = running();
    const { page } = web;
    await web.open("/runs");
    await count(PAGE);
    await page.getByRole("link", { name: "Older" }).click();
    await page.waitForURL("**/runs?before=*");
    await count(3);
    await becomes(() => page.getByRole("link", { name: "Older" }).count(), 0);
    await page.getByRole("link", { name: "Newest" }).click();
    await count(PAGE);
    await page.goBack();
    await count(3);
  }, 60_000);

  test("updates when a run starts and ends", async () => {
    const { petit, web } = running();
    const { page } = web;
    await web.open("/runs?job=long");
    await page.getByRole("heading", { name: "No matching runs" }).waitFor();
    await page.locator("[data-connection=connected]").waitFor();
    const runId = await start(petit, "long");
    await page.locator("tbody").getByText("running").waitFor();
    await post(petit, `/api/runs/${runId}/cancel`);
    await page.locator("tbody").getByText("cancelled").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/runs/${runId}`);
  }, 60_000);

  test("filters by text, param, time and excluded jobs with the keyboard alone", async () => {
    const { petit, web } = running();
    const { page } = web;
    const found = await runToEnd(petit, "told", { region: "eu-north" });
    await runToEnd(petit, "told", { region: "us" });
    await web.open("/runs");
    await page.keyboard.press("/");
    await page.keyboard.type("EU-NORTH");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/runs?text=EU-NORTH");
    await count(1);
    await becomes(() => page.locator("main [data-row]").getAttribute("href"), `/runs/${found.id}`);
    await page.getByLabel("Text").fill("");
    await page.getByLabel("Param").fill("region=us");
    await page.getByLabel("Param").press("Enter");
    await page.waitForURL("**/runs?param=region%3Dus");
    await count(1);
    await page.getByLabel("Except jobs").fill("told");
    await page.waitForURL("**/runs?param=region%3Dus&except=told");
    await page.getByRole("heading", { name: "No matching runs" }).waitFor();
    await web.open("/runs?job=told");
    await page.getByLabel("Created").selectOption("last hour");
    await page.waitForURL("**/runs?job=told&within=1h");
    await count(2);
    await page.getByLabel("Created").selectOption("from … to …");
    await page.getByLabel("To", { exact: true }).fill("2020-01-01T00:00");
    await page.getByLabel("From", { exact: true }).fill("2019-01-01T00:00");
    await page.keyboard.press("Enter");
    await page.waitForURL("**from=2019*");
    await page.getByRole("heading", { name: "No matching runs" }).waitFor();
    expect(await web.axe()).toEqual([]);
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("shows names of jobs, and the failed task with its last line, linked to the line", async () => {
    const { petit, web } = running();
    const { page } = web;
    await runToEnd(petit, "loud");
    await web.open("/runs?job=loud");
    await page.getByRole("link", { name: "Loud job" }).waitFor();
    const failure = page.getByRole("link", { name: "load Error: no such table" });
    await failure.click();
    await page.waitForURL("**?task=load#L2");
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("shows the whole cause and the link of each run on narrow pages", async () => {
    const { petit } = running();
    const { id } = await runToEnd(petit, "lengthy");
    await using web = await openWeb(petit);
    const { page } = web;
    const row = page.locator(".run-table tbody tr").filter({ has: page.locator(`a[href="/runs/${id}"]`) });
    for (const path of ["/runs", "/jobs/lengthy"]) {
      await web.open(path);
      for (const width of [1200, 1024, 768, 390]) {
        await page.setViewportSize({ width, height: 1024 });
        await becomes(async () => [path, width, await cutTexts(row)], [path, width, []]);
        await row.locator(`a[href="/runs/${id}"]`).click({ trial: true });
        expect(await row.locator(".run-table-failure").textContent()).toContain(CAUSE);
      }
    }
  }, 60_000);

  test("reports an unknown job", async () => {
    const { petit, web } = running();
    await web.open("/runs?job=nobody");
    await web.page.getByRole("alert").getByText("'nobody'").waitFor();
    expect((await ask(petit, "/api/jobs/nobody/runs")).status).toBe(404);
  }, 30_000);

  test("fits a phone", async () => {
    const { petit } = running();
    await using phone = await openWeb({ url: petit.url, viewport: { width: 375, height: 800 } });
    await phone.open("/runs");
    await becomes(() => phone.page.evaluate("document.documentElement.scrollWidth"), 375);
    expect(await phone.axe()).toEqual([]);
  }, 30_000);
});
