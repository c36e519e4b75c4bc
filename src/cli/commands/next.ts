import { defaultZone } from "../../app/settings/settings.ts";
import { PetitError } from "../../domain/errors.ts";
import type { JobId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { scheduleNote } from "../../domain/schedule/daylight-saving-note.ts";
import { localTime } from "../../domain/schedule/local-time.ts";
import { compileSchedule } from "../../domain/schedule/schedule.ts";
import type { JobFiles } from "../../jobfile/read/job-dir.ts";
import { defineCommand } from "../command.ts";
import { findJob, readJobs, warnOfProblems } from "../job-folder.ts";
import { readCount } from "../read-count.ts";
import { parseIso, readableLocal } from "../terminal/local-time.ts";
import { columnTable } from "../terminal/table.ts";
import type { Screen } from "../terminal/terminal.ts";

const DEFAULT_COUNT = 10;
const MAX_COUNT = 10_000;
const COUNT = { flag: "-n", max: MAX_COUNT };

export const next = defineCommand({
  name: "next",
  summary: "List the next occurrences, with daylight-saving shifts marked",
  description: "Lists the next occurrences of the jobs in a folder, or of one job. Does not need a running petit.",
  args: {
    JOBS_DIR: { type: "positional", required: true, description: "The folder of the job files." },
    JOB: { type: "positional", required: false, description: "Only this job." },
    count: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: `Number of occurrences, at most ${MAX_COUNT}. [default: ${DEFAULT_COUNT}]`,
    },
    from: {
      type: "string",
      valueHint: "ISO",
      description: "Start time, such as 2026-03-08 or 2026-03-08T01:30. [default: now]",
    },
  },
  settings: ["timezone"],
  examples: [
    "petit next examples/jobs -n 3",
    "petit next examples/jobs data_pipeline --from 2026-03-07T00:00:00-05:00",
  ],
  run: async ({ JOBS_DIR, JOB, count, from }, { terminal: { out, err }, json, settings, clock }) => {
    const zone = defaultZone(settings);
    const options = {
      count: readCount(count, COUNT) ?? DEFAULT_COUNT,
      after: readFrom(from, zone) ?? clock.now(),
      zone,
    };
    const files = await readJobs(JOBS_DIR);
    const jobs = JOB === undefined ? files.jobs : [findJob(files, { id: JOB, dir: JOBS_DIR, err })];
    const occurrences = nextOccurrences(jobs, options);
    out.write(json ? asJson(occurrences) : asTable(occurrences, out));
    if (occurrences.length === 0 && !json) err.write(`no occurrences: ${whyNone(jobs, JOB)}\n`);
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

type NextOccurrence = {
  readonly jobId: JobId;
  readonly at: number;
  readonly zone: string;
  readonly note: string | null;
};

/** Returns the first `count` occurrences of all schedules after `after`, by time, then by id. */
const nextOccurrences = (
  jobs: readonly Job[],
  options: { readonly count: number; readonly after: number; readonly zone: string },
): readonly NextOccurrence[] => {
  const queue = jobs.flatMap((job) => {
    if (!job.enabled || job.schedule === null) return [];
    const schedule = compileSchedule(job.schedule, options.zone);
    return [{ job, spec: job.schedule, schedule, at: schedule.next(options.after) }];
  });
  const occurrences: NextOccurrence[] = [];
  while (occurrences.length < options.count) {
    const first = queue.reduce<(typeof queue)[number] | null>(
      (best, each) => (each.at !== null && (best?.at == null || each.at < best.at) ? each : best),
      null,
    );
    if (first === null || first.at === null) break;
    const { timezone } = first.schedule;
    occurrences.push({
      jobId: first.job.id,
      at: first.at,
      zone: timezone,
      note: scheduleNote(first.spec, first.at, timezone),
    });
    first.at = first.schedule.next(first.at);
  }
  return occurrences;
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

const asTable = (occurrences: readonly NextOccurrence[], out: Screen): string =>
  columnTable(
    [
      { title: "WHEN", cells: occurrences.map(({ at, zone }) => readableLocal(at, zone)) },
      { title: "JOB", cells: occurrences.map(({ jobId }) => jobId), shrink: 2, min: 6 },
      {
        title: "",
        cells: occurrences.map(({ note }) => note ?? ""),
        style: () => "yellow",
        shrink: 1,
        min: 14,
        drop: 3,
      },
    ],
    out,
  );
