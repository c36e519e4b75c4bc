import { defaultZone } from "../../app/settings/settings.ts";
import type { Job } from "../../domain/job.ts";
import { compileSchedule } from "../../domain/schedule/schedule.ts";
import type { JobView } from "../../engine/engine.ts";
import { defineCommand } from "../command.ts";
import { noJobIn, readJobs, warnOfProblems } from "../job-folder.ts";
import { readableLocal, shortLocal } from "../terminal/local-time.ts";
import { distanceText } from "../terminal/relative-time.ts";
import { type Column, columnTable } from "../terminal/table.ts";
import type { Screen } from "../terminal/terminal.ts";

export const list = defineCommand({
  name: "list",
  summary: "List the jobs of a folder with their schedules",
  description:
    "Lists the jobs of a folder by id, with schedule, next occurrence and number of tasks. --json has the format of " +
    "GET /api/jobs. The exit status is 1 if a file is invalid.",
  args: {
    JOBS_DIR: { type: "positional", required: true, description: "The folder of the job files." },
  },
  settings: ["timezone"],
  examples: ["petit list examples/jobs", "petit list examples/jobs --json"],
  run: async ({ JOBS_DIR }, { terminal: { out, err }, json, settings, clock }) => {
    const files = await readJobs(JOBS_DIR);
    const zone = defaultZone(settings);
    const now = clock.now();
    const views = files.jobs.map((job) => viewOf(job, { zone, now }));
    if (json) out.write(await asJson(views));
    else out.write(columnTable(columnsOf(views, { zone, now, out }), out));
    if (!json && views.length === 0 && files.problems.length === 0) err.write(noJobIn(JOBS_DIR, err));
    return warnOfProblems(files, { dir: JOBS_DIR, err });
  },
});

/** Loads the API's schemas only here, because importing Elysia takes longer than everything else. */
const asJson = async (views: readonly JobView[]): Promise<string> => {
  const { jobList } = await import("../../api/shapes/job.ts");
  return `${JSON.stringify(jobList(views), null, 2)}\n`;
};

const viewOf = (job: Job, { zone, now }: { readonly zone: string; readonly now: number }): JobView => ({
  job,
  nextRunAt: job.schedule === null || !job.enabled ? null : compileSchedule(job.schedule, zone).next(now),
  lastRun: null,
  running: 0,
  pause: null,
});

type TableOptions = { readonly zone: string; readonly now: number; readonly out: Screen };

/** On a terminal, times are short. If it is narrow, the id and the next occurrence remain longest. */
const columnsOf = (views: readonly JobView[], { zone, now, out }: TableOptions): readonly Column[] => {
  const nextText = ({ job, nextRunAt }: JobView): string => {
    if (nextRunAt === null) return "-";
    const own = job.schedule?.timezone ?? zone;
    return out.isTerminal ? shortLocal(nextRunAt, { now, zone: own, home: zone }) : readableLocal(nextRunAt, own);
  };
  const distances = views.map(({ nextRunAt }) => (nextRunAt === null ? "" : distanceText(nextRunAt - now)));
  return [
    { title: "JOB", cells: views.map(({ job }) => job.id), shrink: 4, min: 8 },
    { title: "SCHEDULE", cells: views.map(({ job }) => scheduleText(job)), shrink: 3, min: 12, drop: 5 },
    { title: "NEXT", cells: views.map(nextText), drop: 6 },
    ...(out.isTerminal ? [{ title: "IN", cells: distances, drop: 1 }] : []),
    { title: "TASKS", cells: views.map(({ job }) => String(job.tasks.length)), drop: 2 },
  ];
};

const scheduleText = ({ enabled, schedule }: Job): string => {
  const text = schedule?.expressions.join(", ") ?? null;
  if (enabled) return text ?? "-";
  return text === null ? "disabled" : `${text} (disabled)`;
};
