// Takes screenshots of the dashboard. See scripts/screenshots.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { post, runToEnd, start } from "../../test/support/petit/api.ts";
import { type Petit, startPetit } from "../../test/support/petit/petit.ts";
import { closeSharedBrowser } from "../../test/support/web/browser.ts";
import { VIEWS, type View, type Visited } from "../../test/support/web/views.ts";
import { openWeb, type Web } from "../../test/support/web/web.ts";
import { writeHistory } from "./history.ts";

const ROOT = join(import.meta.dirname, "../..");
const SCREENSHOTS = join(ROOT, "docs/screenshots");
const [dir = SCREENSHOTS, ...names] = process.argv.slice(2);
const isForReadme = dir === SCREENSHOTS;

const SIZES = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 375, height: 812 },
  wall: { width: 3840, height: 2160 },
} as const;

/** Starts petit with a history, and with a run that continues while the screenshots are taken. */
const startDemo = async (): Promise<{ readonly petit: Petit; readonly visited: Visited }> => {
  const first = await startPetit({
    jobs: { "jobs.yaml": readFileSync(join(import.meta.dirname, "jobs.yaml"), "utf8") },
  });
  await first.stop();
  writeHistory(first.dbPath, Date.now());
  const petit = await startPetit({ dir: first.dir });
  for (const job of ["rotate_logs", "price_feed", "import_orders", "stock_alert"]) await runToEnd(petit, job);
  await runToEnd(petit, "reindex_search", { language: "fr" });
  for (const list of ["monthly", "weekly", "weekly"]) await runToEnd(petit, "sync_suppliers", { list });
  await start(petit, "change_prices");
  await post(petit, `/api/runs/${await start(petit, "train_forecast")}/cancel`);
  const runId = await start(petit, "daily_report");
  await waitForOutput(petit, runId, "charts");
  return { petit, visited: { jobId: "daily_report", runId } };
};

/** Waits until a task has written output. */
const waitForOutput = async (petit: Petit, runId: string, taskId: string): Promise<void> => {
  const controller = new AbortController();
  const path = `/api/runs/${runId}/logs?follow=true&task=${taskId}`;
  const response = await petit.fetch(path, { signal: controller.signal });
  await response.body?.getReader().read();
  controller.abort();
};

/** The heights of the README's screenshots. The default is 800. */
const README_HEIGHTS: Readonly<Record<string, number>> = { now: 985 };

const captureViews = async (petit: Petit, visited: Visited, views: readonly View[]): Promise<void> => {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      if (isForReadme && size !== "desktop") continue;
      await using web = await openWeb({ url: petit.url, viewport, colorScheme });
      await web.page.addInitScript("localStorage.setItem('petit.welcomed', 'yes')");
      for (const view of views) await captureView(web, { view, visited, variant: { size, colorScheme } });
    }
  }
};

type Capture = {
  readonly view: View;
  readonly visited: Visited;
  readonly variant: { readonly size: string; readonly colorScheme: string };
};

const captureView = async ({ page, open }: Web, { view, visited, variant }: Capture): Promise<void> => {
  if (isForReadme) await page.setViewportSize({ width: 1280, height: README_HEIGHTS[view.name] ?? 800 });
  await open(view.name === "now" ? "/?zoom=6h" : view.path(visited));
  await waitUntilSettled(page);
  const name = [view.name, ...(isForReadme ? [] : [variant.size]), variant.colorScheme].join("-");
  if (isForReadme) writeFileSync(join(dir, `${name}.webp`), await webp(page));
  else await page.screenshot({ path: join(dir, `${name}.png`), animations: "disabled" });
};

/** Waits for the connection, the fonts and the end of animations. */
const waitUntilSettled = async (page: Page): Promise<void> => {
  await page.locator("[data-connection=connected]").waitFor();
  await page.evaluate("document.fonts.ready.then(() => new Promise((done) => setTimeout(done, 900)))");
};

/** Returns a WebP image, which is a third of the size of a PNG. */
const webp = async (page: Page): Promise<Buffer> => {
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 82 });
  await session.detach();
  return Buffer.from(data, "base64");
};

mkdirSync(dir, { recursive: true });
const { petit, visited } = await startDemo();
await using _ = petit;
const views = VIEWS.filter(({ name }) => names.length === 0 || names.includes(name));
await captureViews(petit, visited, views);
console.error(`${views.length} views are in ${dir}`);
await closeSharedBrowser();
