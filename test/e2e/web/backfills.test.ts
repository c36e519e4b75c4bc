import { describe, expect, test } from "bun:test";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";

const JOBS = {
  "jobs.yaml": `
id: daily
schedule: {cron: "0 6 * * *", timezone: Europe/Paris}
params: {table: {default: all, enum: [all, orders]}}
tasks: [{id: load, type: shell, script: 'while [ ! -e "$GO" ]; do sleep 0.05; done', environment: {GO: "\${{ params.table }}"}}]
`,
};

describe.skipIf(CHROMIUM === null)("backfills", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));

  test("are started on the page of a job, followed, paused and cancelled, with the keyboard alone", async () => {
    const { web, page } = running();
    await web.open("/backfills");
    await page.getByRole("heading", { name: "No backfill yet" }).waitFor();
    await web.open("/jobs/daily");
    await page.getByRole("button", { name: "Run for the past" }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Run daily for the past" });
    await dialog.getByText("Both days are included, in Europe/Paris.").waitFor();
    await dialog.getByLabel("From").fill("2025-03-01");
    await dialog.getByLabel("To", { exact: true }).fill("2025-02-01");
    await dialog.getByText("The first day is after the last one.").waitFor();
    await dialog.getByLabel("To", { exact: true }).fill("2025-03-31");
    await dialog.getByText("31 runs would be made.").waitFor();
    await dialog.getByLabel("Runs at once").fill("2");
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await web.axe()).toEqual([]);
    }
    await dialog.getByRole("button", { name: "Start backfill" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/backfills/*");
    await page.getByRole("heading", { name: "Backfill of daily" }).waitFor();
    const progress = page.getByRole("region", { name: "Progress" });
    await progress.getByText("0 of 31 done, 2 running", { exact: true }).waitFor();
    const rows = page.getByRole("region", { name: "Newest runs" }).locator("tbody tr");
    await rows.nth(1).waitFor();
    expect(await rows.count()).toBe(2);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await web.axe()).toEqual([]);
    }
    await page.getByRole("button", { name: "Pause" }).focus();
    await page.keyboard.press("Enter");
    await progress.getByText("paused", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Resume" }).waitFor();
    await page.getByRole("button", { name: "Cancel", exact: true }).focus();
    await page.keyboard.press("Enter");
    const asked = page.getByRole("dialog", { name: "Cancel the backfill of daily?" });
    await asked.getByText("2 runs that are running will be cancelled. 29 occurrences will not be run.").waitFor();
    await asked.getByRole("button", { name: "Cancel the backfill" }).focus();
    await page.keyboard.press("Enter");
    await progress.getByText("31 of 31 done, 31 cancelled", { exact: true }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("b");
    await page.getByRole("heading", { name: "Backfills", exact: true }).waitFor();
    await page
      .getByRole("row", { name: /cancelled/ })
      .getByText("31 of 31 done, 31 cancelled")
      .waitFor();
    expect(await web.axe()).toEqual([]);
    await web.open("/jobs/daily");
    const ofJob = page.getByRole("region", { name: "Backfills", exact: true }).first();
    await ofJob.getByRole("link").first().waitFor();
    await page.getByRole("region", { name: "Backfills", exact: true }).first().getByRole("link").first().click();
    await rows.first().getByRole("link").last().click();
    await page.getByText("Interval from").waitFor();
    await page.getByText("by a backfill").first().waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});
