import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { ask, post, runToEnd, start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, holds, openWeb } from "../../support/web/web.ts";

/** Waits for the file that a param names. */
const WAIT = 'until [ -e "$PETIT_PARAM_GATE" ]; do sleep 0.05; done';

const CHAIN = Array.from(
  { length: 100 },
  (_, index) =>
    `  - {id: step_${index}, type: command, command: "true"${index === 0 ? "" : `, depends_on: [step_${index - 1}]`}}`,
).join("\n");
const PARTS = Array.from({ length: 100 }, (_, index) => `part_${index}`);
const WIDE = PARTS.map((id) => `  - {id: ${id}, type: command, command: "true", depends_on: [begin]}`).join("\n");

const JOBS = {
  "gated.yaml": `
id: gated
params: {gate: {required: true}}
tasks:
  - {id: one, name: First, type: shell, script: 'echo "one waits"; ${WAIT}; echo "one goes on"'}
  - {id: two, type: shell, script: 'echo "two is done"', depends_on: [one]}
`,
  "endless.yaml": `
id: endless
tasks:
  - {id: main, type: command, command: sleep, args: ["600"]}
  - {id: tidy, type: command, command: sleep, args: ["600"], depends_on: [main], condition: all_done}
`,
  "flaky.yaml": `
id: flaky
params: {gate: {required: true}, word: {default: none}}
tasks:
  - {id: kept, type: shell, script: 'echo "rows=42" >> "$PETIT_OUTPUT"'}
  - {id: load, type: shell, script: '[ -e "$PETIT_PARAM_GATE" ] || exit 3', depends_on: [kept]}
  - {id: page, type: command, command: echo, depends_on: [load], condition: on_failure}
`,
  "tries.yaml": `
id: tries
tasks:
  - {id: quick, type: command, command: "true"}
  - {id: again, type: shell, script: '[ "$PETIT_ATTEMPT" = 3 ]', retry: {max_attempts: 2, delay: 400ms}}
  - {id: long, type: command, command: sleep, args: ["2"], depends_on: [again]}
`,
  "evil.yaml": `
id: evil
name: <img src=x onerror=window.pwned=1> & co
description: <script>window.pwned=1</script>
params: {word: {default: "<script>window.pwned=1</script>"}}
tasks:
  - id: only
    name: <b onmouseover=window.pwned=1>bold</b>
    type: shell
    script: 'echo "html=<script>window.pwned=1</script>" >> "$PETIT_OUTPUT"; echo "<script>window.pwned=1</script>"'
`,
  "many.yaml": `id: chain\ntasks:\n${CHAIN}\n---\nid: wide\ntasks:\n  - {id: begin, type: command, command: "true"}\n${WIDE}\n`,
};

describe.skipIf(CHROMIUM === null)("the view of a run", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));

  const node = (page: Page, id: string, status: string) => page.locator(`[data-task="${id}"][data-status="${status}"]`);
  const summary = (page: Page, status: string) => page.locator(`[data-run-status="${status}"]`);

  test("follows a run from the form to its end, with one layout of the graph", async () => {
    const { petit, web, page } = running();
    const gate = join(petit.dir, "gate-live");
    await web.open("/jobs/gated");
    await page.getByRole("button", { name: "Run now" }).click();
    await page.getByRole("dialog").getByLabel("gate").fill(gate);
    await page.getByRole("dialog").getByRole("button", { name: "Run now" }).click();
    await page.waitForURL("**/runs/*");
    await node(page, "one", "running").waitFor();
    await node(page, "two", "pending").waitFor();
    await page.locator(".log-row", { hasText: "one waits" }).waitFor();
    await page.getByText("Running First; 0 of 2 tasks done.").waitFor();
    await page.evaluate("performance.clearMarks('graph.layout')");
    writeFileSync(gate, "");
    await page.locator(".log-row", { hasText: "two is done" }).waitFor();
    await node(page, "two", "completed").waitFor();
    await summary(page, "completed").waitFor();
    await page.getByText("All 2 tasks completed.").waitFor();
    expect(await page.evaluate("performance.getEntriesByName('graph.layout').length")).toBe(0);
    await becomes(() => page.getByRole("button", { name: "Cancel" }).count(), 0);
    expect(web.complaints()).toEqual([]);
  }, 90_000);

  test("cancels a run, reports running clean-up tasks, and cancels them too", async () => {
    const { petit, web, page } = running();
    await web.open(`/runs/${await start(petit, "endless")}`);
    await node(page, "main", "running").waitFor();
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("dialog").getByText("This ends main. Clean-up tasks still run.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the run" }).click();
    await page.getByText("A second cancel ends them too.").waitFor();
    await node(page, "tidy", "running").waitFor();
    await page.getByRole("button", { name: "Cancel clean-up tasks too" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel clean-up tasks too" }).click();
    await summary(page, "cancelled").waitFor();
    await page.getByText("The run was cancelled; 0 of 2 tasks had completed.").waitFor();
  }, 90_000);

  test("retries failed tasks, marks reused ones, and links both runs", async () => {
    const { petit, web, page } = running();
    const gate = join(petit.dir, "gate-retry");
    const { id } = await runToEnd(petit, "flaky", { gate });
    await web.open(`/runs/${id}`);
    await page.getByText("Task 'load' failed: exit code 3.").waitFor();
    await page.getByText("A retry keeps the task that completed.").waitFor();
    writeFileSync(gate, "");
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByRole("dialog").getByText("runs load and page and keeps the result of 1 task").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Retry" }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(id));
    await summary(page, "completed").waitFor();
    expect(await node(page, "kept", "completed").textContent()).toContain("reused");
    await page.getByRole("tab", { name: "3 tasks" }).click();
    expect(await page.locator('[data-gantt="kept"]').textContent()).toContain("reused");
    await page.getByRole("tab", { name: "Params and outputs" }).click();
    expect(await page.locator(".run-values").textContent()).toContain("rows42");
    await page.getByRole("link", { name: id.slice(-8) }).click();
    await page.waitForURL(`**/runs/${id}`);
    await page.getByText("Retried by").waitFor();
    await becomes(() => page.getByRole("button", { name: "Retry" }).count(), 1);
  }, 90_000);

  test("runs a job again with the same params", async () => {
    const { petit, web, page } = running();
    const gate = join(petit.dir, "gate-retry");
    const { id } = await runToEnd(petit, "flaky", { gate, word: "spring" });
    await web.open(`/runs/${id}`);
    await page.getByRole("button", { name: "Run again" }).click();
    await becomes(() => page.getByRole("dialog").getByLabel("word").inputValue(), "spring");
    await page.getByRole("dialog").getByRole("button", { name: "Run now" }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(id));
    await summary(page, "completed").waitFor();
    const again = await ask(petit, `/api/runs/${new URL(page.url()).pathname.split("/").at(-1)}`);
    expect(again.body).toMatchObject({ params: { gate, word: "spring" }, trigger: "manual", retry_of: null });
  }, 90_000);

  test("draws waits, attempts and delays of retries, and a short attempt beside a long one", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "tries");
    await web.open(`/runs/${id}?tab=tasks`);
    const intervals = (task: string, kind: string) => page.locator(`[data-gantt="${task}"] .gantt-${kind}`);
    await becomes(() => intervals("again", "attempt").count(), 3);
    await becomes(() => intervals("again", "backoff").count(), 2);
    await becomes(() => intervals("long", "upstream").count(), 1);
    const [quick, long] = [
      await intervals("quick", "attempt").boundingBox(),
      await intervals("long", "attempt").boundingBox(),
    ];
    expect(quick?.width).toBeGreaterThanOrEqual(3);
    // On a busy machine even `true` takes long, so this compares with the measured durations.
    const { tasks } = (await ask(petit, `/api/runs/${id}/tasks`)).body;
    const [quickMs, longMs] = ["quick", "long"].map(
      (task) => tasks.find((each: { task_id: string }) => each.task_id === task).duration_ms,
    );
    expect(quick?.width).toBeLessThan(Math.max(6, (1.5 * (long?.width ?? 0) * quickMs) / longMs));
    expect(await page.locator('[data-gantt="quick"] .gantt-took').textContent()).toMatch(/^\d+ ms$/);
    const axis = await page.locator(".gantt-axis").textContent();
    expect(axis).toContain("2 s");
    expect(axis).not.toContain(".0 s");
    await intervals("again", "attempt").first().hover();
    expect(await page.getByRole("tooltip").textContent()).toMatch(/^Attempt 1 failed \(exit code 1\), .*\d\.\d{3}/s);
  }, 90_000);

  test("opens by its URL, and selects the same task after a reload", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "flaky", { gate: join(petit.dir, "never") });
    await web.open(`/runs/${id}`);
    await page.locator('[data-task="kept"]').click();
    await page.waitForURL(`**/runs/${id}?task=kept`);
    await page.reload();
    await page.locator('[data-task="kept"][aria-pressed="true"]').waitFor();
    await becomes(() => page.getByLabel("Task", { exact: true }).inputValue(), "kept");
    await web.open("/runs/019b76da-a800-7c3e-8f2b-5d1c9a7e4f60");
    await page.getByRole("alert").getByText("was not found").waitFor();
  }, 90_000);

  test("shows names, params and outputs as text", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "evil");
    const since = web.complaints().length;
    for (const path of [`/runs/${id}`, "/jobs/evil"]) {
      await web.open(path);
      await page.locator('[data-task="only"]').hover();
      expect(await page.locator("h1").textContent()).toContain("<img src=x onerror=window.pwned=1> & co");
      expect(await page.locator('[data-task="only"]').textContent()).toContain("<b onmouseover");
    }
    await web.open(`/runs/${id}`);
    await page.locator(".log-row", { hasText: "<script>window.pwned=1</script>" }).waitFor();
    await page.getByRole("tab", { name: "Params and outputs" }).click();
    expect(await page.locator(".run-values").textContent()).toContain("<script>window.pwned=1</script>");
    expect(await page.evaluate("window.pwned ?? null")).toBeNull();
    expect(web.complaints().slice(since)).toEqual([]);
  }, 90_000);

  test.each(["chain", "wide"])(
    "keeps a %s of 100 tasks readable, and shows the whole graph on request",
    async (job) => {
      const { petit, web, page } = running();
      const { id } = await runToEnd(petit, job);
      await web.open(`/runs/${id}`);
      if (job === "wide") await page.getByRole("button", { name: "Expand all" }).click();
      await node(page, job === "chain" ? "step_99" : "part_99", "completed").waitFor();
      const heights = await page.evaluate<readonly number[]>(
        `[...document.querySelectorAll(".graph-node")].map((each) => each.getBoundingClientRect().height)`,
      );
      expect(heights.length).toBeGreaterThanOrEqual(100);
      // A node is 44 px high, and its name 13 px.
      expect(Math.min(...heights)).toBeGreaterThan(44 * 0.7);
      await page.getByRole("button", { name: "Whole graph" }).click();
      await holds(page, ALL_INSIDE);
    },
    120_000,
  );

  test("fits on a phone without clipping, and the keyboard reaches each node", async () => {
    const { petit } = running();
    const { id } = await runToEnd(petit, "flaky", { gate: join(petit.dir, "never") });
    await using phone = await openWeb({ url: petit.url, viewport: { width: 375, height: 740 } });
    const { page } = phone;
    await phone.open(`/runs/${id}`);
    await node(page, "load", "failed").waitFor();
    await holds(page, ALL_INSIDE);
    await becomes(() => page.evaluate("document.documentElement.scrollWidth"), 375);
    await page.locator('[data-task="kept"]').focus();
    await page.keyboard.press("Tab");
    await becomes(() => page.evaluate("document.activeElement.dataset.task"), "load");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/runs/${id}?task=page`);
    await page.getByRole("tab", { name: "Graph" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.locator('[data-gantt="page"]').waitFor();
    await holds(page, LABELS_APART);
    await becomes(() => page.evaluate("document.documentElement.scrollWidth"), 375);
  }, 90_000);

  test("shows its bars with forced colors", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "tries");
    await page.emulateMedia({ forcedColors: "active" });
    await web.open(`/runs/${id}?tab=tasks`);
    const backgrounds = await page
      .locator(".gantt-attempt")
      .evaluateAll((bars) => bars.map((each) => getComputedStyle(each).backgroundColor));
    await page.emulateMedia({ forcedColors: "none" });
    expect(new Set(backgrounds).size).toBe(2);
  }, 60_000);

  test.each(["light", "dark"] as const)(
    "passes axe-core, %s",
    async (colorScheme) => {
      const { petit, web, page } = running();
      await page.emulateMedia({ colorScheme });
      const runs = [await runToEnd(petit, "tries"), await runToEnd(petit, "flaky", { gate: join(petit.dir, "never") })];
      for (const { id } of runs) {
        for (const tab of ["graph", "tasks", "values"]) {
          await web.open(`/runs/${id}?tab=${tab}`);
          await page.locator('[data-log="ended"]').waitFor();
          await page.locator(".graph-node, .gantt-row, .run-values").first().waitFor();
          expect(await web.axe()).toEqual([]);
        }
      }
      await page.emulateMedia({ colorScheme: "light" });
    },
    90_000,
  );

  test("shows why petit refuses to run a job again", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "flaky", { gate: join(petit.dir, "never") });
    await web.open(`/runs/${id}`);
    await page.getByRole("button", { name: "Run again" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Run now" }).waitFor();
    writeFileSync(
      join(petit.jobsDir, "flaky.yaml"),
      "id: flaky\nparams: {gate: {pattern: '^no$'}}\ntasks: [{id: load, type: command, command: 'true'}]\n",
    );
    expect((await post(petit, "/api/jobs/reload")).status).toBe(200);
    await dialog.getByRole("button", { name: "Run now" }).click();
    await dialog.getByRole("alert").getByText("match").waitFor();
  }, 90_000);
});

/** True if no label of the time axis overlaps the next or extends beyond the axis. */
const LABELS_APART = `(() => {
  const axis = document.querySelector(".gantt-axis").getBoundingClientRect();
  const labels = [...document.querySelectorAll(".gantt-axis span")].map((each) => each.getBoundingClientRect());
  return labels.length > 1 && labels.every(({ right }, at) => right <= (labels[at + 1]?.left ?? axis.right + 1));
})()`;

/** True if each node of the graph is within the box. */
const ALL_INSIDE = `(() => {
  const box = document.querySelector(".graph-box").getBoundingClientRect();
  return [...document.querySelectorAll(".graph-node")].every((each) => {
    const { left, right, top, bottom } = each.getBoundingClientRect();
    return left >= box.left && right <= box.right && top >= box.top && bottom <= box.bottom;
  });
})()`;
