import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { CHROMIUM } from "../../test/support/web/browser.ts";
import { openWeb, type Web } from "../../test/support/web/web.ts";
import { heapMiB } from "./dashboard.ts";
import { type PetitProcess, startPetit } from "./petit-process.ts";
import { figure, medianAndP99 } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder } from "./workspace.ts";

const LINES = 100_000;
const PER_SECOND = 1_000;
const LIVE_SECONDS = 10;
/** The number of frames in which the log is scrolled from one end to the other. */
const SCROLL_FRAMES = 600;

/** Measures the log view in a headless Chromium: a log of 100,000 lines, and one that grows by 1,000 lines per second. */
export const measureWebLog = async (): Promise<readonly Row[]> => {
  if (CHROMIUM === null) return [{ what: "log view", petit: "Chromium is not installed" }];
  const dir = makeFolder("web-log");
  const jobsDir = join(dir, "jobs");
  mkdirSync(jobsDir);
  writeFileSync(join(jobsDir, "print.yaml"), JOBS);
  await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db") });
  const runId = await triggerRun(petit, "long?wait=120");
  await using web = await openWeb({ url: urlOf(petit) });
  return [...(await longLog(web, runId)), await liveLog(web, petit)];
};

const JOBS = `id: long
tasks:
  - id: print
    type: shell
    script: |
      awk 'BEGIN { for (i = 1; i <= ${LINES}; i++) printf "\\033[32m%06d\\033[0m the \\033[1;33mquick\\033[0m brown fox jumps over the lazy dog\\n", i }'
---
id: live
tasks:
  - id: print
    type: typescript
    inline: true
    script: |
      const startedAt = performance.now();
      for (let line = 0; line < ${PER_SECOND * (LIVE_SECONDS + 15)}; ) {
        for (const due = ((performance.now() - startedAt) / 1000) * ${PER_SECOND}; line < due; ) console.log(\`\${++line} \\x1b[36mof a live log\\x1b[0m\`);
        await Bun.sleep(10);
      }
`;

const urlOf = ({ port }: PetitProcess): string => `http://127.0.0.1:${port}`;

/** Triggers a job and returns the id of the run. */
const triggerRun = async (petit: PetitProcess, job: string): Promise<string> => {
  const [name, query = ""] = job.split("?");
  const response = await fetch(`${urlOf(petit)}/api/jobs/${name}/trigger?${query}`, { method: "POST" });
  return (await response.json()).run_id;
};

const longLog = async (web: Web, runId: string): Promise<readonly Row[]> => {
  const { page } = web;
  // This loads the code of all views, but no log.
  await web.open("/jobs/long");
  const firstLinesMs = await firstLines(page, runId);
  const before = await heapMiB(page);
  const frames: readonly number[] = await page.evaluate(SCROLL_THROUGH);
  const after = await heapMiB(page);
  const jumps = [
    await jump(page, "Start", 1),
    await jump(page, "End", LINES),
    await jump(page, "Start", 1),
    await jump(page, "End", LINES),
  ];
  return [
    boundedRow(`${figure(LINES)} lines of log: first lines after`, firstLinesMs, 1000),
    framesRow("  … scrolled from start to end, frames p50 / p99", frames),
    boundedRow("  … jump to the other end", Math.max(...jumps), 500),
    {
      what: "  … heap, before and after the scroll",
      petit: `${after.toFixed(1)} MiB`,
      baseline: `${before.toFixed(1)} MiB before`,
      ratio: after / before,
      value: after - before,
      target: { bound: "under", value: 30, unit: " MiB more" },
    },
  ];
};

const boundedRow = (what: string, value: number, limitMs: number): Row => ({
  what,
  petit: `${figure(value)} ms`,
  value,
  target: { bound: "under", value: limitMs, unit: " ms" },
});

const framesRow = (what: string, frames: readonly number[]): Row => ({
  what,
  petit: medianAndP99(frames),
  baseline: `longest ${figure(Math.max(...frames))} ms`,
  value: Math.max(...frames),
  target: { bound: "under", value: 50, unit: " ms" },
});

/** Returns the time from the navigation to the run, within the page, to the first lines of its log. */
const firstLines = async (page: Page, runId: string): Promise<number> =>
  Number(
    await page.evaluate(`new Promise((resolve) => {
      const startedAt = performance.now();
      new MutationObserver((_, observer) => {
        if (document.querySelector(".log-row[data-seq]") === null) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - startedAt)));
      }).observe(document, { childList: true, subtree: true, attributes: true });
      history.pushState(null, "", "/runs/${runId}");
    })`),
  );

const SCROLL_THROUGH = `new Promise((resolve) => {
  const scroller = document.querySelector(".log-scroll");
  scroller.scrollIntoView();
  scroller.scrollTop = 0;
  const step = (scroller.scrollHeight - scroller.clientHeight) / ${SCROLL_FRAMES};
  const frames = [];
  let last = 0;
  const frame = (now) => {
    if (last > 0) frames.push(now - last);
    last = now;
    scroller.scrollTop += step;
    if (frames.length < ${SCROLL_FRAMES}) requestAnimationFrame(frame);
    else resolve(frames);
  };
  requestAnimationFrame(frame);
})`;

/** Returns the time from a click on a button to the display of line `seq`. */
const jump = async (page: Page, button: string, seq: number): Promise<number> => {
  const startedAt = performance.now();
  await page.getByRole("button", { name: button, exact: true }).click();
  await page.locator(`.log-row[data-seq="${seq}"]`).waitFor();
  return performance.now() - startedAt;
};

const liveLog = async (web: Web, petit: PetitProcess): Promise<Row> => {
  const runId = await triggerRun(petit, "live");
  await web.open(`/runs/${runId}`);
  const { page } = web;
  await page.locator('[data-log="live"] .log-row[data-seq]').first().waitFor();
  await page.evaluate("document.getElementById('log').scrollIntoView()");
  const { frames, lines } = await page.evaluate<Recording>(RECORD);
  await fetch(`${urlOf(petit)}/api/runs/${runId}/cancel`, { method: "POST" });
  return framesRow(`${figure(lines / LIVE_SECONDS)} live lines per second, frames p50 / p99`, frames);
};

type Recording = { readonly frames: readonly number[]; readonly lines: number };

const RECORD = `new Promise((resolve) => {
  const newest = () => Number([...document.querySelectorAll(".log-row[data-seq]")].at(-1)?.dataset.seq);
  const first = newest();
  const frames = [];
  const startedAt = performance.now();
  let last = 0;
  const frame = (now) => {
    if (last > 0) frames.push(now - last);
    last = now;
    if (now - startedAt < ${LIVE_SECONDS * 1000}) requestAnimationFrame(frame);
    else resolve({ frames, lines: newest() - first });
  };
  requestAnimationFrame(frame);
})`;
