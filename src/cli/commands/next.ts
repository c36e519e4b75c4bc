import { defaultZone } from "../../app/settings/settings.ts";
import { PetitError } from "../../domain/errors.ts";
import type { Job } from "../../domain/job.ts";
import { localTime } from "../../domain/schedule/local-time.ts";
import type { JobFiles } from "../../jobfile/read/job-dir.ts";
import { defineCommand } from "../command.ts";
import { findJob, readJobs, warnOfProblems } from "../job-folder.ts";
import { type NextOccurrence, nextByJob, nextOccurrences } from "../next/occurrences.ts";
import { jobTable, occurrenceTable } from "../next/table.ts";
import { readCount } from "../read-count.ts";
import { parseIso } from "../terminal/local-time.ts";

const DEFAULT_COUNT = 10;
const DEFAULT_COUNT_PER_JOB = 3;
const MAX_COUNT = 10_000;
const COUNT = { flag: "-n", max: MAX_COUNT };

export const next = defineCommand({
  name: "next",
  summary: "List the next occurrences, with daylight-saving shifts marked",
  description:
    "Lists the next occurrences of the jobs in a folder, one row per job; jobs that are due at least every five minutes share a " +
    "line. With JOB, lists the occurrences of that job. --json lists those of all jobs together. Does not need a running petit.",
  args: {
    JOBS_DIR: { type: "positional", required: true, description: "The folder of the job files." },
    JOB: { type: "positional", required: false, description: "Only this job." },
    count: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: `Number of occurrences, at most ${MAX_COUNT}; without JOB, of each job. [default: ${DEFAULT_COUNT}; of each job: ${DEFAULT_COUNT_PER_JOB}]`,
    },
    from: {
      type: "string",
      valueHint: "ISO",
      description: "Start time, such as 2026-03-08 or 2026-03-08T01:30. [default: now]",
    },
  },
  settings: ["timezone"],
  examples: ["petit next examples/jobs", "petit next examples/jobs data_pipeline --from 2026-03-07T00:00:00-05:00"],
  run: async ({ JOBS_DIR, JOB, count, from }, { terminal: { out, err }, json, settings, clock }) => {
    const zone = defaultZone(settings);
    const start = readFrom(from, zone);
    const given = readCount(count, COUNT);
    const options = { after: start ?? clock.now(), zone };
    const table = { now: start === null ? options.after : null, home: zone, out };
    const files = await readJobs(JOBS_DIR);
    const jobs = JOB === undefined ? files.jobs : [findJob(files, { id: JOB, dir: JOBS_DIR, err })];
    if (json || JOB !== undefined) {
      const occurrences = nextOccurrences(jobs, { ...options, count: given ?? DEFAULT_COUNT });
      out.write(json ? asJson(occurrences) : occurrenceTable(occurrences, table));
      if (occurrences.length === 0 && !json) err.write(`no occurrences: ${whyNone(jobs, JOB)}\n`);
    } else {
      const byJob = nextByJob(jobs, { ...options, count: given ?? DEFAULT_COUNT_PER_JOB });
      out.write(jobTable(byJob, table));
      if (byJob.length === 0) err.write(`no occurrences: ${whyNone(jobs, JOB)}\n`);
    }
    return warnOfProblems(JOB === undefined ? files : NO_PROBLEMS, { dir: JOBS_DIR, err });
  },
});

const whyNone = (jobs: readonly Job[], jobId: string | undefined): string => {
  const scheduled = jobs.filter(({ schedule }) => schedule !== null);
  if (scheduled.some(({ enabled }) => enabled)) return "the schedules have ended";
  if (jobId === undefined) return "no enabled job has a schedule";
  return `'${jobId}' ${scheduled.length === 0 ? "has no schedule" : "is disabled"}`;
};

/** Used for a single job, because problems of other files don't matter then. */
const NO_PROBLEMS: JobFiles = { jobs: [], problems: [], broken: [] };

/** Returns the instant just before `--from`, so that an occurrence at that time is included, or null if it isn't given. */
const readFrom = (text: string | undefined, zone: string): number | null => {
  if (text === undefined) return null;
  const at = parseIso(text, zone);
  if (at !== null) return at - 1;
  const form = "an ISO 8601 time such as 2026-03-08, 2026-03-08T01:30 or 2026-03-08T01:30:00-05:00";
  throw new PetitError("invalid_request", `--from is '${text}'; expected ${form}`);
};

const asJson = (list: readonly NextOccurrence[]): string => {
  const occurrences = list.map(({ jobId, at, zone, note }) => ({
    job_id: jobId,
    at,
    local: localTime(at, zone),
    note,
  }));
  return `${JSON.stringify({ occurrences, count: occurrences.length }, null, 2)}\n`;
};
