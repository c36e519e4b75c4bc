import type { Tool } from "../tool.ts";
import { attention } from "./attention.ts";
import { cancel, pauseJob, resumeJob, retry, trigger } from "./change.ts";
import { getJob } from "./get-job.ts";
import { getRun } from "./get-run.ts";
import { listJobs } from "./list-jobs.ts";
import { listRuns } from "./list-runs.ts";
import { nextOccurrences } from "./next-occurrences.ts";
import { readLog } from "./read-log.ts";
import { searchLogs } from "./search-logs.ts";
import { validate } from "./validate.ts";
import { why } from "./why.ts";

/** The tools that change nothing, in the order of the list. */
export const READ_TOOLS: readonly Tool[] = [
  listJobs,
  getJob,
  listRuns,
  getRun,
  readLog,
  searchLogs,
  why,
  attention,
  validate,
  nextOccurrences,
];

/** The tools that change something, in the order of the list. There is none that approves: that is for people. */
export const CHANGE_TOOLS: readonly Tool[] = [trigger, retry, cancel, pauseJob, resumeJob];
