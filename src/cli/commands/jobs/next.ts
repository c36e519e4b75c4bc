import { existsSync } from "node:fs";
import { defaultZone } from "../../../app/settings/settings.ts";
import type { Client } from "../../../client/client.ts";
import { isRefused, isUnreachable } from "../../../client/error.ts";
import { PetitError } from "../../../domain/errors.ts";
import { isName } from "../../../domain/ids.ts";
import { startsAtBoot } from "../../../domain/schedule/boot.ts";
import { nextDateStart } from "../../../domain/schedule/except.ts";
import { localTime, zoneOf } from "../../../domain/schedule/local-time.ts";
import {
  type NextJob,
  type NextOccurrence,
  nextByJob,
  nextOccurrences,
} from "../../../domain/schedule/next-occurrences.ts";
import { openClient } from "../../client/client.ts";
import { noteNewId } from "../../client/job-note.ts";
import { withFolderHint } from "../../client/request-failure.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus } from "../../exit.ts";
import { readCount, readTime } from "../../flag-values.ts";
import { findJob, readJobs, warnOfProblems } from "../../job-folder.ts";
import { jobTable, occurrenceTable } from "../../next/table.ts";
import type { Screen } from "../../terminal/terminal.ts";

const DEFAULT_COUNT = 10;
const DEFAULT_COUNT_PER_JOB = 3;
const MAX_COUNT = 10_000;
const COUNT = { flag: "-n", max: MAX_COUNT };

export const next = defineCommand({
  name: "next",
  summary: "List the next occurrences, with daylight-saving shifts marked",
  description:
    "Lists the next occurrences of the jobs in a folder, or else of the running petit, one row per job; jobs that are due at least " +
    "every five minutes share a line. With JOB, lists the occurrences of that job. --json lists those of all jobs together. With " +
    "JOBS_DIR, no running petit is needed.",
  usage: ["petit next [JOB]", "petit next JOBS_DIR [JOB]"],
  args: {
    "JOBS_DIR|JOB": {
      type: "positional",
      required: false,
      description:
        "The folder of the job files, or a job of the running petit. [default: all jobs of the running petit]",
    },
    JOB: { type: "positional", required: false, description: "Only this job of the folder." },
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
    until: {
      type: "string",
      valueHint: "ISO",
      description: `End time; a date includes that whole day. Without -n, lists all occurrences, at most ${MAX_COUNT}. [default: none]`,
    },
  },
  settings: ["timezone"],
  examples: [
    "petit next",
    "petit next data_pipeline -n 3",
    "petit next examples/jobs data_pipeline --from 2026-03-07T00:00:00-05:00",
    "petit next jobs --from 2026-12-24 --until 2026-12-26",
  ],
  run: async ({ "JOBS_DIR|JOB": first, JOB, count, from, until }, context) => {
    const { terminal, json, settings, clock } = context;
    const { out, err } = terminal;
    const zone = defaultZone(settings);
    const start = readFrom(from, zone);
    const after = start ?? clock.now();
    const end = readUntil(until, { zone, after });
    const given = readCount(count, COUNT) ?? (end === null ? null : MAX_COUNT);
    const table = { now: start === null ? after : null, home: zone, out };
    const source = await findSource(first, JOB, context);
    const { jobs, jobId } = source;
    if (json || jobId !== undefined) {
      const occurrences = nextOccurrences(jobs, {
        after,
        until: end,
        zone: source.zone ?? zone,
        count: given ?? DEFAULT_COUNT,
      });
      out.write(json ? asJson(occurrences) : occurrenceTable(occurrences, table));
      if (!json && occurrences.length > 0) out.write(bootLine(jobs));
      if (occurrences.length === 0 && !json) err.write(`no occurrences: ${whyNone(source, end)}\n`);
    } else {
      const byJob = nextByJob(jobs, {
        after,
        until: end,
        zone: source.zone ?? zone,
        count: given ?? DEFAULT_COUNT_PER_JOB,
      });
      out.write(jobTable(byJob, table));
      out.write(bootLine(jobs));
      if (byJob.length === 0 && bootJobs(jobs).length === 0) err.write(`no occurrences: ${whyNone(source, end)}\n`);
    }
    return source.report();
  },
});

const bootLine = (jobs: readonly NextJob[]): string => {
  const ids = bootJobs(jobs);
  return ids.length === 0 ? "" : `at each boot of the machine: ${ids.join(", ")}\n`;
};

type JobSource = {
  readonly jobs: readonly NextJob[];
  /** The job that was asked for; undefined for all. */
  readonly jobId: string | undefined;
  /** Zone of schedules that name none; null for that of the settings. */
  readonly zone: string | null;
  /** Reports problems of the job files, and returns the exit status. */
  readonly report: () => ExitStatus;
};

/** Treats a single argument that is neither a file nor a folder as the id of a job of the running petit. */
const findSource = async (
  first: string | undefined,
  jobId: string | undefined,
  context: Context,
): Promise<JobSource> => {
  const { err } = context.terminal;
  if (first === undefined) return withFolderHint("petit next JOBS_DIR", () => jobsOfPetit(context));
  if (jobId !== undefined || !isName(first) || existsSync(first)) return jobsOfFolder({ dir: first, jobId, err });
  try {
    return await jobOfPetit(first, context);
  } catch (error) {
    // No petit runs, so the argument can only be a folder. This reports that it does not exist.
    if (isUnreachable(error)) return jobsOfFolder({ dir: first, jobId, err });
    if (!(error instanceof Error && isRefused(error, "NOT_FOUND"))) throw error;
    throw new PetitError("not_found", `there is no folder '${first}', and ${error.message}`, { cause: error });
  }
};

type FolderOptions = { readonly dir: string; readonly jobId: string | undefined; readonly err: Screen };

/** Returns the jobs of a folder, or one of them; problems of other files don't matter then. */
const jobsOfFolder = async ({ dir, jobId, err }: FolderOptions): Promise<JobSource> => {
  const files = await readJobs(dir);
  if (jobId !== undefined)
    return { jobs: [findJob(files, { id: jobId, dir, err })], jobId, zone: null, report: () => EXIT.DONE };
  return { jobs: files.jobs, jobId, zone: null, report: () => warnOfProblems(files, { dir, err }) };
};

/** Returns the jobs of the running petit. A paused job has no occurrences. */
const jobsOfPetit = async (context: Context): Promise<JobSource> => {
  const client = openClient(context);
  const { jobs } = await client.get("/api/jobs");
  const { timezone } = await client.get("/api/system");
  const nextJobs: NextJob[] = [];
  // The list does not have the dates, because there can be thousands.
  for (const job of jobs) nextJobs.push(nextJobOf(job, job.has_except ? (await getJob(client, job.id)).except : []));
  return { jobId: undefined, jobs: nextJobs, zone: timezone, report: () => EXIT.DONE };
};

/** Returns a job of the running petit, also by a former id. A paused job and one without a file have no occurrences. */
const jobOfPetit = async (name: string, context: Context): Promise<JobSource> => {
  const client = openClient(context);
  const job = await getJob(client, name);
  noteNewId(name, job.id, context);
  const { timezone } = await client.get("/api/system");
  return { jobId: job.id, jobs: [nextJobOf(job, job.except)], zone: timezone, report: () => EXIT.DONE };
};

const getJob = (client: Client, jobId: string) => client.get("/api/jobs/:job_id", { params: { job_id: jobId } });

type ListedJob = Awaited<ReturnType<typeof getJob>>;

type JobSchedule = Pick<ListedJob, "id" | "enabled" | "paused" | "gone" | "schedule" | "timezone" | "jitter_ms">;

const nextJobOf = (job: JobSchedule, except: readonly string[]): NextJob => ({
  id: job.id,
  enabled: job.enabled && !job.paused && !job.gone,
  isGone: job.gone,
  schedule:
    job.schedule === null
      ? null
      : {
          expressions: job.schedule,
          timezone: job.timezone,
          jitterMs: job.jitter_ms ?? 0,
          ...(except.length > 0 && { except: { dates: except, files: [] } }),
        },
});

/** Returns the enabled jobs that start at each boot of the machine. */
const bootJobs = (jobs: readonly NextJob[]): readonly string[] =>
  jobs.filter(({ enabled, schedule }) => enabled && startsAtBoot(schedule?.expressions ?? [])).map(({ id }) => id);

const whyNone = ({ jobs, jobId, zone }: JobSource, until: number | null): string => {
  const scheduled = jobs.filter(({ schedule }) => schedule !== null);
  const atBoot = bootJobs(jobs);
  if (atBoot.length > 0 && until === null) return `${atBoot.join(", ")} runs at each boot of the machine`;
  if (scheduled.some(({ enabled }) => enabled))
    return until === null ? "the schedules have ended" : "none is due until then";
  if (jobId === undefined) return "no enabled job has a schedule";
  if (jobs.some(({ isGone }) => isGone)) return `'${jobId}' is gone: no job file defines it any more`;
  return `'${jobId}' ${scheduled.length === 0 ? "has no schedule" : zone === null ? "is disabled" : "is disabled or paused"}`;
};

/** Returns the instant just before `--from`, so that an occurrence at that time is included, or null if it isn't given. */
const readFrom = (text: string | undefined, zone: string): number | null => {
  return text === undefined ? null : readTime("--from", text, zone) - 1;
};

/** Returns the last instant of the list, or null if `--until` isn't given. */
const readUntil = (
  text: string | undefined,
  { zone, after }: { readonly zone: string; readonly after: number },
): number | null => {
  if (text === undefined) return null;
  const at = readTime("--until", text, zone);
  const end = /^\d{4}-\d\d-\d\d$/.test(text) ? nextDateStart(at, zoneOf(zone)) - 1 : at;
  if (end > after) return end;
  throw new PetitError("invalid_request", `--until is '${text}'; expected a time after the start of the list`);
};

const asJson = (list: readonly NextOccurrence[]): string => {
  const occurrences = list.map(({ jobId, at, startsAt, zone, isExcluded, note }) => ({
    job_id: jobId,
    at,
    starts_at: startsAt,
    local: localTime(at, zone),
    excluded: isExcluded,
    note,
  }));
  return `${JSON.stringify({ occurrences, count: occurrences.length }, null, 2)}\n`;
};
