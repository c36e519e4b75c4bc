import { describe, expect, test } from "bun:test";
import { runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `id: load
tasks: [{id: extract, type: shell, script: "echo connecting to db-3; echo 'Connection refused <b>' >&2; echo giving up"}]
---
id: many
tasks: [{id: count, type: shell, script: "seq -f 'number %g' 120"}]
`,
};

describe.skipIf(CHROMIUM === null)("the search in the output", () => {
  test("is found from the palette and from Runs, and leads to the line in its log", async () => {
    await using petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
    const { id: runId } = await runToEnd(petit, "load");
    await using web = await openWeb(petit);
    const { page } = web;
    await page.goto(`${petit.url}/runs`);
    await page.getByRole("link", { name: "Search the output" }).click();
    await page.getByRole("heading", { name: "What are you looking for?" }).waitFor();
    const field = page.getByRole("searchbox", { name: "Text" });
    await field.fill("co");
    await field.press("Enter");
    await page.getByRole("heading", { name: "The text is too short" }).waitFor();
    await field.fill("connection REFUSED");
    await field.press("Enter");
    const line = page.locator("[data-found] a");
    await line.getByText("Connection refused <b>").waitFor();
    expect(await line.locator("mark").textContent()).toBe("Connection refused");
    expect(page.url()).toContain("/search?q=connection+REFUSED");
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [390, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        expect(await web.axe()).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      }
    }
    await line.click();
    await page.waitForURL(`${petit.url}/runs/${runId}?task=extract#L*`);
    await page.locator(".is-marked").getByText("Connection refused <b>").waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Find" }).fill("giving up");
    await page.getByRole("option", { name: "Output with “giving up”" }).click();
    await page.locator("[data-found]").getByText("giving up").first().waitFor();
  });

  test("selects, pages, and says what is wrong with an expression", async () => {
    await using petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
    await runToEnd(petit, "many");
    await runToEnd(petit, "load");
    await using web = await openWeb(petit);
    const { page } = web;
    await page.goto(`${petit.url}/search?q=number`);
    await page.locator("[data-found]").nth(49).waitFor();
    expect(await page.locator("[data-found]").first().getAttribute("data-found")).toBe("120");
    await page.getByRole("link", { name: "Older" }).click();
    await page.locator('[data-found="70"]').waitFor();
    await page.getByRole("link", { name: "Newest" }).click();
    await page.locator('[data-found="120"]').waitFor();
    const job = page.getByRole("combobox", { name: "Job", exact: true });
    await job.fill("load");
    await job.press("Enter");
    await page.getByRole("heading", { name: "No line contains this" }).waitFor();
    await page.goto(`${petit.url}/search?q=number+1%5B01%5D%24&regex=yes`);
    await page.locator('[data-found="11"]').waitFor();
    expect(await page.locator("[data-found]").count()).toBe(2);
    await page.goto(`${petit.url}/search?q=%5Cd%5Cd%5Cd&regex=yes`);
    await page.getByRole("alert").getByText("has no text of 3 or more characters").waitFor();
  });

  test("says that searches are off", async () => {
    await using petit = await startPetit({ jobs: JOBS, args: ["--no-watch", "--search-limit", "0"] });
    await using web = await openWeb(petit);
    await web.page.goto(`${petit.url}/search?q=number`);
    await web.page.getByRole("alert").getByText("Searches are off").waitFor();
  });
});
