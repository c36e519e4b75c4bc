// Draws the dashboard; see scripts/screenshots.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { type Petit, startPetit } from "../test/support/petit.ts";
import { ask, post, runToEnd, start } from "../test/support/petit-api.ts";
import { openWeb } from "../test/support/web.ts";
import { VIEWS, type View, type Visited } from "../test/support/web-views.ts";

const ROOT = join(import.meta.dirname, "..");
const [dir = join(ROOT, "docs/screenshots"), ...names] = process.argv.slice(2);

const SIZES = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 375, height: 740 },
} as const;

/** Something of everything: runs that completed, failed, were cancelled and go on. */
const fill = async (petit: Petit): Promise<Visited> => {
  for (let round = 0; round < 4; round++) {
    for (const job of ["hello_world", "data_pipeline", "failing_job", "task_outputs", "typescript_task"]) {
      await runToEnd(petit, job);
    }
  }
  await runToEnd(petit, "greet", { name: "Ada" });
  const cancelled = start(petit, "slow_task");
  await post(petit, `/api/runs/${await cancelled}/cancel`);
  await ended(petit, await cancelled);
  const run = await runToEnd(petit, "data_pipeline");
  await start(petit, "slow_task");
  await start(petit, "import_rows");
  return { jobId: "data_pipeline", runId: run.id };
};

/** Follows its output, which ends with it. */
const ended = async (petit: Petit, runId: string): Promise<void> => {
  await (await petit.fetch(`/api/runs/${runId}/logs?follow=true`)).text();
};

const draw = async (petit: Petit, visited: Visited, views: readonly View[]): Promise<void> => {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      await using web = await openWeb({ url: petit.url, viewport, colorScheme });
      for (const view of views) {
        await web.open(view.path(visited));
        await settled(web.page);
        await web.page.screenshot({
          path: join(dir, `${view.name}-${size}-${colorScheme}.png`),
          animations: "disabled",
        });
      }
    }
  }
};

/** What moves into its place is there. */
const settled = async (page: Page): Promise<void> => {
  await page.locator("[data-connection=connected]").waitFor();
  await page.evaluate("document.fonts.ready.then(() => new Promise((done) => setTimeout(done, 600)))");
};

mkdirSync(dir, { recursive: true });
await using petit = await startPetit({ jobsDir: join(ROOT, "examples/jobs") });
const views = VIEWS.filter(({ name }) => names.length === 0 || names.includes(name));
await draw(petit, await fill(petit), views);
console.error(`${views.length} views of petit ${(await ask(petit, "/api/health")).body.version} are in ${dir}`);
