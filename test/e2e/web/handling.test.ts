import { describe, expect, test } from "bun:test";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `
id: load
name: Load orders
tasks: [{id: copy, type: shell, script: "echo 'psycopg2.OperationalError: connection refused' >&2; exit 1"}]
`,
};

describe.skipIf(CHROMIUM === null)("what needs attention", () => {
  test("is acknowledged by keyboard, folded with a count, and taken back", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await runToEnd(petit, "load");
    await using web = await openWeb(petit);
    const { page } = web;
    await web.open("/");
    await page.getByRole("button", { name: "Acknowledge or snooze load" }).focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("Owner").fill("mara");
    await page.getByLabel("Note").fill("<b>known</b>");
    await page.getByRole("button", { name: "Save" }).press("Enter");
    const folded = page.getByText("1 acknowledged or snoozed");
    await folded.waitFor();
    const { body } = await ask(petit, "/api/attention");
    expect(body.items[0]).toMatchObject({
      owner: "mara",
      note: "<b>known</b>",
      acknowledged: { by: expect.any(String) },
    });
    await folded.press("Enter");
    await page.getByText(/Acknowledged by .*; owner mara; <b>known<\/b>/).waitFor();
    const said = /Acknowledged by .*; owner mara; <b>known<\/b>/;
    await web.open("/jobs/load");
    await page.getByText(new RegExp(`Failed: a${said.source.slice(1)}`)).waitFor();
    await web.open("/");
    await folded.press("Enter");
    await page.getByRole("button", { name: "Take back: load" }).press("Enter");
    await page.getByRole("button", { name: "Acknowledge or snooze load" }).waitFor();
  }, 60_000);

  test("leads from the short id of a run to the run", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    const { id } = await runToEnd(petit, "load");
    await using web = await openWeb(petit);
    await web.open(`/runs/${id.slice(-8)}`);
    await web.page.waitForURL(`**/runs/${id}`);
    await web.open("/runs/0000");
    await web.page.getByRole("heading", { name: "Run not found" }).waitFor();
  }, 60_000);

  test("says what another person has done since the dialog was opened, and replaces it only if asked again", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await runToEnd(petit, "load");
    await using web = await openWeb({ url: petit.url, viewport: { width: 390, height: 844 } });
    const { page } = web;
    await web.open("/");
    await page.getByRole("button", { name: "Acknowledge or snooze load" }).press("Enter");
    await page.getByLabel("Note").fill("mine");
    await post(petit, "/api/attention/job_failing:load/acknowledge", { owner: "mara", note: "theirs" });
    const itemOf = async () => (await ask(petit, "/api/attention")).body.items[0];
    await page.getByRole("button", { name: "Save" }).press("Enter");
    await page.getByText(/^Somebody was faster\. It is now: acknowledged by .*; owner mara; theirs\./).waitFor();
    expect(await itemOf()).toMatchObject({ owner: "mara", note: "theirs" });
    expect([await page.getByLabel("Owner").inputValue(), await page.getByLabel("Note").inputValue()]).toEqual([
      "mara",
      "mine",
    ]);
    expect(await web.axe()).toEqual([]);
    await page.getByRole("button", { name: "Save anyway" }).press("Enter");
    await becomes(async () => (await itemOf()).note, "mine");
    expect(await itemOf()).toMatchObject({ owner: "mara" });
  }, 60_000);

  test.each([
    { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
    { viewport: { width: 1440, height: 900 }, colorScheme: "light" },
  ] as const)(
    "is snoozed for any time by keyboard alone, at %o",
    async (display) => {
      await using petit = await startPetit({ jobs: JOBS });
      await runToEnd(petit, "load");
      await using web = await openWeb({ url: petit.url, ...display });
      const { page } = web;
      await web.open("/");
      const open = page.getByRole("button", { name: "Acknowledge or snooze load" });
      await open.focus();
      await page.keyboard.press("Enter");
      const choice = page.getByLabel("What to do");
      await choice.focus();
      await page.keyboard.press("End");
      const time = page.getByLabel("For how long, or until when");
      await page.keyboard.press("Tab");
      await becomes(() => time.evaluate((field) => field === document.activeElement), true);
      await page.keyboard.type("soon");
      await page.keyboard.press("Enter");
      await page.getByText(/^Expected a duration such as 2h or 3d/).waitFor();
      expect(await time.getAttribute("aria-invalid")).toBe("true");
      expect(await web.axe()).toEqual([]);
      expect((await ask(petit, "/api/attention")).body.items[0].snoozed).toBeNull();
      await page.keyboard.press("Control+a");
      await page.keyboard.type("2099-01-01");
      await page.getByText(/^Until .*2099/).waitFor();
      await page.keyboard.press("Enter");
      await page.getByText(/is more than a year away/).waitFor();
      await time.fill("3h");
      await page.getByText(/^Until /).waitFor();
      await page.keyboard.press("Enter");
      await page.getByText("1 acknowledged or snoozed").waitFor();
      await becomes(() => page.getByRole("dialog").count(), 0);
      const { snoozed } = (await ask(petit, "/api/attention")).body.items[0];
      expect(Math.round((snoozed.until - snoozed.at) / 60_000)).toBe(180);
      expect(await web.axe()).toEqual([]);
    },
    60_000,
  );

  test("shows the error line of the first entry on the first screen of a phone", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await runToEnd(petit, "load");
    await using web = await openWeb(petit);
    await web.page.setViewportSize({ width: 390, height: 844 });
    await web.open("/");
    const line = web.page.locator(".attention-line").first();
    await line.waitFor();
    const box = await line.boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThan(844);
  }, 60_000);
});
