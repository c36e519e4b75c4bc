import { ifFound } from "../../client/error.ts";
import type { ResponseBody } from "../../client/routes.ts";
import { fenceLine } from "../answer/fence.ts";
import { position, required, text } from "../arguments.ts";
import { scheduleText } from "../facts/job.ts";
import { pauseText } from "../facts/scheduler.ts";
import { defineTool, type ToolContext } from "../tool.ts";

type JobFacts = ResponseBody<"get", "/api/jobs/:job_id">;
type Versions = ResponseBody<"get", "/api/jobs/:job_id/versions">["versions"];

const UPCOMING = 5;
const VERSIONS = 5;

export const getJob = defineTool({
  name: "get_job",
  description: "Show a job: its YAML definition, params, next occurrences and versions.",
  args: { job: required(text()), cursor: position() },
  effect: "reads",
  run: async ({ job: name, cursor = 0 }, context) => {
    const { client } = context;
    const params = { job_id: name };
    const job = await client.get("/api/jobs/:job_id", { params });
    const [{ occurrences }, { versions }, definition] = await Promise.all([
      client.get("/api/jobs/:job_id/occurrences", { params, query: { coming: UPCOMING, limit: 1 } }),
      client.get("/api/jobs/:job_id/versions", { params, query: { limit: VERSIONS, uses: 1 } }),
      ifFound(client.get("/api/jobs/:job_id/definition", { params })),
    ]);
    const due = occurrences.flatMap((each) => (each.outcome === "due" ? [each.scheduled_for] : [])).reverse();
    const lines = definition?.text.replace(/\n$/, "").split("\n") ?? [];
    const entries = lines.map((line, index) => ({
      data: fenceLine(String(index + 1), line),
      cursor: String(index + 1),
    }));
    return {
      fields:
        cursor === 0
          ? { ...jobFields(job, { due, versions }, context), scheduler: await pauseText(context) }
          : { job: job.id },
      list: { entries: entries.slice(cursor), lines: "The job's YAML, with secrets hidden: line number", cursor: null },
    };
  },
});

const jobFields = (
  job: JobFacts,
  { due, versions }: { readonly due: readonly number[]; readonly versions: Versions },
  { iso, isoIn }: ToolContext,
) => ({
  job: job.id,
  name: job.name === job.id ? null : job.name,
  description: job.description,
  tags: job.tags,
  formerly: job.formerly,
  gone_since: iso(job.gone_at),
  schedule: scheduleText(job),
  next_occurrences: due.map((at) => isoIn(job.timezone, at)),
  paused: job.paused ? { since: iso(job.paused_at), by: job.paused_by } : null,
  running: job.running || null,
  last_run: job.last_run === null ? null : { run: job.last_run.id, status: job.last_run.status },
  params: Object.fromEntries(
    Object.entries(job.params).map(
      ([name, { description, required: isRequired, default: initial, enum: values, pattern }]) => [
        name,
        { description, required: isRequired || null, default: initial, enum: values, pattern },
      ],
    ),
  ),
  depends_on: job.depends_on.map(({ job_id, condition }) => ({ job: job_id, condition })),
  links: job.links,
  file: job.source.file,
  versions: versions.map(({ version, changed_at, current, uses: [use] }) => ({
    version,
    since: iso(changed_at),
    current: current || null,
    commit: use?.commit?.id,
    author: use?.commit?.author,
    by: use?.by,
  })),
});
