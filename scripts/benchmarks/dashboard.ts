import { join } from "node:path";
import type { Page } from "playwright-core";
import { CHROMIUM } from "../../test/support/web/browser.ts";
import { openWeb, type Web } from "../../test/support/web/web.ts";
import { HOUR_OF_EVENTS, replaceEventStream, replayEvents, sendEvents } from "./dashboard-events.ts";
import { type PetitProcess, startPetit } from "./petit-process.ts";
import { measureRunPage } from "./run-page.ts";
import { figure, median } from "./statistics.ts";
import { storeRuns } from "./stored-runs.ts";
import type { Row } from "./table.ts";
import { makeFolder, typicalJob, writeJobs } from "./workspace.ts";

const JOBS = 1_000;
const RUNS = 100_000;
/** The interval between runs. All runs lie within the last week. */
const STEP_MS = 6_000;

/** Measures the dashboard in a headless Chromium, with 1,000 jobs and 100,000 runs. */
export const measureDashboard = async (): Promise<readonly Row[]> => {
  if (CHROMIUM === null) return [{ what: "dashboard", petit: "Chromium is not installed" }];
  const dir = makeFolder("dashboard");
  const jobsDir = writeJobs(dir, JOBS, (id, index) => typicalJob(id, index));
  const db = join(dir, "petit.db");
  await (await startPetit({ jobsDir, db }))[Symbol.asyncDispose]();
  storeRuns(db, { runs: RUNS, jobs: JOBS, stepMs: STEP_MS, durationMs: "i % 977 * 100" });
  await using petit = await startPetit({ jobsDir, db });
  return [...(await firstViews(petit)), ...(await liveViews(petit)), ...(await measureRunPage())];
};

const VIEWS = [
  { name: "Now", path: "/" },
  { name: "Jobs", path: "/jobs" },
  { name: "Runs", path: "/runs" },
] as const;

const ROUNDS = 3;

/** Measures the time from navigation to the view with its data, with an empty browser cache. */
const firstViews = async (petit: PetitProcess): Promise<readonly Row[]> => {
  const rows: Row[] = [];
  for (const { name, path } of VIEWS) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await using web = await openWeb({ url: urlOf(petit) });
      await web.page.addInitScript(RECORD_FIRST_VIEW);
      await web.open(path);
      times.push(Number(await web.page.evaluate("window.firstViewAt")));
    }
    const ms = median(times);
    const target = { bound: "under", value: 600, unit: " ms" } as const;
    rows.push({ what: `1,000 jobs, 100,000 runs: ${name}, first view`, petit: `${figure(ms)} ms`, value: ms, target });
  }
  return rows;
};

const urlOf = ({ port }: PetitProcess): string => `http://127.0.0.1:${port}`;

/** Records when the first frame with the view's data was drawn, in ms since the navigation began. */
const RECORD_FIRST_VIEW = `
  new MutationObserver((_, observer) => {
    if (document.querySelector("main h1") === null || document.querySelector(".skeleton") !== null) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.firstViewAt = performance.now(); }));
  }).observe(document, { childList: true, subtree: true });
`;

const SECONDS = 8;

/** Measures frames at 60 events per second, then the heap after as many events as an hour has. */
const liveViews = async (petit: PetitProcess): Promise<readonly Row[]> => {
  const rows: Row[] = [];
  for (const { name, path } of VIEWS) {
    await using web = await openWeb({ url: urlOf(petit) });
    await replaceEventStream(web.page);
    await web.open(path);
    await web.page.locator("[data-connection=connected]").waitFor();
    rows.push(await frameRow(name, web), await memoryRow(name, web));
  }
  return rows;
};

const frameRow = async (name: string, { page }: Web): Promise<Row> => {
  await sendEvents(page, { perSecond: 60, seconds: 2 });
  const { longestMs, frames } = await sendEvents(page, { perSecond: 60, seconds: SECONDS });
  return {
    what: `${name}, 60 events per second: longest frame`,
    petit: `${figure(longestMs)} ms`,
    baseline: `${figure(frames / SECONDS)} frames/s`,
    value: longestMs,
    target: { bound: "under", value: 50, unit: " ms" },
  };
};

const memoryRow = async (name: string, { page }: Web): Promise<Row> => {
  await replayEvents(page, HOUR_OF_EVENTS / 10);
  const before = await heapMiB(page);
  await replayEvents(page, HOUR_OF_EVENTS);
  const after = await heapMiB(page);
  return {
    what: `${name}, heap after an hour of events`,
    petit: `${after.toFixed(1)} MiB`,
    baseline: `${before.toFixed(1)} MiB before`,
    ratio: after / before,
    target: { bound: "under", value: 1.2 },
  };
};

/** Returns the size of the JavaScript heap after a garbage collection. */
export const heapMiB = async (page: Page): Promise<number> => {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize / 2 ** 20;
};
