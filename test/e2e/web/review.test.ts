import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const JOBS = `id: breaks
name: Load <i>orders</i>
tags: [etl]
tasks: [{id: load, type: shell, script: "echo 'error: <b>no</b> table' >&2; exit 1"}]
---
id: heals
tasks: [{id: only, type: shell, script: "test -e healed || { touch healed; exit 1; }"}]
`;

const DONE = 'tasks: [{id: only, type: command, command: "true"}]\n';

/** A zone in which it is about noon, so that today does not end during a test. */
const ZONE = `Etc/GMT${new Date().getUTCHours() < 12 ? "-" : "+"}${Math.abs(12 - new Date().getUTCHours())}`;

describe.skipIf(CHROMIUM === null)("the review", () => {
  let petit: Petit;
  beforeAll(async () => {
    petit = await startPetit({ jobs: { "all.yaml": JOBS } });
    for (const job of ["breaks", "breaks", "heals", "heals"]) await runToEnd(petit, job);
  }, 60_000);
  afterAll(() => petit[Symbol.asyncDispose](), 60_000);

  test("has its period and tag in the URL, and links to the runs", async () => {
    await using web = await openWeb({ url: petit.url });
    const { page } = web;
    await web.open("/review?since=friday&tag=etl");
    const broken = page.locator('[data-part="broken"]');
    await broken.getByText("load: error: <b>no</b> table").waitFor();
    expect(await broken.getByRole("link").first().getAttribute("href")).toBe("/jobs/breaks");
    expect(await broken.getByRole("link").first().textContent()).toBe("Load <i>orders</i>");
    expect(await broken.textContent()).toContain("2 failed runs, the last ");
    const [heading, title] = [await page.locator("h1").textContent(), await page.title()];
    expect(heading).toMatch(/^Review, \w{3} \d{1,2}(, \d{4})? – .*\d{1,2}, \d{4}$/);
    expect(title).toBe(`${heading} · petit`);
    expect(await page.locator('[data-part="recovered"]').textContent()).toContain("No job failed and recovered.");
    await page.getByLabel("Tag").selectOption("");
    await page.locator('[data-part="recovered"]').getByRole("link", { name: "heals" }).waitFor();
    const recovered = page.locator('[data-part="recovered"]');
    expect(await recovered.textContent()).toMatch(/recovered by [0-9a-f]{8} /);
    const people = page.locator('[data-part="people"]');
    expect(await people.getByRole("link").first().getAttribute("href")).toBe("/jobs/heals");
    expect(await page.locator(".page-head, header").last().textContent()).toMatch(/ to now, \w+, .*, \d{4}, \d\d:\d\d/);
    await page.getByLabel("or since").fill("3d");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/review?since=3d");
    await page.getByLabel("or since").fill("someday");
    await page.keyboard.press("Enter");
    expect(
      await page.getByLabel("or since").evaluate((field) => (field as HTMLInputElement).validationMessage),
    ).toContain("Expected a duration such as");
    expect(page.url()).toEndWith("/review?since=3d");
    expect(web.complaints()).toEqual([]);
    await web.open("/review?tag=elt");
    await page.getByText("No job has the tag 'elt'; did you mean 'etl'?", { exact: true }).waitFor();
    expect(await page.locator(".review-part").count()).toBe(0);
    expect(web.complaints()).toEqual(["404 /api/review"]);
  }, 60_000);

  test("shows more of a part on request, until all is there", async () => {
    const many = Array.from({ length: 260 }, (_, index) => `id: due_${index}\nschedule: "59 59 23 * * *"\n${DONE}`);
    await using crowded = await startPetit({ jobs: { "all.yaml": many.join("---\n") }, args: ["--timezone", ZONE] });
    await using web = await openWeb({ url: crowded.url });
    await web.open("/review");
    const due = web.page.locator('[data-part="due"]');
    const counts = async () => [await due.locator("h2").textContent(), await due.locator("li").count()];
    expect(await counts()).toEqual(["Due today 260", 50]);
    await due.getByText("and 210 more").waitFor();
    await due.getByRole("button", { name: "Show more" }).click();
    await due.getByText("and 10 more").waitFor();
    expect(await counts()).toEqual(["Due today 260", 250]);
    await due.getByRole("button", { name: "Show more" }).click();
    await becomes(counts, ["Due today 260", 260]);
    expect(await due.getByRole("button").count()).toBe(0);
    expect(new Set(await due.locator("li").allInnerTexts()).size).toBe(260);
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("is reached by the keyboard, clean for axe, and printed without navigation", async () => {
    await using web = await openWeb({ url: petit.url });
    const { page } = web;
    await web.open("/");
    await page.keyboard.press("g");
    await page.keyboard.press("v");
    await page.getByRole("heading", { name: "Review", level: 1 }).waitFor();
    await page.locator('[data-part="due"]').waitFor();
    for (const width of [390, 768, 1440]) {
      await page.setViewportSize({ width, height: 800 });
      expect(await web.axe()).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    }
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    expect(await page.locator(".shell-head").isVisible()).toBe(false);
    expect(await page.getByRole("button", { name: "Print" }).isVisible()).toBe(false);
    expect(await page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--text').trim()")).toBe(
      "#1c1c20",
    );
  }, 60_000);
});
