import { RUN_STATUSES } from "../../domain/run.ts";
import { text, whole, word } from "../arguments.ts";
import { runEntry } from "../facts/run.ts";
import { defineTool } from "../tool.ts";
import { momentOf } from "./moment.ts";

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 200;

export const listRuns = defineTool({
  name: "list_runs",
  description: "List runs (executions of jobs), newest first, with why they failed.",
  args: {
    job: text(),
    status: word(RUN_STATUSES),
    since: text("Time, or age such as 12h"),
    until: text(),
    limit: whole({ max: MAX_LIMIT, initial: DEFAULT_LIMIT }),
    cursor: text(),
  },
  effect: "reads",
  run: async ({ job, status, since, until, limit = DEFAULT_LIMIT, cursor }, context) => {
    const { client } = context;
    const query = {
      status,
      limit,
      before: cursor,
      from: momentOf("since", since, context),
      to: momentOf("until", until, context),
      failure: true,
    };
    const { runs, next } =
      job === undefined
        ? await client.get("/api/runs", { query })
        : await client.get("/api/jobs/:job_id/runs", { params: { job_id: job }, query });
    const entries = runs.map((run) => ({ data: runEntry(run, context), cursor: run.id }));
    return { fields: {}, list: { name: "runs", entries, cursor: next } };
  },
});
