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
  summary: "The coming occurrences, with daylight-saving shifts marked",
  description: "Lists when the jobs of a folder, or one of them, are due. Nothing needs to run for it.",
  args: {
    JOBS_DIR: { type: "positional", required: true, description: "The folder of the job files." },
    JOB: { type: "positional", required: false, description: "Only this job." },
    count: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: `So many, up to ${MAX_COUNT}. [default: ${DEFAULT_COUNT}]`,
    },
    from: {
      type: "string",
      valueHint: "ISO",
      description: "From this time on, such as 2026-03-08 or 2026-03-08T01:30. [default: now]",
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
    const coming = comingOf(jobs, options);
    out.write(json ? asJson(coming) : asTable(coming, out));
    if (coming.length === 0 && !json) err.write(`nothing is due: ${whyNothing(jobs, JOB)}\n`);
    return warnOfProblems(JOB === undefined ? files : NO_PROBLEMS, { dir: JOBS_DIR, err });
  },
});

const whyNothing = (jobs: readonly Job[], asked: string | undefined): string => {
  const scheduled = jobs.filter(({ schedule }) => schedule !== null);
  if (scheduled.some(({ enabled }) => enabled)) return "no occurrence is left";
  if (asked === undefined) return "no enabled job has a schedule";
  return `'${asked}' ${scheduled.length === 0 ? "has no schedule" : "is disabled"}`;
};

/** Who asks for one job doesn't hear of the others. */
const NO_PROBLEMS: JobFiles = { jobs: [], problems: [], broken: [] };

/** The instant just before, since what is due at `from` itself belongs to it. Null where it isn't given. */
const readFrom = (text: string | undefined, zone: string): number | null => {
  if (text === undefined) return null;
  const at = parseIso(text, zone);
  if (at !== null) return at - 1;
  const form = "an ISO 8601 time such as 2026-03-08, 2026-03-08T01:30 or 2026-03-08T01:30:00-05:00";
  throw new PetitError("invalid_request", `--from is '${text}'; expected ${form}`);
};

type Coming = { readonly jobId: JobId; readonly at: number; readonly zone: string; readonly note: string | null };

/** Of all schedules, merged: the first `count` after `after`, by time, then by id. */
const comingOf = (
  jobs: readonly Job[],
  options: { readonly count: number; readonly after: number; readonly zone: string },
): readonly Coming[] => {
  const queue = jobs.flatMap((job) => {
    if (!job.enabled || job.schedule === null) return [];
    const schedule = compileSchedule(job.schedule, options.zone);
    return [{ job, spec: job.schedule, schedule, at: schedule.next(options.after) }];
  });
  const found: Coming[] = [];
  while (found.length < options.count) {
    const first = queue.reduce<(typeof queue)[number] | null>(
      (best, each) => (each.at !== null && (best?.at == null || each.at < best.at) ? each : best),
      null,
    );
    if (first === null || first.at === null) break;
    const { timezone } = first.schedule;
    found.push({
      jobId: first.job.id,
      at: first.at,
      zone: timezone,
      note: scheduleNote(first.spec, first.at, timezone),
    });
    first.at = first.schedule.next(first.at);
  }
  return found;
};

const asJson = (coming: readonly Coming[]): string => {
  const occurrences = coming.map(({ jobId, at, zone, note }) => ({
    job_id: jobId,
    at,
    local: localTime(at, zone),
    note,
  }));
  return `${JSON.stringify({ occurrences, count: occurrences.length }, null, 2)}\n`;
};

const asTable = (coming: readonly Coming[], out: Screen): string =>
  columnTable(
    [
      { title: "WHEN", cells: coming.map(({ at, zone }) => readableLocal(at, zone)) },
      { title: "JOB", cells: coming.map(({ jobId }) => jobId), shrink: 2, min: 6 },
      { title: "", cells: coming.map(({ note }) => note ?? ""), style: () => "yellow", shrink: 1, min: 14, drop: 3 },
    ],
    out,
  );
