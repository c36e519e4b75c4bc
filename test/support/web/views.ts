/** The job and the run that the views show. */
export type Visited = { readonly jobId: string; readonly runId: string };

export type View = {
  readonly name: string;
  readonly path: (visited: Visited) => string;
  /** The heading of the view. */
  readonly heading: RegExp;
};

/** Every view of the dashboard. */
export const VIEWS: readonly View[] = [
  { name: "now", path: () => "/", heading: /^Now/ },
  { name: "jobs", path: () => "/jobs", heading: /^Jobs/ },
  { name: "job", path: ({ jobId }) => `/jobs/${jobId}`, heading: /./ },
  { name: "runs", path: () => "/runs", heading: /^Runs/ },
  { name: "run", path: ({ runId }) => `/runs/${runId}`, heading: /./ },
  { name: "backfills", path: () => "/backfills", heading: /^Backfills/ },
  { name: "review", path: () => "/review", heading: /^Review/ },
  { name: "search", path: () => "/search?q=hello", heading: /^Search/ },
  { name: "workers", path: () => "/workers", heading: /^Workers/ },
  { name: "edit", path: () => "/edit", heading: /^(?:Edit job|Job) files/ },
  { name: "tokens", path: () => "/system/tokens", heading: /^Tokens/ },
  { name: "audit", path: () => "/system/audit", heading: /^Audit log/ },
  { name: "system", path: () => "/system", heading: /^System/ },
];
