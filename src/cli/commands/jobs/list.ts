import type { JobList } from "../../../api/shapes/job.ts";
import { defaultZone } from "../../../app/settings/settings.ts";
import type { Job } from "../../../domain/job.ts";
import type { RunActivity } from "../../../domain/limits/activity.ts";
import { startsAtBoot } from "../../../domain/schedule/boot.ts";
import { jitterMs } from "../../../domain/schedule/jitter.ts";
import { compileSchedule } from "../../../domain/schedule/schedule.ts";
import { distanceText, roughlyText } from "../../../domain/words/duration.ts";
import { changeText } from "../../../domain/words/duration-change.ts";
import { unfiredState } from "../../../domain/words/inbox/unfired.ts";
import { activityStatus, activityWords, statusWords } from "../../../domain/words/waiting-for.ts";
import type { JobView } from "../../../engine/engine.ts";
import { openClient } from "../../client/client.ts";
import { withFolderHint } from "../../client/request-failure.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus } from "../../exit.ts";
import { noJobIn, readJobs, warnOfProblems } from "../../job-folder.ts";
import { signOf, styleOf } from "../../run-display/status-text.ts";
import { TAG_FLAG, withTags } from "../../tags.ts";
import { readableLocal, shortLocal } from "../../terminal/local-time.ts";
import { type Column, columnTable } from "../../terminal/table.ts";
import type { Screen } from "../../terminal/terminal.ts";

export const list = defineCommand({
  name: "list",
  summary: "List the jobs of a folder, or of the running petit",
  description:
    "Lists the jobs of a folder by id, with schedule, next occurrence and number of tasks; without JOBS_DIR, those of the running " +
    "petit, with the newest run and CHANGE: how the median duration of the last 7 days differs from that of the 28 days before, where " +
    "that is more than chance. --json has the format of GET /api/jobs. The exit status is 1 if a file is invalid.",
  args: {
    JOBS_DIR: {
      type: "positional",
      required: false,
      description: "The folder of the job files. [default: the jobs of the running petit]",
    },
    tag: { ...TAG_FLAG, description: "Only jobs with this tag; several, separated by commas, must all be there." },
  },
  settings: ["timezone"],
  examples: ["petit list", "petit list examples/jobs", "petit list examples/jobs --tag demo"],
  run: async ({ JOBS_DIR, tag }, context) =>
    JOBS_DIR === undefined ? listJobsOfPetit(tag, context) : listJobsOfFolder({ dir: JOBS_DIR, tag }, context),
});

type Selection = { readonly dir: string; readonly tag: string | undefined };

const listJobsOfFolder = async ({ dir, tag }: Selection, context: Context): Promise<ExitStatus> => {
  const { terminal, json, settings, clock } = context;
  const { out, err } = terminal;
  const files = await readJobs(dir);
  const zone = defaultZone(settings);
  const now = clock.now();
  const views = withTags(files.jobs, tag).map((job) => viewOf(job, { zone, now }));
  if (json) out.write(await asJson(views));
  else out.write(columnTable(columnsOf(views.map(rowOfView), { zone, now, out }), out));
  if (!json && views.length === 0 && files.problems.length === 0) err.write(noJobIn(dir, err));
  return warnOfProblems(files, { dir, err });
};

const listJobsOfPetit = async (tag: string | undefined, context: Context): Promise<ExitStatus> => {
  const { terminal, json, settings, clock } = context;
  const { out, err } = terminal;
  const client = openClient(context);
  const answer = await withFolderHint("petit list JOBS_DIR", () => client.get("/api/jobs", { query: { tag } }));
  const options = { zone: defaultZone(settings), now: clock.now(), out };
  if (json) out.write(`${JSON.stringify(answer, null, 2)}\n`);
  else out.write(columnTable(columnsOf(answer.jobs.map(rowOfBody), options), out));
  if (!json && answer.count === 0) {
    const which = tag === undefined ? "" : ` with the tag '${tag}'`;
    err.write(`petit at ${client.base} has no jobs${which}\n`);
  }
  return EXIT.DONE;
};

/** Loads the API's schemas only here, because importing Elysia takes longer than everything else. */
const asJson = async (views: readonly JobView[]): Promise<string> => {
  const { jobList } = await import("../../../api/shapes/job.ts");
  return `${JSON.stringify(jobList(views), null, 2)}\n`;
};

const viewOf = (job: Job, { zone, now }: { readonly zone: string; readonly now: number }): JobView => {
  const { schedule } = job;
  const nextRunAt = schedule === null || !job.enabled ? null : compileSchedule(schedule, zone).nextStart(now);
  return {
    job,
    nextRunAt,
    nextStartAt: nextRunAt === null ? null : nextRunAt + jitterMs(job.id, nextRunAt, schedule?.jitterMs ?? 0),
    lastRun: null,
    running: 0,
    pending: 0,
    executing: 0,
    waiting: {},
    pause: null,
    unfired: null,
    formerIds: job.formerly ?? [],
    gone: null,
  };
};

type ListedJob = (typeof JobList.static)["jobs"][number];

type JobRow = {
  readonly id: string;
  readonly expressions: readonly string[] | null;
  readonly timezone: string | null;
  /** Why the schedule is ignored. */
  readonly off: "disabled" | "paused" | null;
  /** When the next occurrence starts a run, which jitter delays. */
  readonly nextStartAt: number | null;
  /** Undefined in a folder, which has no runs. */
  readonly lastRun?: ListedJob["last_run"];
  readonly activity?: RunActivity;
  /** Why it has not run as expected. An older petit does not say it. */
  readonly unfired?: ListedJob["not_run_as_expected"];
  readonly expectation?: ListedJob["expectation"];
  readonly change?: ListedJob["duration_change"];
  readonly tasks: number;
  readonly tags: readonly string[];
};

const rowOfView = ({ job, nextStartAt }: JobView): JobRow => ({
  id: job.id,
  expressions: job.schedule?.expressions ?? null,
  timezone: job.schedule?.timezone ?? null,
  off: job.enabled ? null : "disabled",
  nextStartAt,
  tasks: job.tasks.length,
  tags: job.tags ?? [],
});

const rowOfBody = (body: ListedJob): JobRow => ({
  id: body.id,
  expressions: body.schedule,
  timezone: body.timezone,
  off: body.enabled ? (body.paused ? "paused" : null) : "disabled",
  nextStartAt: body.paused ? null : body.next_start_at,
  lastRun: body.last_run,
  activity: body,
  unfired: body.not_run_as_expected,
  expectation: body.expectation,
  change: body.duration_change,
  tasks: body.task_count,
  tags: body.tags,
});

type TableOptions = { readonly zone: string; readonly now: number; readonly out: Screen };

/** On a terminal, times are short. If it is narrow, the id and the next occurrence remain longest. */
const columnsOf = (rows: readonly JobRow[], options: TableOptions): readonly Column[] => {
  const { zone, now, out } = options;
  const nextText = ({ nextStartAt, timezone, off, expressions }: JobRow): string => {
    if (nextStartAt === null) return off === null && startsAtBoot(expressions ?? []) ? "at boot" : "-";
    const own = timezone ?? zone;
    return out.isTerminal ? shortLocal(nextStartAt, { now, zone: own, home: zone }) : readableLocal(nextStartAt, own);
  };
  const distances = rows.map(({ nextStartAt }) => (nextStartAt === null ? "" : distanceText(nextStartAt - now)));
  return [
    { title: "JOB", cells: rows.map(({ id }) => id), shrink: 4, min: 8 },
    ...(rows.some(({ lastRun }) => lastRun !== undefined) ? [lastRunColumn(rows, options), changeColumn(rows)] : []),
    { title: "SCHEDULE", cells: rows.map(scheduleText), shrink: 3, min: 12, drop: 5 },
    { title: "NEXT", cells: rows.map(nextText), drop: 6 },
    ...(out.isTerminal ? [{ title: "IN", cells: distances, drop: 1 }] : []),
    { title: "TASKS", cells: rows.map(({ tasks }) => String(tasks)), drop: 2 },
    ...tagColumn(rows),
  ];
};

const NO_ACTIVITY: RunActivity = { running: 0 };

/** What its unfinished runs do; of a job that has none, how the newest run ended. */
const lastRunColumn = (rows: readonly JobRow[], { now, zone, out }: TableOptions): Column => ({
  title: "LAST RUN",
  cells: rows.map(({ lastRun = null, unfired = null, expectation, activity = NO_ACTIVITY }) => {
    const active = activityStatus(activity);
    const staleSince = expectation?.stale_since ?? null;
    if (staleSince !== null && active === null)
      return out.isTerminal
        ? `! ${roughlyText(staleSince - now)}, stale`
        : `stale since ${readableLocal(staleSince, zone)}`;
    if (unfired !== null && active === null)
      return out.isTerminal
        ? `! ${roughlyText(unfired.since - now)}, ${unfiredState(unfired)}`
        : `${unfiredState(unfired)} since ${readableLocal(unfired.since, zone)}`;
    if (lastRun === null) return "-";
    const at = lastRun.ended_at ?? lastRun.started_at;
    const words = activityWords(activity) ?? statusWords(lastRun);
    if (!out.isTerminal) return `${words}${at === null ? "" : ` ${readableLocal(at, zone)}`}`;
    return `${signOf(active ?? lastRun.status)} ${active !== null || at === null ? words : roughlyText(at - now)}`;
  }),
  style: (row) => {
    const { lastRun = null, unfired = null, expectation, activity = NO_ACTIVITY } = rows[row] ?? {};
    const active = activityStatus(activity);
    if (expectation?.stale_since != null && active === null) return "red";
    if (unfired !== null && active === null) return "yellow";
    return styleOf(active ?? lastRun?.status ?? "pending");
  },
});

/** How the durations of the last days differ from those of the weeks before; empty if it may be chance. */
const changeColumn = (rows: readonly JobRow[]): Column => ({
  title: "CHANGE",
  cells: rows.map(({ change = null }) => (change === null ? "-" : changeText(change))),
  drop: 4,
});

const tagColumn = (rows: readonly JobRow[]): readonly Column[] => {
  const cells = rows.map(({ tags }) => tags.join(", "));
  return cells.every((cell) => cell === "") ? [] : [{ title: "TAGS", cells, shrink: 2, min: 8, drop: 1 }];
};

const scheduleText = ({ off, expressions }: JobRow): string => {
  const text = expressions?.join(", ") ?? null;
  if (off === null) return text ?? "-";
  return text === null ? off : `${text} (${off})`;
};
