import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const LINES = 60_000;

/** Two errors far apart in a long output, with much after the last one. */
const JOBS = {
  "jobs.yaml": `
id: import
name: Import orders
tasks:
  - id: load
    type: shell
    script: |
      awk 'BEGIN { for (i = 1; i <= ${LINES}; i++) print (i == 700 ? "tar: data.csv: Cannot open: Permission denied" : i == 52000 ? "FATAL: could not connect to server db-7: Connection refused" : i % 20000 == 0 ? "checkpoint " i : "row r" i " of the file that is imported, with a text that is wider than the screen of a phone") }'
      exit 1
---
id: tidy
tasks: [{id: only, type: shell, script: "seq 30000"}]
---
id: growing
params: {gate: {required: true}}
tasks: [{id: only, type: shell, script: 'echo "match 1"; echo other; until [ -e "$PETIT_PARAM_GATE" ]; do sleep 0.05; done; echo "match 2"; echo "error: it broke" >&2'}]
`,
};

const row = (page: Page, seq: number) => page.locator(`.log-row[data-seq="${seq}"]`);
const errorCount = (page: Page) => page.locator(".log-errors output");
const isInView = async (page: Page, seq: number): Promise<boolean> => {
  const [line, log] = [await row(page, seq).boundingBox(), await page.locator(".log-scroll").boundingBox()];
  if (line === null || log === null) return false;
  return line.y >= log.y && line.y + line.height <= log.y + log.height;
};

describe.skipIf(CHROMIUM === null)("reading a log", () => {
  let failed = "";
  let fine = "";
  const running = sharedWeb(
    () => startPetit({ jobs: JOBS }),
    async (petit) => {
      failed = (await runToEnd(petit, "import")).id;
      fine = (await runToEnd(petit, "tidy")).id;
    },
  );
  const openLog = async (runId: string, more = ""): Promise<void> => {
    const { web, page } = running();
    await web.open(`/runs/${runId}${more}`);
    await page.locator("[data-log]:not([data-log=loading])").waitFor();
  };

  test("begins at the line that explains the failure, which is marked, far from the end", async () => {
    const { web, page } = running();
    await openLog(failed);
    await page.locator('.log-row.is-cause[data-seq="52000"]', { hasText: "cause" }).waitFor();
    await becomes(() => isInView(page, 52_000), true);
    expect(await page.evaluate("scrollY")).toBe(0);
    expect(await web.axe()).toEqual([]);
  }, 60_000);

  test("goes to the next and the previous error with e and E, from the lines that are visible, and around the end", async () => {
    const { page } = running();
    await openLog(failed);
    await becomes(() => isInView(page, 52_000), true);
    await page.keyboard.press("E");
    await becomes(() => isInView(page, 700), true);
    await becomes(() => errorCount(page).textContent(), "1 of 2");
    await page.keyboard.press("e");
    await becomes(() => isInView(page, 52_000), true);
    await page.getByRole("button", { name: "Next error" }).click();
    await becomes(() => isInView(page, 700), true);
    await page.locator(".log-scroll").evaluate((each) => {
      each.scrollTop = each.scrollHeight / 2;
    });
    await row(page, LINES / 2).waitFor();
    await page.getByRole("button", { name: "Previous error" }).click();
    await becomes(() => isInView(page, 700), true);
    await page.getByLabel("Stream").selectOption("stderr");
    await page.getByText("No output.").waitFor();
    await page.keyboard.press("e");
    await becomes(() => errorCount(page).textContent(), "none");
  }, 60_000);

  test("says that a log without errors has none", async () => {
    const { page } = running();
    await openLog(fine);
    await row(page, 1).waitFor();
    await page.keyboard.press("e");
    await becomes(() => errorCount(page).textContent(), "none");
    expect(await row(page, 1).count()).toBe(1);
  }, 60_000);

  test("shows only the lines that match, in any number, and all of them again after Escape", async () => {
    const { web, page } = running();
    await openLog(failed);
    const [field, only] = [page.getByLabel("Search the log"), page.getByRole("button", { name: "Only matches" })];
    await page.keyboard.press("/");
    await page.keyboard.type("checkpoint");
    await page.getByText("1 of 3").waitFor();
    await only.click();
    await becomes(
      () => page.locator(".log-row .log-text").allTextContents(),
      [1, 2, 3].map((each) => `checkpoint ${each * 20_000}`),
    );
    expect(await page.locator(".log-row mark").count()).toBe(3);
    expect(await web.axe()).toEqual([]);
    await field.press("Enter");
    await page.locator('.log-row.is-current[data-seq="40000"]').waitFor();
    await field.press("Escape");
    await row(page, 40_001).waitFor();
    expect([await field.inputValue(), await only.getAttribute("aria-pressed")]).toEqual(["", "false"]);
    // Thousands of matches are loaded as they are scrolled to.
    await field.fill("row r59");
    await page.getByText(/^1 of [\d,]+\+?$/).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("m");
    await row(page, 59).waitFor();
    await page.getByRole("button", { name: "End", exact: true }).click();
    await becomes(() => isInView(page, 59_999), true);
    expect(await page.locator(".log-row[data-seq]").count()).toBeLessThan(100);
    // The number of a line leads to the lines around it.
    await row(page, 59_999).locator(".log-seq").click();
    await row(page, 60_000).waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("fills the window with f and leaves it with Escape, with the title of the page and without what is behind", async () => {
    const { web, page } = running();
    await openLog(failed);
    const [card, title] = [page.locator("#log"), `Import orders, run ${failed.slice(-8)}`];
    await page.keyboard.press("f");
    await becomes(() => card.boundingBox(), { x: 0, y: 0, width: 1280, height: 800 });
    await page.getByRole("heading", { name: `${title}: Log` }).waitFor();
    expect(await page.title()).toBe(`${title} · petit`);
    expect(await page.locator(".page-head").evaluate((each) => each.closest("[inert]") !== null)).toBe(true);
    expect(await web.axe()).toEqual([]);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).getByText("Log: next error").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect((await card.boundingBox())?.height).toBe(800);
    await page.keyboard.press("Escape");
    await becomes(async () => (await card.boundingBox())?.width !== 1280, true);
    expect(await page.locator("[inert]").count()).toBe(0);
    await page.getByRole("button", { name: "Full screen" }).click();
    await page.getByRole("button", { name: "Leave full screen" }).click();
    await page.getByRole("button", { name: "Full screen" }).waitFor();
  }, 60_000);

  test("leaves full screen with one Escape, or ends the search first while its field has the focus", async () => {
    const { page } = running();
    await openLog(failed);
    const [card, field] = [page.locator("#log"), page.getByLabel("Search the log")];
    const isFull = async () => (await card.boundingBox())?.width === 1280;
    await page.keyboard.press("f");
    await field.fill("checkpoint");
    await page.getByText("1 of 3").waitFor();
    await page.keyboard.press("Escape");
    expect([await field.inputValue(), await isFull()]).toEqual(["", true]);
    await page.keyboard.press("Escape");
    await becomes(isFull, false);
    await page.keyboard.press("f");
    await field.fill("checkpoint");
    await page.getByText("1 of 3").waitFor();
    await page.locator(".log-scroll").focus();
    await page.keyboard.press("Escape");
    await becomes(isFull, false);
    expect(await field.inputValue()).toBe("checkpoint");
    await page.keyboard.press("Escape");
    await becomes(() => field.inputValue(), "");
  }, 60_000);

  test("wraps long lines on a narrow screen until the user decides, and remembers that", async () => {
    await using web = await openWeb({ url: running().petit.url, viewport: { width: 1200, height: 768 } });
    const { page } = web;
    const wrap = page.getByRole("button", { name: "Wrap" });
    const isWrapped = () => wrap.getAttribute("aria-pressed");
    await web.open(`/runs/${fine}`);
    await becomes(isWrapped, "true");
    await page.setViewportSize({ width: 1201, height: 768 });
    await becomes(isWrapped, "false");
    await page.keyboard.press("w");
    await becomes(isWrapped, "true");
    await page.reload();
    await becomes(isWrapped, "true");
    await page.setViewportSize({ width: 390, height: 844 });
    await wrap.click();
    await page.reload();
    await becomes(isWrapped, "false");
  }, 60_000);

  test("shows the cause in a phone's wrapped lines, in the middle of 60,000", async () => {
    await using web = await openWeb({ url: running().petit.url, viewport: { width: 390, height: 844 } });
    const { page } = web;
    await web.open(`/runs/${failed}?task=load#L52000`);
    await page.locator('.log-row.is-marked.is-cause[data-seq="52000"]').waitFor();
    await becomes(() => isInView(page, 52_000), true);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
  }, 60_000);

  test("scrolls a phone to the line of a link, also while what is above the log still loads", async () => {
    await using web = await openWeb({ url: running().petit.url, viewport: { width: 390, height: 844 } });
    const { page } = web;
    // Safari does not adjust the scroll position when content above changes.
    await page.addInitScript(
      "addEventListener('DOMContentLoaded', () => document.documentElement.style.setProperty('overflow-anchor', 'none'))",
    );
    const answered = Promise.withResolvers<void>();
    await page.route("**/comparison", async (route) => {
      await answered.promise;
      await route.continue();
    });
    const isOnScreen = async (seq: number): Promise<boolean> => {
      const box = await row(page, seq).boundingBox();
      return (await isInView(page, seq)) && box !== null && box.y >= 100 && box.y + box.height <= 844;
    };
    await web.open(`/runs/${failed}?task=load#L30000`);
    await becomes(() => isOnScreen(30_000), true);
    answered.resolve();
    await page.locator(".run-failure-differences").waitFor();
    await becomes(() => isOnScreen(30_000), true);
    await page.goto("about:blank");
    await web.open(`/runs/${failed}#L52000`);
    await becomes(() => isOnScreen(52_000), true);
    await page.goto("about:blank");
    await web.open(`/runs/${failed}?task=load#L52000`);
    await row(page, 52_000).waitFor();
    expect(await page.evaluate("scrollY")).toBe(0);
    await page.getByRole("list", { name: "The line that explains the failure" }).getByRole("link").click();
    await becomes(() => isOnScreen(52_000), true);
  }, 60_000);

  test("finds matches and errors that are printed later", async () => {
    const { petit, page } = running();
    const gate = `${petit.jobsDir}/gate`;
    const body = { params: { gate } };
    const run = await petit.fetch("/api/jobs/growing/trigger", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const { run_id } = await run.json();
    await openLog(run_id);
    await row(page, 2).waitFor();
    await page.keyboard.press("e");
    await becomes(() => errorCount(page).textContent(), "none");
    await page.getByLabel("Search the log").fill("match");
    await page.getByText("1 of 1").waitFor();
    await page.getByRole("button", { name: "Only matches" }).click();
    await row(page, 2).waitFor({ state: "detached" });
    await Bun.write(gate, "");
    await becomes(() => page.locator(".log-row .log-text").allTextContents(), ["match 1", "match 2"]);
    await becomes(async () => (await ask(petit, `/api/runs/${run_id}`)).body.status, "completed");
    await page.getByRole("button", { name: "Next error" }).click();
    await becomes(() => errorCount(page).textContent(), "1 of 1");
    await page.locator(".log-row", { hasText: "error: it broke" }).waitFor();
  }, 60_000);
});
