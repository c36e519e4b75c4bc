import type { ResponseBody } from "../../client/routes.ts";
import { text } from "../arguments.ts";
import { scheduleText } from "../facts/job.ts";
import { pauseText } from "../facts/scheduler.ts";
import { defineTool, type ToolContext } from "../tool.ts";

type JobFacts = ResponseBody<"get", "/api/jobs">["jobs"][number];

export const listJobs = defineTool({
  name: "list_jobs",
  description: "List jobs (what petit schedules) with their last and next run.",
  args: { match: text("Part of an id, name or description"), tag: text(), cursor: text() },
  effect: "reads",
  run: async ({ match, tag, cursor = "" }, context) => {
    const { jobs } = await context.client.get("/api/jobs", { query: { tag } });
    const matching = jobs.filter((job) => match === undefined || isMatch(job, match.toLowerCase()));
    return {
      fields: { total: matching.length, scheduler: await pauseText(context) },
      list: {
        name: "jobs",
        entries: matching
          .filter(({ id }) => id > cursor)
          .map((job) => ({ data: jobEntry(job, context), cursor: job.id })),
        cursor: null,
      },
    };
  },
});

const isMatch = ({ id, name, description, tags }: JobFacts, part: string): boolean =>
  [id, name, description ?? "", ...tags].some((each) => each.toLowerCase().includes(part));

const jobEntry = (job: JobFacts, { iso, isoIn }: ToolContext) => ({
  id: job.id,
  name: job.name === job.id ? null : job.name,
  description: job.description,
  tags: job.tags,
  schedule: scheduleText(job),
  next_run: isoIn(job.timezone, job.next_start_at),
  paused: job.paused || null,
  last_run:
    job.last_run === null
      ? null
      : { run: job.last_run.id, status: job.last_run.status, started: iso(job.last_run.started_at) },
  running: job.running || null,
});
