import type { QueryClient } from "@tanstack/react-query";
import type { ComponentType } from "react";
import { lazily } from "../data/lazily.tsx";
import { attentionQuery, jobsQuery, runQuery, runsQuery, runTasksQuery, statsQuery } from "../data/queries.ts";
import { preloadGraph } from "../graph/graph.tsx";
import { NowView } from "../now/now-view.tsx";
import { MAX_RUNNING } from "../now/running-panel.tsx";
import { prefetchTimeline } from "../now/timeline/timeline-query.ts";

/** Defines a view that is loaded when it is first visited, or preloaded shortly before. */
const view = <Props extends object>(path: RegExp, load: () => Promise<ComponentType<Props>>) => ({
  path,
  ...lazily(load),
});

const JOBS = view(/^\/jobs$/, async () => (await import("../jobs/jobs-view.tsx")).JobsView);
const JOB = view(/^\/jobs\/./, async () => (await import("../job/job-view.tsx")).JobView);
const RUNS = view(/^\/runs$/, async () => (await import("../runs/runs-view.tsx")).RunsView);
const RUN = view(/^\/runs\/./, async () => (await import("../run/run-view.tsx")).RunView);
const BACKFILLS = view(/^\/backfills$/, async () => (await import("../backfills/backfills-view.tsx")).BackfillsView);
const BACKFILL = view(/^\/backfills\/./, async () => (await import("../backfills/backfill-view.tsx")).BackfillView);
const REVIEW = view(/^\/review$/, async () => (await import("../review/review-view.tsx")).ReviewView);
const WORKERS = view(/^\/workers$/, async () => (await import("../workers/workers-view.tsx")).WorkersView);
const SYSTEM = view(/^\/system$/, async () => (await import("../system/system-view.tsx")).SystemView);

/** Few people edit job files, create tokens or search output, so these are not among the views that are loaded for later. */
const EDIT = view(/^\/edit(?:\/|$)/, async () => (await import("../edit/edit-view.tsx")).EditView);
const TOKENS = view(/^\/system\/tokens$/, async () => (await import("../tokens/tokens-view.tsx")).TokensView);
const SEARCH = view(/^\/search$/, async () => (await import("../search/search-view.tsx")).SearchView);
const AUDIT = view(/^\/system\/audit$/, async () => (await import("../audit/audit-view.tsx")).AuditView);

// The first view is part of the page: loading it, and what it shares with others, separately would take longer.
export { NowView };
export const JobsView = JOBS.Component;
export const JobView = JOB.Component;
export const RunsView = RUNS.Component;
export const RunView = RUN.Component;
export const BackfillsView = BACKFILLS.Component;
export const BackfillView = BACKFILL.Component;
export const ReviewView = REVIEW.Component;
export const WorkersView = WORKERS.Component;
export const SystemView = SYSTEM.Component;
export const TokensView = TOKENS.Component;
export const AuditView = AUDIT.Component;
export const SearchView = SEARCH.Component;
export const EditView = EDIT.Component;

const VIEWS = [JOBS, JOB, RUNS, RUN, BACKFILLS, BACKFILL, REVIEW, WORKERS, SYSTEM];

const viewAt = (path: string) => [...VIEWS, SEARCH, TOKENS, AUDIT, EDIT].find((each) => each.path.test(path));

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

/** Loads the view of a path and its data, as far as it is known before the view is rendered. */
export const loadFirst = async (path: string, client: QueryClient): Promise<void> => {
  const found = viewAt(path);
  await Promise.allSettled([found?.load(), loadFirstData(path, client)]);
};

const loadFirstData = (path: string, client: QueryClient): Promise<unknown> => {
  const [, runId] = /^\/runs\/([^/]+)$/.exec(path) ?? [];
  if (runId !== undefined)
    return Promise.all([client.prefetchQuery(runQuery(runId)), client.prefetchQuery(runTasksQuery(runId))]);
  if (path === "/jobs") return client.prefetchQuery(jobsQuery());
  if (path !== "/") return Promise.resolve();
  return Promise.all([
    prefetchTimeline(client),
    client.prefetchQuery(jobsQuery()),
    client.prefetchQuery(attentionQuery()),
    client.prefetchQuery(statsQuery()),
    client.prefetchQuery(runsQuery({ status: "running", limit: MAX_RUNNING })),
  ]);
};

/** Starts to load the view of a path. */
export const preload = (path: string): void => {
  const found = viewAt(path);
  // A failure is reported when the view is visited.
  void found?.load().catch(() => {});
};
