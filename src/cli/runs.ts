import type { RunList } from "../api/run-shape.ts";
import { defaultZone } from "../app/settings.ts";
import { openClient, segment } from "./client.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { readableLocal } from "./local-time.ts";
import { tookText } from "./run-words.ts";
import { table } from "./table.ts";

export const runs = defineCommand({
  name: "runs",
  summary: "The newest runs, of all jobs or of one",
  description: "Lists runs of the running petit, newest first.",
  args: {
    JOB: { type: "positional", required: false, description: "Only of this job." },
    limit: { type: "string", alias: "n", valueHint: "N", description: "At most so many, 1 to 1000. [default: 20]" },
    status: { type: "string", valueHint: "STATUS", description: "Only with this status, such as failed." },
    before: { type: "string", valueHint: "RUN", description: "Only older than this run." },
  },
  settings: [],
  examples: ["petit runs", "petit runs hello_world -n 5 --status failed"],
  run: async ({ JOB, limit, status, before }, context) => {
    const path = JOB === undefined ? "/api/runs" : `/api/jobs/${segment(JOB)}/runs`;
    const list = await openClient(context).get<typeof RunList.static>(path, { limit, status, before });
    const { out } = context.terminal;
    const zone = defaultZone(context.settings);
    const rows = list.runs.map((run) => [
      run.id,
      run.job_id,
      run.status,
      run.trigger,
      readableLocal(run.started_at ?? run.created_at, zone),
      tookText(run.duration_ms),
    ]);
    const text = table(["RUN", "JOB", "STATUS", "TRIGGER", "STARTED", "TOOK"], rows, out);
    out.write(context.json ? `${JSON.stringify(list, null, 2)}\n` : text);
    return EXIT.DONE;
  },
});
