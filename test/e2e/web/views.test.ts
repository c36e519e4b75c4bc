import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { VIEWS } from "../../support/web/views.ts";
import { openWeb, type Web } from "../../support/web/web.ts";

/** Long names and lines, which do not fit on a narrow screen. */
const JOBS = {
  "jobs.yaml": `
id: hello
name: Hello
description: "A job with a link-like text, http://example.com/a/very/long/path/without/any/place/to/break/it/at/all"
schedule: {cron: "0 3 * * *", timezone: Asia/Kathmandu}
params: {day: {default: "2026-01-01", description: "Which day"}}
tasks:
  - {id: first, type: command, command: echo, args: ["${"wide ".repeat(60)}"]}
  - {id: second_task_with_a_long_name_that_has_no_space_in_it_at_all, type: shell, script: "exit 3", depends_on: [first]}
  - {id: third, type: command, command: "true", depends_on: [first], condition: all_done}
---
id: a_job_with_a_long_id.which_goes_on-and_on_and_on_and_on.until_it_is_as_long_as_an_id_may_be
schedule: "@every 10m"
tasks: [{id: only, type: command, command: "true"}]
`,
};

const SIZES = [
  { size: "desktop", width: 1280, height: 800 },
  { size: "phone", width: 375, height: 740 },
] as const;

describe.skipIf(CHROMIUM === null).each([...VIEWS])("the view $name", ({ path, heading }) => {
  let [petit, web]: [Petit?, Web?] = [];
  const opened = async (): Promise<Web> => {
    if (web === undefined) throw new Error("not started");
    await web.open(address);
    return web;
  };
  let address = "";
  beforeAll(async () => {
    petit = await startPetit({ jobs: JOBS });
    [web, address] = await Promise.all([
      openWeb(petit),
      runToEnd(petit, "hello").then(({ id }) => path({ jobId: "hello", runId: id })),
    ]);
  }, 60_000);
  afterAll(async () => {
    for (const each of [web, petit]) await each?.[Symbol.asyncDispose]();
  }, 60_000);

  test("opens by its URL and after a reload without errors", async () => {
    const { page, complaints } = await opened();
    expect(await page.locator("h1").textContent()).toMatch(heading);
    expect(await page.title()).toMatch(/ · petit$/);
    await page.reload();
    await page.locator("[data-connection=connected]").waitFor();
    expect(await page.locator("h1").textContent()).toMatch(heading);
    expect(complaints()).toEqual([]);
  }, 60_000);

  for (const { size, ...viewport } of SIZES) {
    for (const colorScheme of ["light", "dark"] as const) {
      test(`passes axe-core on a ${size}, ${colorScheme}`, async () => {
        const { page, axe } = await opened();
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
        await opened();
        expect(await axe()).toEqual([]);
      }, 60_000);
    }
  }

  test.each([375, 1280, 3840])(
    "fits a screen of %d px",
    async (width) => {
      const { page } = await opened();
      await page.setViewportSize({ width, height: 1000 });
      await opened();
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      // The content uses at least half of the width.
      expect(await page.evaluate("document.querySelector('main > *').getBoundingClientRect().width")).toBeGreaterThan(
        width / 2,
      );
    },
    60_000,
  );
});
