import type { ComponentType } from "react";
import { lazily } from "../data/lazily.tsx";
import { preloadGraph } from "../graph/graph.tsx";

/** Defines a view that is loaded when it is first visited, or preloaded shortly before. */
const view = <Props extends object>(path: RegExp, load: () => Promise<ComponentType<Props>>) => ({
  path,
  ...lazily(load),
});

const NOW = view(/^\/$/, async () => (await import("../now/now-view.tsx")).NowView);
const JOBS = view(/^\/jobs$/, async () => (await import("../jobs/jobs-view.tsx")).JobsView);
const JOB = view(/^\/jobs\/./, async () => (await import("../job/job-view.tsx")).JobView);
const RUNS = view(/^\/runs$/, async () => (await import("../runs/runs-view.tsx")).RunsView);
const RUN = view(/^\/runs\/./, async () => (await import("../run/run-view.tsx")).RunView);
const SYSTEM = view(/^\/system$/, async () => (await import("../system/system-view.tsx")).SystemView);

export const NowView = NOW.Component;
export const JobsView = JOBS.Component;
export const JobView = JOB.Component;
export const RunsView = RUNS.Component;
export const RunView = RUN.Component;
export const SystemView = SYSTEM.Component;

const VIEWS = [NOW, JOBS, JOB, RUNS, RUN, SYSTEM];

/** Loads all views while the browser is idle, one at a time, so that the page works while petit is unreachable or upgraded. */
export const preloadAll = async (): Promise<void> => {
  for (const load of [...VIEWS.map((each) => each.load), preloadGraph]) {
    await idle();
    await load().catch(() => {});
  }
};

/** Resolves when the browser is idle. Safari does not report it, so a delay is used there. */
const idle = (): Promise<void> =>
  new Promise((resolve) => {
    if ("requestIdleCallback" in globalThis) requestIdleCallback(() => resolve());
    else setTimeout(resolve, 200);
  });

/** Starts to load the view of a path. */
export const preload = (path: string): void => {
  const found = VIEWS.find((each) => each.path.test(path));
  // A failure is reported when the view is visited.
  void found?.load().catch(() => {});
};
