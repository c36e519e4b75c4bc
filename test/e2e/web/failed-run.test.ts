import { describe, expect, test } from "bun:test";
import type { Locator, Page } from "playwright-core";
import { petit as runPetit } from "../../support/cli.ts";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

/** A job whose clean-up prints much after the error, and whose graph has many tasks. */
const JOBS = {
  "jobs.yaml": `
id: import
name: Import orders
params: {mode: {default: fine}}
tasks:
  - {id: fetch, type: shell, script: 'for i in $(seq 30); do echo "page $i"; done'}
${Array.from({ length: 9 }, (_, index) => `  - {id: check_${index}, type: command, command: "true", depends_on: [fetch]}`).join("\n")}
  - id: load
    name: Load orders
    type: shell
    depends_on: [fetch]
    retry: {max_attempts: 1, delay: 10ms}
    script: |
      echo "loading"
      [ "$PETIT_PARAM_MODE" = broken ] || exit 0
      for i in $(seq 30); do echo "  File \\"load.py\\", line $i" >&2; done
      printf '\\033[31mUniqueViolation: duplicate key (id)=(48213)\\033[0m\\n' >&2
      exit 3
  - {id: report, type: command, command: "true", depends_on: [load]}
  - {id: tidy, type: shell, depends_on: [load], condition: all_done, script: 'for i in $(seq 300); do echo "removed $i"; done'}
---
id: shards
tasks:
  - {id: allowed, type: command, command: "false", allow_failure: true}
  - {id: each, type: shell, foreach: [a, b, c], script: '[ "$PETIT_ITEM" != b ] || { echo "shard b is corrupt" >&2; exit 5; }'}
---
id: hosts
tasks:
  - id: each
    type: shell
    foreach: [web-1, web-3, db-1, web-7]
    script: 'case $PETIT_ITEM in web-1) ;; db-1) echo "error: disk full" >&2; exit 1;; *) echo "error: $PETIT_ITEM: connection refused" >&2; exit 1;; esac'
---
id: outer
tasks: [{id: call, type: job, job: hosts_of_one}]
---
id: hosts_of_one
tasks: [{id: ping, type: shell, script: 'echo start; echo "error: no route to host"; exit 1'}]
---
id: quiet
tasks: [{id: only, type: shell, script: 'echo "only stdout"; exit 4'}]
---
id: mute
tasks: [{id: only, type: command, command: "false"}]
---
id: double
tasks:
  - {id: first, type: shell, script: "exit 1"}
  - {id: second, type: shell, script: "sleep 0.2; exit 2"}
`,
};

const SIZES = {
  desktop: { width: 1440, height: 900 },
  tablet: { width: 1024, height: 768 },
  phone: { width: 390, height: 844 },
} as const;

const onOneLine = (text: string): string => text.replaceAll(/\s+/g, " ");

/** True if the whole element is in the first screen. */
const isOnScreen = async (page: Page, element: Locator): Promise<boolean> => {
  const box = await element.boundingBox();
  const size = page.viewportSize();
  return (
    box !== null && size !== null && box.y >= 0 && box.y + box.height <= size.height && box.x + box.width <= size.width
  );
};

describe.skipIf(CHROMIUM === null)("the view of a failed run", () => {
  let failed = "";
  const running = sharedWeb(
    () => startPetit({ jobs: JOBS }),
    async (petit: Petit) => {
      await runToEnd(petit, "import");
      failed = (await runToEnd(petit, "import", { mode: "broken" })).id;
    },
  );
  const failure = (page: Page): Locator => page.locator(".run-failure");

  test.each(Object.entries(SIZES))(
    "answers in the first screen of a %s what failed, why, and what differs",
    async (_, viewport) => {
      await using web = await openWeb({ url: running().petit.url, viewport });
      const { page } = web;
      await web.open(`/runs/${failed}`);
      const answers = {
        sentence: page.getByText("Task 'load' failed: exit code 3."),
        error: failure(page).getByText("UniqueViolation: duplicate key (id)=(48213)"),
        code: failure(page).getByText("exit code 3", { exact: true }),
        attempt: failure(page).getByText("attempt 2 of 2"),
        difference: failure(page).getByText("broken"),
        retry: page.getByRole("button", { name: "Retry" }),
      };
      for (const [name, element] of Object.entries(answers)) {
        await element.waitFor();
        expect([name, await isOnScreen(page, element)]).toEqual([name, true]);
      }
      expect(await page.evaluate("scrollY")).toBe(0);
      await becomes(() => page.evaluate("document.documentElement.scrollWidth"), viewport.width);
      expect(web.complaints()).toEqual([]);
    },
    60_000,
  );

  test("shows the log of the failed task at first, and the log of a clicked task beside the graph", async () => {
    const { web, page } = running();
    await web.open(`/runs/${failed}`);
    const [graph, log] = [page.locator(".graph-box"), page.locator(".log-scroll")];
    await page.locator(".log-row", { hasText: "UniqueViolation" }).first().waitFor();
    expect(await page.locator(".log-row", { hasText: "removed" }).count()).toBe(0);
    await page.locator('[data-task="tidy"]').click();
    await page.locator(".log-row", { hasText: "removed 300" }).waitFor();
    for (const part of [graph, log]) {
      const box = await part.boundingBox();
      expect(box?.y).toBeLessThan(800 - 150);
    }
    const [left, right] = [await graph.boundingBox(), await log.boundingBox()];
    expect(right?.x).toBeGreaterThan((left?.x ?? 0) + (left?.width ?? 0));
    await page.locator('[data-task="tidy"]').click();
    await page.waitForURL("**?task=");
    await page.getByLabel("Task", { exact: true }).and(page.locator("select")).waitFor();
    await becomes(() => page.getByLabel("Task", { exact: true }).inputValue(), "");
    expect(new URL(page.url()).search).toBe("?task=");
  }, 60_000);

  test("scrolls to graph and log on a phone when a task is clicked", async () => {
    await using web = await openWeb({ url: running().petit.url, viewport: SIZES.phone });
    const { page } = web;
    await web.open(`/runs/${failed}`);
    await page.locator('[data-task="load"]').scrollIntoViewIfNeeded();
    await page.locator('[data-task="report"]').click();
    const log = page.locator(".log-scroll");
    await page.waitForURL("**?task=report");
    await log.getByText("No output.").waitFor();
    // The page scrolls smoothly.
    await becomes(async () => ((await log.boundingBox())?.y ?? Number.POSITIVE_INFINITY) < SIZES.phone.height, true);
  }, 60_000);

  test.each(Object.entries(SIZES))(
    "opens from the entry of Now at the line that explains the failure, in the first screen of a %s",
    async (_, viewport) => {
      const { petit } = running();
      await using web = await openWeb({ url: petit.url, viewport });
      const { page } = web;
      await web.open("/");
      const [entry] = (await ask(petit, "/api/attention")).body.items.filter(
        ({ job_id }: { job_id: string }) => job_id === "import",
      );
      const { seq } = entry.failure.cause;
      const path = `/runs/${failed}?task=load#L${seq}`;
      const links = page.locator(".attention-row", { hasText: "UniqueViolation" }).locator(`a[href="${path}"]`);
      await links.first().waitFor();
      await web.open(path);
      await page.locator(`.log-row.is-marked[data-seq="${seq}"]`).waitFor();
      const line = page.locator(`[data-summary-line="${seq}"]`);
      expect([await isOnScreen(page, line), await line.textContent()]).toEqual([
        true,
        expect.stringContaining("UniqueViolation"),
      ]);
      expect(await page.evaluate("scrollY")).toBe(0);
      expect(web.complaints()).toEqual([]);
    },
    60_000,
  );

  test.each(Object.entries(SIZES))(
    "says which run made it good on an old link, and offers its retry only besides, on a %s",
    async (_, viewport) => {
      const { petit } = running();
      await runToEnd(petit, "import", { mode: "repaired" });
      await using web = await openWeb({ url: petit.url, viewport });
      const { page } = web;
      const old = (await ask(petit, `/api/runs/${failed}`)).body;
      const { run_id: id } = old.recovered_by;
      const retry = page.getByRole("button", { name: "Retry" });
      const openWith = async (by: unknown): Promise<void> => {
        await page.unrouteAll({ behavior: "wait" });
        await page.route(`**/api/runs/${failed}`, (route) => route.fulfill({ json: { ...old, recovered_by: by } }));
        await web.open(`/runs/${failed}`);
      };
      await openWith(null);
      await retry.and(page.locator(".button-primary")).waitFor();
      await page.unrouteAll({ behavior: "wait" });
      await web.open(`/runs/${failed}`);
      const headline = page.locator(".run-recovery");
      await headline.waitFor();
      expect([await isOnScreen(page, headline), await headline.textContent()]).toEqual([
        true,
        expect.stringMatching(new RegExp(`^Recovered by ${id.slice(-8)} at \\d.*, with other params$`)),
      ]);
      await retry.and(page.locator(".button-plain")).waitFor();
      expect(await page.getByText("A retry keeps").count()).toBe(1);
      expect(await web.axe()).toEqual([]);
      await openWith({ ...old.recovered_by, other_params: false });
      await headline.waitFor();
      expect(await headline.textContent()).toMatch(/ at \d[^,]*$/);
      await retry.and(page.locator(".button-plain")).waitFor();
      expect(await page.getByText("A retry keeps").count()).toBe(0);
      await headline.getByRole("link").click();
      await page.waitForURL(`**/runs/${id}`);
    },
    60_000,
  );

  test("links each line to its place in the log", async () => {
    const { web, page } = running();
    await web.open(`/runs/${failed}`);
    const link = failure(page)
      .getByRole("link", { name: /^Line \d+$/ })
      .last();
    const seq = (await link.textContent()) ?? "";
    await link.click();
    await page.locator(`.log-row.is-marked[data-seq="${seq}"]`, { hasText: "UniqueViolation" }).waitFor();
  }, 60_000);

  test("shows the end of stdout without stderr, and says if there was no output", async () => {
    const { petit, web, page } = running();
    await web.open(`/runs/${(await runToEnd(petit, "quiet")).id}`);
    await page.getByRole("list", { name: "Last lines of stdout" }).getByText("only stdout").waitFor();
    await web.open(`/runs/${(await runToEnd(petit, "mute")).id}`);
    await page.getByText("It wrote no output.").waitFor();
    await page.getByText("This job has not completed before.").waitFor();
  }, 60_000);

  test("counts the items of a task, and ignores a failure that the job allows", async () => {
    const { petit, web, page } = running();
    await web.open(`/runs/${(await runToEnd(petit, "shards")).id}`);
    await failure(page).getByText("1 of 3 items failed").waitFor();
    await page.getByText("A retry keeps the 2 items that completed.").waitFor();
    await failure(page).getByText("shard b is corrupt").waitFor();
    await failure(page).getByRole("button", { name: "each" }).waitFor();
    expect(await page.locator('[data-task="each"]').textContent()).toContain("3/3, 1 failed");
    expect(await failure(page).getByText("more task failed").count()).toBe(0);
  }, 60_000);

  test("groups failed items by the line that explains them, with links to each", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "hosts");
    await web.open(`/runs/${id}`);
    const groups = page.getByRole("list", { name: "Why its items failed" }).getByRole("listitem");
    expect(await groups.allInnerTexts()).toEqual([
      expect.stringMatching(/^2 ×\s+error: web-3: connection refused\s+web-3\s+web-7$/),
      expect.stringMatching(/^1 ×\s+error: disk full\s+db-1$/),
    ]);
    expect(await web.axe()).toEqual([]);
    await groups.getByRole("link", { name: "web-7" }).click();
    await page.waitForURL(/task=each&item=3#L\d+$/);
    await page.locator(".log-row.is-marked").getByText("error: web-7: connection refused").waitFor();
  }, 60_000);

  test("is explained alike in all lists: failed items by the line that explains them, with their keys", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "hosts");
    const line = "2 × error: web-3: connection refused: web-3, web-7; 1 × error: disk full: db-1";
    await web.open("/");
    await page.locator("section.attention").getByText(line).waitFor();
    await web.open("/runs?job=hosts");
    await page.locator("main").getByText(line).first().waitFor();
    await web.open("/jobs/hosts");
    await page.locator(".job-state").getByText(line).waitFor();
    await web.open("/review?since=24h");
    await page.locator("main").getByText(line).waitFor();
    const environment = { PETIT_URL: petit.url, COLUMNS: "300" };
    for (const args of [["status"], ["review", "--since", "24h"], ["why", "hosts"]])
      expect(onOneLine((await runPetit(args, { environment })).stdout)).toContain(line);
    expect(onOneLine((await runPetit(["status", id], { environment })).stdout)).toContain(
      "2 × error: web-3: connection refused: web-3, web-7",
    );
  }, 60_000);

  test("has the line of a child run that explains it, with a link to it", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "outer");
    await web.open(`/runs/${id}`);
    await failure(page).getByText("error: no route to host").waitFor();
    expect(await failure(page).textContent()).toContain("ping in run");
    expect(await web.axe()).toEqual([]);
    await failure(page).getByRole("link", { name: "Line 2" }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(id) && url.search === "?task=ping" && url.hash === "#L2");
    await page.locator(".log-row.is-marked").getByText("error: no route to host").waitFor();
  }, 60_000);

  test("of a child is listed as still failing by job, although Now has one entry for it and its parent", async () => {
    const { petit, web, page } = running();
    await runToEnd(petit, "outer");
    await web.open("/runs?status=failed&group=job");
    for (const job of ["outer", "hosts_of_one"])
      await page.locator(`[data-job-group=${job}]`).getByText("still failing").waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("names the task that failed first, and leads to the others", async () => {
    const { petit, web, page } = running();
    await web.open(`/runs/${(await runToEnd(petit, "double")).id}`);
    await failure(page).getByText("exit code 1", { exact: true }).waitFor();
    await failure(page).getByText("1 more task failed").getByRole("button", { name: "second" }).click();
    await page.waitForURL("**?task=second");
  }, 60_000);

  test.each(["light", "dark"] as const)(
    "passes axe-core, %s",
    async (colorScheme) => {
      const { web, page } = running();
      await page.emulateMedia({ colorScheme });
      for (const viewport of Object.values(SIZES)) {
        await page.setViewportSize(viewport);
        await web.open(`/runs/${failed}`);
        await page.locator(".graph-node").first().waitFor();
        await failure(page).getByText("UniqueViolation").waitFor();
        expect(await web.axe()).toEqual([]);
      }
      await page.emulateMedia({ colorScheme: "light" });
      await page.setViewportSize({ width: 1280, height: 800 });
    },
    60_000,
  );
});
