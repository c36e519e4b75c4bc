import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { becomes, loaded, openWeb } from "../../support/web/web.ts";

const TASKS = Array.from(
  { length: 120 },
  (_, at) => `  - {id: task_${at}, type: shell, script: exit ${at === 77 ? 3 : 0}}`,
);
const JOBS = { "jobs.yaml": `id: many\ntasks:\n${TASKS.join("\n")}\n` };

const groundOf = (page: Page): Promise<unknown> => page.evaluate("getComputedStyle(document.body).backgroundColor");

/** Chooses the zone of all times, and waits for the new page: a question to a page that is being replaced may never be answered. */
const chooseTimes = async (page: Page, zone: string): Promise<void> => {
  const reloaded = page.waitForEvent("load");
  await page.getByLabel("Times").selectOption(zone);
  await reloaded;
  await loaded(page);
};

const [LIGHT, DARK] = ["rgb(250, 250, 249)", "rgb(19, 19, 22)"] as const;

describe.skipIf(CHROMIUM === null)("the page of this browser", () => {
  test("has the theme that was chosen, from its first frame and after a reload", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await using web = await openWeb({ url: petit.url });
    const { page } = web;
    await web.open("/system");
    expect(await groundOf(page)).toBe(LIGHT);
    await page.getByLabel("Theme").selectOption("dark");
    await becomes(() => groundOf(page), DARK);
    expect(await web.axe()).toEqual([]);
    await page.reload();
    await loaded(page);
    expect(await groundOf(page)).toBe(DARK);
    expect(await page.content()).toContain('blocking="render"');
    await page.emulateMedia({ colorScheme: "dark" });
    await page.getByLabel("Theme").selectOption("light");
    await becomes(() => groundOf(page), LIGHT);
    await page.getByLabel("Theme").selectOption("system");
    await becomes(() => groundOf(page), DARK);
    // On paper, every theme is light.
    for (const theme of ["system", "dark"]) {
      await page.getByLabel("Theme").selectOption(theme);
      await becomes(() => groundOf(page), DARK);
      await page.emulateMedia({ media: "print" });
      await becomes(() => groundOf(page), LIGHT);
      expect(await page.evaluate("getComputedStyle(document.documentElement).colorScheme")).toBe("light");
      await page.emulateMedia({ media: "screen" });
    }
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("shows all times in UTC if that was chosen", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await using web = await openWeb(petit);
    const { page } = web;
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setTimezoneOverride", { timezoneId: "Asia/Kathmandu" });
    await web.open("/system");
    await chooseTimes(page, "utc");
    await becomes(() => page.getByLabel("Times").inputValue(), "utc");
    const { started_at } = (await ask(petit, "/api/system")).body;
    const utc = new Date(started_at).toISOString().slice(11, 19);
    await page.locator("main time").getByText(utc).first().waitFor();
    await chooseTimes(page, "local");
    await becomes(() => page.locator("main time").getByText(utc).count(), 0);
  }, 60_000);
});

describe.skipIf(CHROMIUM === null)("the page of a job with many tasks", () => {
  test("has links to its parts, says when it changed, and finds tasks and failures", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await runToEnd(petit, "many");
    const { version } = (await ask(petit, "/api/jobs/many")).body;
    await using web = await openWeb({ url: petit.url, viewport: { width: 390, height: 844 } });
    const { page } = web;
    await web.open("/jobs/many");
    await page.getByText(`Version ${version}, since`).waitFor();
    const rows = page.locator("[data-history]");
    await becomes(() => rows.count(), 60);
    await page.getByRole("checkbox", { name: "Only failures" }).check();
    await becomes(() => rows.allTextContents().then((all) => all.map((text) => text.slice(0, 7))), ["task_77"]);
    await page.getByRole("checkbox", { name: "Only failures" }).uncheck();
    await page.getByRole("searchbox", { name: "Filter tasks" }).fill("TASK_11");
    await becomes(() => rows.count(), 11);
    const links = page.getByRole("navigation", { name: "Parts of this page" }).getByRole("link");
    for (const name of ["History", "Tasks", "Graph", "Settings", "Definition"]) {
      await links.getByText(name, { exact: true }).press("Enter");
      await page.waitForURL(/#/);
      const id = new URL(page.url()).hash;
      await becomes(async () => {
        const top = Number(await page.locator(id).evaluate((part) => part.getBoundingClientRect().top));
        return top >= 0 && top < 844;
      }, true);
    }
    expect(await web.axe()).toEqual([]);
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});
