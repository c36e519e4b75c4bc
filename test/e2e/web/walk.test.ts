import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { readEvents, runToEnd, start, takeUntil } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { openWeb } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `
id: import_orders
name: Import orders
params: {works: {default: "no"}}
tasks:
  - {id: fetch, type: shell, script: 'for i in $(seq 40); do echo "page $i"; done'}
  - id: load
    type: shell
    depends_on: [fetch]
    script: |
      [ "$PETIT_PARAM_WORKS" = yes ] && exit 0
      echo "Traceback (most recent call last):" >&2
      for i in $(seq 20); do echo "  File \\"load.py\\", line $i, in load" >&2; done
      echo "UniqueViolation: duplicate key (id)=(48213)" >&2
      exit 3
  - {id: report, type: command, command: "true", depends_on: [load]}
  - {id: tidy, type: shell, depends_on: [load], condition: all_done, script: 'for i in $(seq 300); do echo "removed $i" >&2; done'}
---
id: api_check
name: Check the API
params: {works: {default: "no"}}
tasks: [{id: check, type: shell, script: '[ "$PETIT_PARAM_WORKS" = yes ] || { echo "connect ECONNREFUSED" >&2; exit 7; }'}]
---
id: export_stock
name: Export stock
params: {works: {default: "no"}}
tasks:
  - {id: read, type: command, command: "true"}
  - {id: upload, type: shell, depends_on: [read], script: '[ "$PETIT_PARAM_WORKS" = yes ] || { echo "waiting for the lock of the share"; sleep 3600; }'}
---
id: send_invoices
name: Send invoices
notify: [{type: webhook, url: "http://127.0.0.1:1/hook", on: [success]}]
tasks: [{id: send, type: command, command: "true"}]
`,
};

const BROKEN = "id: nightly\ntasks: [{id: only, type: comand, command: x}]\n";

const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 768 },
  { width: 390, height: 844 },
];

const HOUR_MS = 3_600_000;

/** An alert, the row of the dashboard that shows it, and the line that explains it behind its link. */
type Alert = {
  readonly kind: string;
  readonly job: string;
  readonly link: string;
  readonly line: (page: Page) => Locator;
  /** A heading above the line that the user must see too. */
  readonly heading?: string;
};

const ALERTS: readonly Alert[] = [
  {
    kind: "job_failing",
    job: "Import orders",
    link: "Log of import_orders",
    line: (page) => page.locator(".run-failure").getByText("UniqueViolation: duplicate key (id)=(48213)"),
  },
  {
    kind: "job_flapping",
    job: "Check the API",
    link: "Log of api_check",
    line: (page) => page.locator(".run-failure").getByText("connect ECONNREFUSED"),
  },
  {
    kind: "run_stuck",
    job: "Export stock",
    link: "Log of export_stock",
    line: (page) => page.locator(".log-row", { hasText: "waiting for the lock of the share" }),
  },
  {
    kind: "notifications_undelivered",
    job: "Send invoices",
    link: "Notifications",
    line: (page) => page.locator("#notifications .system-long"),
    heading: "Undelivered notifications",
  },
  {
    kind: "job_file_broken",
    job: "nightly.yaml",
    link: "Problems",
    line: (page) => page.locator("#problems .system-long"),
    heading: "Problems in job files",
  },
];

/** Resolves when a task has written a line. */
const waitForOutput = async (petit: Petit, runId: string, taskId: string): Promise<void> => {
  const headers = { accept: "text/event-stream" };
  const response = await petit.fetch(`/api/runs/${runId}/logs?follow=true&task=${taskId}`, { headers });
  await takeUntil(readEvents(response), ({ data }) => data.includes("waiting"));
};

/** Starts petit with all five alerts. The stuck run is one that a stopped petit left running, and that began an hour ago. */
const startWithAlerts = async (): Promise<Petit> => {
  const first = await startPetit({ jobs: JOBS, args: ["--on-shutdown", "leave"] });
  await runToEnd(first, "import_orders", { works: "yes" });
  await runToEnd(first, "import_orders");
  for (const works of ["no", "yes", "no", "yes", "no", "yes"]) await runToEnd(first, "api_check", { works });
  for (let index = 0; index < 3; index++) await runToEnd(first, "export_stock", { works: "yes" });
  await runToEnd(first, "send_invoices");
  const runId = await start(first, "export_stock");
  await waitForOutput(first, runId, "upload");
  writeFileSync(join(first.jobsDir, "nightly.yaml"), BROKEN);
  await first.stop();
  startEarlier(first.dbPath, runId);
  return startPetit({ dir: first.dir });
};

const startEarlier = (dbPath: string, runId: string): void => {
  using db = new Database(dbPath, { strict: true });
  const values = { runId, ms: HOUR_MS };
  for (const statement of [
    "UPDATE runs SET created_at = created_at - $ms, started_at = started_at - $ms WHERE id = $runId",
    "UPDATE task_runs SET started_at = started_at - $ms WHERE run = (SELECT seq FROM runs WHERE id = $runId)",
  ])
    db.query(statement).run(values);
};

/** Number of frames in which the layout may settle after an element appeared. */
const SETTLING_FRAMES = 120;

/** Waits until the user sees an element without scrolling. Throws if it stays outside of the viewport or covered. Returns its middle. */
const see = async (page: Page, element: Locator): Promise<{ readonly x: number; readonly y: number }> => {
  await element.waitFor();
  let place = await placeOf(page, element);
  for (let frame = 0; frame < SETTLING_FRAMES && !(place.isInViewport && place.isOnTop); frame++) {
    await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => resolve()))");
    place = await placeOf(page, element);
  }
  expect(place).toEqual({ ...place, isInViewport: true, isOnTop: true });
  return place;
};

const placeOf = async (page: Page, element: Locator) => {
  const box = await element.boundingBox();
  const size = page.viewportSize();
  if (box === null || size === null) throw new Error("the element is gone");
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const isInViewport = box.x >= 0 && box.y >= 0 && box.x + box.width <= size.width && box.y + box.height <= size.height;
  const top: string | null = await page.evaluate(`document.elementFromPoint(${x}, ${y})?.textContent ?? null`);
  return { x, y, isInViewport, isOnTop: top !== null && ((await element.textContent()) ?? "").includes(top) };
};

/** If set, the test prints what it measured, and writes pictures to this folder. */
const PICTURES = process.env.PETIT_WALK_PICTURES;

describe.skipIf(CHROMIUM === null)("one click and no scrolling", () => {
  const running = sharedWeb(startWithAlerts);

  test.each(SIZES)(
    "lead from each alert to the line that explains it, at $width × $height",
    async (viewport) => {
      const { petit } = running();
      await using web = await openWeb({ url: petit.url, viewport });
      const { page } = web;
      await page.addInitScript("localStorage.setItem('petit.welcomed', 'yes')");
      for (const { kind, job, link, line, heading } of ALERTS) {
        const openedAt = performance.now();
        await page.goto(petit.url);
        const row = page.locator(`[data-kind="${kind}"]`).filter({ hasText: job });
        const { x, y } = await see(page, row.getByRole("link", { name: link }));
        const foundAt = performance.now();
        await picture(page, `${kind}-${viewport.width}-0`);
        const clickedAt = performance.now();
        await page.mouse.click(x, y);
        await see(page, line(page));
        if (heading !== undefined) await see(page, page.getByRole("heading", { name: heading }));
        const ms = performance.now() - clickedAt + foundAt - openedAt;
        await picture(page, `${kind}-${viewport.width}-1`);
        if (PICTURES !== undefined) console.log(`${kind} ${viewport.width} ${Math.round(ms)} ms`);
      }
      expect(web.complaints()).toEqual([]);
    },
    60_000,
  );
});

const picture = async (page: Page, name: string): Promise<void> => {
  if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
};
