import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { ask, runToEnd, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { VIEWS } from "../../support/web/views.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const TASKS = 120;
const FAILING = [37, 77, 111];

/** A job with many tasks, of which three fail. */
const MANY = {
  id: "many",
  params: { works: { default: "no" } },
  tasks: Array.from({ length: TASKS }, (_, index) => ({
    id: `load_${index}`,
    type: "shell",
    script: FAILING.includes(index)
      ? '[ "$PETIT_PARAM_WORKS" = yes ] || { echo "error: no disk" >&2; exit 2; }'
      : "true",
  })),
};

const JOBS = {
  "jobs.yaml": `
${JSON.stringify(MANY)}
---
id: publish
name: Publish prices
schedule: "0 3 * * *"
tasks: [{id: check, type: approval, prompt: "Publish 312 prices?"}]
---
id: hosts
tasks:
  - id: each
    type: shell
    foreach: [web-1, web-2, db-1]
    script: 'case "$PETIT_ITEM" in web-*) echo "curl: (7) Failed to connect to $PETIT_ITEM" >&2; exit 7;; esac'
---
id: unsent
notify: [{type: webhook, url: "http://127.0.0.1:1/hook", on: [success]}]
tasks: [{id: only, type: command, command: "true"}]
---
id: load
queue: db
tasks: [{id: only, type: command, command: sleep, args: ["600"]}]
`,
  "broken.yaml": "id: nightly\ntasks: [{id: only, type: comand, command: x}]\n",
};

/** The texts of the page as a screen reader says them, one line each. */
const spokenTexts = async (page: Page, selector: string): Promise<readonly string[]> => {
  const snapshot = await page.locator(selector).ariaSnapshot();
  return snapshot
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => !line.includes("/url:"));
};

/** By how much the page is wider than its window, or on a tablet or a desktop a table than its place, in px. */
const WIDER = `Math.max(...[...document.querySelectorAll(innerWidth > 640 ? "html, .table-scroll" : "html")]
  .map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth))`;

describe.skipIf(CHROMIUM === null)("all pages", () => {
  const runs = { many: "", asking: "", hosts: "" };
  const running = sharedWeb(
    () => startPetit({ jobs: JOBS, args: ["--queue", "db=1", "--no-watch"] }),
    async (petit: Petit) => {
      await runToEnd(petit, "many", { works: "yes" });
      runs.many = (await runToEnd(petit, "many")).id;
      runs.hosts = (await runToEnd(petit, "hosts")).id;
      await runToEnd(petit, "unsent");
      runs.asking = await start(petit, "publish");
      for (let index = 0; index < 3; index++) await start(petit, "load");
    },
  );

  test("pass axe-core in both themes on a desktop and on a phone, and are no wider than it", async () => {
    const { petit, web } = running();
    const { page } = web;
    const found: unknown[] = [];
    for (const { name, path } of VIEWS) {
      await web.open(path({ jobId: "many", runId: name === "run" ? runs.hosts : runs.many }));
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        for (const width of [1440, 768, 390]) {
          await page.setViewportSize({ width, height: 900 });
          const wider = await page.evaluate<number>(WIDER);
          found.push(
            ...[...(width === 768 ? [] : await web.axe()), ...(wider > 0 ? [`${wider} px wider`] : [])].map((each) => [
              name,
              width,
              each,
            ]),
          );
        }
      }
    }
    await page.emulateMedia({ colorScheme: "light" });
    expect(found).toEqual([]);
    expect(petit.stderr()).not.toContain("internal error");
  }, 60_000);

  test("say words between numbers", async () => {
    const { web, page } = running();
    await page.setViewportSize({ width: 1440, height: 900 });
    await web.open("/");
    await page.getByRole("region", { name: /^Running 1 ?, 1 waiting for approval ?, 2 waiting$/ }).waitFor();
    await page.getByRole("region", { name: /^Last 24 hours ?: / }).waitFor();
    await web.open("/jobs/many");
    const trend = await spokenTexts(page, ".trend:not(.usage-course)");
    expect(trend.filter((text) => text.includes('link "')).length).toBe(2);
    const usage = await spokenTexts(page, ".job-usage");
    expect([...trend, ...usage].filter((text) => /(?:ms| s|\ds) [A-Z]/.test(text))).toEqual([]);
    const row = await spokenTexts(page, '[data-history="load_0"]');
    expect(row.some((text) => /img "From .* to .*, the newest /.test(text))).toBe(true);
    await web.open("/jobs");
    await page.getByRole("img", { name: "The newest 1 run: 1 waiting for approval" }).waitFor();
    await web.open(`/runs/${runs.hosts}?tab=tasks`);
    const gantt = (await spokenTexts(page, ".gantt")).join("\n");
    expect(gantt).toContain("3 of 3 items ended, 2 failed");
    expect(gantt).not.toContain("3/3");
    expect(gantt).not.toMatch(/ms \d/);
  }, 60_000);

  test("show the failures among many tasks, one after the other", async () => {
    const { web, page } = running();
    const failed = FAILING.map((index) => `load_${index}`);
    await web.open(`/runs/${runs.many}?tab=tasks`);
    const list = page.locator(".gantt");
    await becomes(() => list.locator(".gantt-row").count(), TASKS);
    await page.getByText("3 failures", { exact: true }).waitFor();
    // The list scrolls, and the page does not.
    await page.setViewportSize({ width: 1440, height: 900 });
    await becomes(() => page.evaluate("document.documentElement.scrollHeight <= innerHeight"), true);
    const focused = () => page.evaluate("document.activeElement?.closest('[data-gantt]')?.dataset.gantt ?? null");
    await page.getByRole("button", { name: "Next failure" }).click();
    await becomes(focused, failed[0]);
    for (const next of [failed[1], failed[2], failed[0]]) {
      await page.keyboard.press("x");
      await becomes(focused, next);
    }
    await page.getByLabel("Only failures").check();
    const shown = () =>
      list.locator(".gantt-row").evaluateAll((rows) => rows.map((row) => row.getAttribute("data-gantt")));
    await becomes(shown, failed);
    await page.getByLabel("Filter tasks").fill("_11");
    await becomes(shown, ["load_111"]);
    await page.getByLabel("Filter tasks").fill("none");
    await page.getByText("No task matches.").waitFor();
    await web.open("/jobs/many");
    await page
      .getByText("3 failures", { exact: true })
      .waitFor({ timeout: 1_000 })
      .catch(() => {});
    await page.locator("#task-history").scrollIntoViewIfNeeded();
    await page.getByLabel("Only failures").check();
    await becomes(() => page.locator("[data-history]").count(), 3);
    await page.keyboard.press("Escape");
    await page.locator("main h1").click();
    for (const next of [...failed, failed[0]]) {
      await page.keyboard.press("x");
      await becomes(() => page.evaluate("document.activeElement?.dataset.cell ?? null"), `${next} ${runs.many}`);
    }
  }, 60_000);

  test("lead from counts to the runs that are counted, by what they wait for and when", async () => {
    const { petit, web, page } = running();
    await web.open("/");
    const counts = page.locator(".now-stats a");
    const hrefs = await counts.evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));
    expect(hrefs.map((href) => /(?:within|since)=24h/.test(href))).toEqual(Array(6).fill(true));
    await page.getByRole("link", { name: "1 waiting for approval" }).click();
    await page.waitForURL("**/runs?waiting_for=approval");
    const ids = () =>
      page.locator("main [data-row]").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    await becomes(ids, [`/runs/${runs.asking}`]);
    expect((await ask(petit, "/api/runs?waiting_for=queue")).body.count).toBe(2);
    expect((await ask(petit, "/api/jobs/publish/runs?waiting_for=queue")).body.count).toBe(0);
    expect((await ask(petit, "/api/runs?waiting_for=odd")).status).toBe(400);
    await page.getByLabel("Status").selectOption("waiting for a slot");
    await page.waitForURL("**/runs?waiting_for=queue");
    await becomes(async () => (await ids()).length, 2);
    await page.getByLabel("Status").selectOption("failed");
    await page.waitForURL("**/runs?status=failed");
    await web.open("/");
    const approval = page.locator("[data-kind=approval_needed]");
    await approval.locator(".button-primary", { hasText: "Approve" }).waitFor();
    await approval.getByRole("link", { name: "Open run of publish" }).click();
    await page.waitForURL(`**/runs/${runs.asking}`);
  }, 60_000);

  test("say that an address asks for a time span that makes no sense, and fit the search into the header", async () => {
    const { petit, web, page } = running();
    for (const [query, problem] of [
      ["since=never", "Since is 'never'"],
      ["since=2h&until=3h", "which is not before '3h'"],
      ["zoom=5y", "zoom is '5y'; expected one of 15m, 1h"],
      ["from=tuesday", "from is 'tuesday'"],
      ["span=24h", "'span' is not known; did you mean 'zoom'?"],
    ] as const) {
      await web.open(`/?${query}`);
      await page.locator(".time-problem", { hasText: problem }).waitFor();
      await page.getByRole("button", { name: "24 h", pressed: true }).waitFor();
    }
    await page.getByRole("button", { name: "6 h" }).click();
    await page.locator(".time-problem").waitFor({ state: "detached" });
    for (const width of [768, 390]) {
      await using narrow = await openWeb({ url: petit.url, viewport: { width, height: 900 } });
      await narrow.open("/");
      expect(await narrow.page.getByLabel("Search jobs and runs").getAttribute("placeholder")).toBe("Search");
    }
    expect(web.complaints().filter((each) => !each.startsWith("400"))).toEqual([]);
  }, 60_000);
});
